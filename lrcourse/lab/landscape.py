"""The path of an optimizer over a loss of two parameters, under a schedule.

A picture that a network cannot give: where the optimizer is at every update, and what a large rate,
a small one and a falling one do about it. The surfaces are chosen for one trait each; a function
`loss(x, y)` of your own does as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lrcourse._fields import number, whole
from lrcourse.lab.optimizers import optimizer_named
from lrcourse.lab.plans import plan, schedules_named


@dataclass(frozen=True)
class Surface:
    """A loss of two parameters: the formula, where to start, and what part of it to draw."""

    name: str
    loss: Callable[[Tensor, Tensor], Tensor]
    start: tuple[float, float]
    window: tuple[float, float, float, float]
    trait: str


SURFACES = {
    surface.name: surface
    for surface in (
        Surface(
            "ravine",
            lambda x, y: (x**2 + 20 * y**2) / 2,
            (-4.0, 1.0),
            (-5, 2, -1.6, 1.6),
            "steep across (curvature 20), flat along (1): no rate above 2 / 20 holds",
        ),
        Surface(
            "banana",
            lambda x, y: (1 - x) ** 2 + 10 * (y - x**2) ** 2,
            (-1.2, 1.0),
            (-2, 2, -1, 3),
            "Rosenbrock's curved valley, floor nearly flat, minimum at (1, 1)",
        ),
        Surface(
            "saddle",
            lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
            (2.0, 0.01),
            (-2.5, 2.5, -1.8, 1.8),
            "flat where two valleys part, minima at (0, 1) and (0, -1)",
        ),
        Surface(
            "two wells",
            lambda x, y: torch.minimum(25 * ((x + 1) ** 2 + y**2), ((x - 1) ** 2 + y**2) / 2 - 0.5),
            (-1.1, 0.1),
            (-2, 3, -1.6, 1.6),
            "a sharp well (curvature 50) beside a wide one (1): a rate above 2 / 50 is thrown out",
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Landscape:
    """The paths of `landscape(...)`.

    paths    name -> position before the first update and after each, shape (steps + 1, 2)
    losses   name -> the loss there, shape (steps + 1,)
    used     name -> the rate of every update, shape (steps,)
    """

    surface: Surface
    paths: dict[str, np.ndarray]
    losses: dict[str, np.ndarray]
    used: dict[str, np.ndarray]

    def grid(self, points: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y and the loss over the window, each of shape (points, points), for contours."""
        left, right, bottom, top = self.surface.window
        x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
        return x, y, self.surface.loss(torch.tensor(x), torch.tensor(y)).numpy()

    def table(self) -> Any:
        """One row a schedule: where it ended, the loss there, and the lowest on the way."""
        import pandas as pd

        rows = [
            {"x": p[-1, 0], "y": p[-1, 1], "loss": loss[-1], "lowest": np.nanmin(loss)}
            for p, loss in zip(self.paths.values(), self.losses.values())
        ]
        return pd.DataFrame(rows, index=pd.Index(list(self.paths), name="schedule"))

    def plot(self) -> Any:
        """Paths over contours, and beneath them the rates. The figure."""
        from lrcourse.lab.drawing import draw_landscape

        return draw_landscape(self)

    def __repr__(self) -> str:
        return f"<Landscape of {', '.join(self.paths)} on {self.surface.name}>"


def landscape(
    schedules: Any,
    surface: Any = "ravine",
    *,
    start: Sequence[float] | None = None,
    steps: int = 60,
    optimizer: Any = None,
    noise: float = 0.0,
    seed: int = 0,
    window: Sequence[float] | None = None,
) -> Landscape:
    """Follow an optimizer over `surface` under each of `schedules`.

    schedules: name -> schedule or function, or a list of names from `lab.shapes(steps)`
    surface:   one of `lab.SURFACES`, or a function loss(x, y) of two tensors of the same shape
    start:     where to begin, (x, y)
    optimizer: plain SGD if None
    noise:     standard deviation of the noise on each part of the gradient, the same for all
    window:    what to draw, (left, right, bottom, top)

    >>> paths = landscape({"large": lambda t: 0.099, "small": lambda t: 0.05}, "ravine", steps=40)
    >>> paths.table().loss.round(3).to_dict()
    {'large': 1.988, 'small': 0.132}
    """
    from lrcourse.lab.optimizers import SGD

    chosen = _surface(surface, start, window)
    steps = whole("steps", steps)
    noise = number("noise", noise, "a finite number of at least 0", lambda v: v >= 0)
    optimizer = SGD(momentum=0.0) if optimizer is None else optimizer_named(optimizer)
    named = schedules_named(schedules, steps, optimizer.momentum)
    plans = [plan(name, s, steps, optimizer.momentum) for name, s in named.items()]
    lr, momentum = (
        torch.tensor(np.stack([getattr(p, f) for p in plans])) for f in ("lr", "momentum")
    )

    where = torch.tensor([chosen.start] * len(plans), dtype=torch.float64)
    stepper = optimizer.attach([where])
    kicks = noise * torch.randn(
        steps, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    paths, losses, used = [], [], []
    for t in range(steps + 1):
        at = where.clone().requires_grad_()
        loss = chosen.loss(at[:, 0], at[:, 1])
        if loss.shape != (len(plans),):
            raise ValueError(
                f"surface must return one loss for every x, got shape {tuple(loss.shape)} for "
                f"{len(plans)}: write it with torch operations on x and y"
            )
        paths.append(at.detach().numpy())
        losses.append(loss.detach().numpy())
        if t < steps:
            stepper.lr, stepper.momentum = lr[:, t], momentum[:, t]
            (gradient,) = torch.autograd.grad(loss.sum(), at)
            stepper.step([gradient + kicks[t]])
            used.append(stepper.lr.numpy())

    def by_name(values: list) -> dict[str, np.ndarray]:
        return dict(zip(named, np.stack(values, axis=1)))

    return Landscape(chosen, by_name(paths), by_name(losses), by_name(used))


def _surface(given: Any, start: Any, window: Any) -> Surface:
    if callable(given):
        name = getattr(given, "__name__", "yours").replace("<lambda>", "yours")
        given = Surface(name, given, (1.0, 1.0), (-2, 2, -2, 2), "your own")
    elif isinstance(given, str) and given in SURFACES:
        given = SURFACES[given]
    else:
        names = ", ".join(repr(name) for name in SURFACES)
        raise ValueError(f"surface must be one of {names}, or a function loss(x, y), got {given!r}")
    start = given.start if start is None else _numbers("start", start, 2)
    window = given.window if window is None else _numbers("window", window, 4)
    return Surface(given.name, given.loss, start, window, given.trait)


def _numbers(name: str, values: Any, count: int) -> tuple[float, ...]:
    try:
        values = tuple(values)
    except TypeError:
        values = ()
    if len(values) != count:
        raise ValueError(f"{name} must be {count} numbers, got {values!r}")
    return tuple(number(name, v, f"{count} finite numbers", lambda _: True) for v in values)
