"""A learner's own training in the lab: the page about it runs, and bad input gets its fix."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lrcourse import Constant, lab
from lrcourse.lab.stacks import StackedMLP
from lrcourse.lab.trial import way_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "your_own_model.md"
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 4, generator=GENERATOR)
LABELS = torch.randint(3, (40,), generator=GENERATOR)
NUMBERS = X[:, :1] * 2


def net(outputs=3):
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, outputs))


def a_task(**changes):
    parts = {"model": net, "data": (X, LABELS), "test": (X, LABELS), "batch": 8}
    return lab.Task(name="mine", **parts | changes)


def line(**changes):
    parts = {"data": (X, NUMBERS), "test": (X, NUMBERS), "loss": F.mse_loss}
    return a_task(**{"model": lambda: net(1)} | parts | changes)


def raced(task, **options):
    options = {"steps": 12, "seeds": 2, "tune": False, "progress": False} | options
    return lab.race({"a": Constant(lr=0.05)}, task, **options)


def test_every_block_of_the_page_runs():
    """The page about one's own training runs from top to bottom, and does what it says."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    said = []
    names["print"] = lambda *values: said.append(" ".join(map(str, values)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # nothing on it is slow
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)

    assert len(blocks) >= 9
    assert said[1:] == ["16", "True"]


# Data


class Pairs(Dataset):
    """A Dataset as people write it: an array and a label at a time."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i].numpy(), int(LABELS[i])


@pytest.mark.parametrize(
    "data",
    [
        (X.numpy(), LABELS.numpy()),
        (X.double().numpy(), LABELS.numpy().astype("uint8")),
        [X.tolist(), LABELS.tolist()],
        TensorDataset(X, LABELS),
        Pairs(),
        DataLoader(Pairs(), batch_size=8, shuffle=True),
        DataLoader(TensorDataset(X, LABELS), batch_size=8),
    ],
    ids=["NumPy", "other types", "lists", "TensorDataset", "Dataset", "DataLoader", "tensors' DataLoader"],
)  # fmt: skip
def test_data_of_every_kind(data):
    """NumPy arrays, lists, a Dataset and a DataLoader train as the same tensors do."""
    same = raced(a_task(data=data, test=data))

    np.testing.assert_array_equal(same.losses["a"], raced(a_task()).losses["a"])


def test_pandas_tables():
    """A DataFrame and a Series are taken by their values."""
    import pandas as pd

    data = (pd.DataFrame(X.numpy()), pd.Series(LABELS.numpy(), index=range(100, 140)))

    np.testing.assert_array_equal(raced(a_task(data=data)).losses["a"], raced(a_task()).losses["a"])


def test_the_loaders_batch_size():
    """A DataLoader brings its batch size, unless another is given; without one it is 32."""
    loader = DataLoader(TensorDataset(X, LABELS), batch_size=7)

    assert a_task(data=loader, batch=None).batch == 7
    assert a_task(data=loader, batch=9).batch == 9
    assert a_task(batch=None).batch == 32


def test_a_class_is_a_function_that_builds():
    """`model=Net` is enough where Net takes no arguments."""

    class Net(nn.Sequential):
        def __init__(self):
            super().__init__(*net())

    np.testing.assert_array_equal(
        raced(a_task(model=Net), dtype=torch.float64).scores["a"].round(9),
        raced(a_task(), dtype=torch.float64).scores["a"].round(9),
    )


def test_losses_as_modules():
    """`nn.CrossEntropyLoss()` is cross-entropy, and as fast; with settings of its own it is itself."""
    smoothed = nn.CrossEntropyLoss(label_smoothing=0.1)

    assert way_of(a_task(loss=nn.CrossEntropyLoss())).stack is StackedMLP
    assert a_task(loss=smoothed).score is smoothed
    assert raced(a_task(loss=smoothed)).losses["a"][0, 0] != pytest.approx(
        raced(a_task()).losses["a"][0, 0]
    )


def test_losses_that_reshape_for_themselves():
    """Targets of another shape are fine where the loss knows about it."""
    flat = NUMBERS[:, 0]
    squeezed = line(data=(X, flat), test=(X, flat), loss=lambda o, y: F.mse_loss(o.squeeze(1), y))

    np.testing.assert_allclose(raced(squeezed).losses["a"], raced(line()).losses["a"], rtol=1e-5)


def test_a_score_in_eval_mode_before_and_after():
    """The score before training is that of the model in eval mode."""
    task = a_task(model=lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)))

    assert task.start(0) == task.start(0)
    assert raced(task, steps=1).start[0] == pytest.approx(task.start(0))


def test_averages_stand_beside_the_scores():
    """With `ema`, the table has a column for the averaged weights; it survives saving."""
    made = raced(a_task(), optimizer=lab.SGD(ema=0.9))

    assert made.table().loc["a", "averaged"] == pytest.approx(made.averages["a"][:, -1].mean())
    assert made.table().loc["a", "averaged"] != pytest.approx(made.table().loc["a", "mean"])
    assert "averaged" not in raced(a_task()).table()


# What is refused, and the fix


class Endless(IterableDataset):
    def __iter__(self):
        yield X[0], 1


NAN = X.clone()
NAN[7, 1] = float("nan")


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: a_task(data=X), r"data must be \(inputs, targets\), .*got a Tensor of shape \(40, 4\)"),
        (lambda: a_task(data=X.numpy()), "got a ndarray of shape"),
        (lambda: a_task(data=(X, LABELS, LABELS)), "data must be two, inputs and targets, got 3 parts"),
        (lambda: a_task(test=(X,)), "test must be two, inputs and targets, got 1 parts"),
        (lambda: a_task(data=(X, LABELS[:3])), "same length, at least 1, got 40 and 3"),
        (lambda: a_task(data=(X[:0], LABELS[:0])), "at least 1, got 0 and 0"),
        (lambda: a_task(data=(NAN, LABELS)), "inputs of data hold 1 values that are nan.*in example 7: leave"),
        (lambda: line(test=(X, NUMBERS / 0)), "targets of test hold 40 values that are nan or infinite"),
        (lambda: a_task(data=(NAN.numpy(), LABELS)), "inputs of data hold 1 values that are nan"),
        (lambda: a_task(data=(X, ["cat"] * 40)), "targets of data must be numbers, got a list.*as a number"),
        (lambda: a_task(data=([[1], [1, 2]], [0, 1])), "inputs of data must have one shape for all examples"),
        (lambda: a_task(data=Endless()), "data is an Endless, which has no length"),
        (lambda: a_task(data=DataLoader(Endless())), "which has no length"),
        (lambda: a_task(data=TensorDataset(X)), "got 1 parts"),
        (lambda: a_task(batch=0), "batch must be a positive whole number, got 0"),
        (lambda: a_task(model=net()), "model must be a function that builds a new model.*lambda: Sequential"),
        (lambda: a_task(loss="mse"), "loss must be a function, got 'mse'"),
        (lambda: a_task(optimizer="adam"), "optimizer must be one of 'sgd', 'adamw', 'lion', 'muon'"),
        (lambda: raced(a_task(model=nn.Linear)), r"model\(\) failed: TypeError.*write lambda: Linear\(...\)"),
        (lambda: a_task(loss=nn.MSELoss), r"loss is the class MSELoss: write MSELoss\(\)"),
        (lambda: raced(line(data=(X, NUMBERS[:, 0]))),
         r"outputs \(8, 1\) and targets \(8,\) .* compares each output with every target: give targets as y\[:, None\]"),
        (lambda: raced(line(data=(X, NUMBERS[:, 0]), loss=lambda o, y: ((o - y) ** 2).mean())),
         r"give targets as y\[:, None\]"),
        (lambda: raced(a_task(data=(X, LABELS[:, None]))), r"failed on a batch.*one whole number an example: y\[:, 0\]"),
        (lambda: raced(a_task(data=(X, LABELS.float()))), r"failed on a batch.*y \(8,\) float32"),
        (lambda: raced(a_task(data=(X.long(), LABELS))), r"x \(8, 4\) int64.*inputs as floats: x.astype"),
        (lambda: raced(line(loss=lambda o, y: o - y)), r"one number for a batch, got shape \(8, 1\): take the mean"),
        (lambda: raced(line(loss=lambda o, y: 1.0)), "loss must return a tensor, got 1.0"),
        (lambda: raced(line(loss=lambda o, y: (o * 0).log().mean())), "is -inf on its first batch, before any update"),
    ],
)  # fmt: skip
def test_what_was_given_and_the_fix(make, said):
    """What cannot be trained names what was given, and what to give instead."""
    with pytest.raises(ValueError, match=said), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about shapes
        make()


def test_nothing_in_an_error_is_jargon():
    """No error about a learner's model speaks of vmap where it failed for them, not for the lab."""
    with pytest.raises(ValueError) as raised:
        raced(a_task(model=lambda: nn.Linear(9, 3)))

    assert "vmap" not in str(raised.value) and "x (8, 4) float32" in str(raised.value)
