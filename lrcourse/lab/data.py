"""The examples of a task, from whatever they are kept in: tensors, NumPy, a Dataset, a DataLoader."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

Examples = tuple[Tensor, Tensor]


def examples(name: str, given: Any) -> Examples:
    """Inputs and targets as tensors of one length. Raises `ValueError` for what cannot be that.

    Floats of NumPy become float32, whole numbers int64; tensors stay as they are. A Dataset or a
    DataLoader is read once, from first to last: what it draws at random is drawn once.
    """
    parts = _parts(name, given)
    if len(parts) != 2:
        raise ValueError(f"{name} must be two, inputs and targets, got {len(parts)} parts")
    x, y = (_tensor(f"{part} of {name}", v) for part, v in zip(("inputs", "targets"), parts))
    lengths = [len(values) if values.dim() else 0 for values in (x, y)]
    if lengths[0] != lengths[1] or not lengths[0]:
        raise ValueError(
            f"{name} must be inputs and targets of the same length, at least 1, "
            f"got {lengths[0]} and {lengths[1]}"
        )
    return x, y


def batch_of(given: Any) -> int | None:
    """The batch size that the data comes with, if it comes with one."""
    return given.batch_size if isinstance(given, DataLoader) else None


def _parts(name: str, given: Any) -> Any:
    if isinstance(given, DataLoader):
        return _items(name, given.dataset, given.collate_fn)
    if isinstance(given, TensorDataset):
        return given.tensors
    if isinstance(given, Dataset):
        return _items(name, given, default_collate)
    if isinstance(given, tuple | list):
        return given
    raise ValueError(
        f"{name} must be (inputs, targets), a Dataset or a DataLoader, got {_described(given)}"
    )


def _items(name: str, dataset: Any, collate: Any) -> Any:
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise ValueError(
            f"{name} is {_described(dataset)}, which has no length: give its examples as "
            f"(inputs, targets)"
        )
    if not len(dataset):
        raise ValueError(f"{name} has no examples: {_described(dataset)} is empty")
    if isinstance(dataset, TensorDataset) and collate is default_collate:
        return dataset.tensors
    try:
        parts = collate([dataset[i] for i in range(len(dataset))])
    except Exception as error:
        raise ValueError(
            f"the examples of {name} could not be put together: {error}. Each must be a pair of "
            f"tensors or numbers, all of one shape"
        ) from error
    if not isinstance(parts, tuple | list):
        raise ValueError(f"each example of {name} must be a pair (input, target)")
    return parts


def _tensor(name: str, given: Any) -> Tensor:
    """`given` as a tensor of finite numbers."""
    values = given.detach() if isinstance(given, Tensor) else _from_numpy(name, given)
    if values.device.type != "cpu":
        raise ValueError(
            f"{name} are on {values.device}, and the lab trains on the processor: .cpu()"
        )
    if values.is_floating_point() and not values.isfinite().all():
        bad = ~values.isfinite()
        row = int(bad.nonzero()[0, 0]) if values.dim() else 0
        raise ValueError(
            f"{name} hold {int(bad.sum())} values that are nan or infinite, the first in example "
            f"{row}: leave these examples out, or fill them in"
        )
    return values


def _from_numpy(name: str, given: Any) -> Tensor:
    try:
        values = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must have one shape for all examples: {error}") from error
    if values.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} must be numbers, got {_described(given)} with values of type {values.dtype}: "
            f"write every category as a number"
        )
    kept = {"f": np.float32, "b": np.bool_}.get(values.dtype.kind, np.int64)
    return torch.from_numpy(np.array(values, dtype=kept))  # a copy: what is read-only stays so


def _described(given: Any) -> str:
    kind = type(given).__name__
    shape = f" of shape {tuple(given.shape)}" if hasattr(given, "shape") else ""
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}{shape}"
