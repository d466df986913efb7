"""The path of an optimizer over a loss of two parameters, under a schedule.

A picture that a network cannot give: where the optimizer is at every update, and what a large rate,
a small one and a falling one do about it. The surfaces are chosen for one trait each; a function
`loss(x, y)` of your own does as well. `lrcourse.explore_landscape` puts the same under your hands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

    def grid(self, points: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y and the loss over the window, each of shape (points, points), for contours."""
        left, right, bottom, top = self.window
        x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
        return x, y, self.loss(torch.tensor(x), torch.tensor(y)).numpy()


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
    noise    of the gradients: with it a path is one draw, and not all that a schedule does
    """

    surface: Surface
    paths: dict[str, np.ndarray]
    losses: dict[str, np.ndarray]
    used: dict[str, np.ndarray]
    noise: float = field(default=0.0, kw_only=True)

    def inside(self, name: str) -> np.ndarray:
        """Whether each position of a path lies in the window, shape (steps + 1,)."""
        left, right, bottom, top = self.surface.window
        path = self.paths[name]
        x, y = path.T
        return (x >= left) & (x <= right) & (y >= bottom) & (y <= top)

    def diverged(self, name: str) -> bool:
        """Whether a path ran away: out of the window, and higher than it began, or out of numbers."""
        losses = self.losses[name]
        higher = losses[-1] > losses[0] and not self.inside(name)[-1]
        return bool(higher or not np.isfinite(losses).all())

    def table(self) -> Any:
        """One row a schedule, as given: where it ended, the loss there and how far behind the best, the
        lowest loss on the way, and if it diverged."""
        import pandas as pd

        least = min((self.losses[name][-1] for name in self._ranked()), default=np.nan)
        rows = [
            {
                "x": path[-1, 0],
                "y": path[-1, 1],
                "loss": self.losses[name][-1],
                "behind": np.nan if self.diverged(name) else self.losses[name][-1] - least,
                "lowest": np.nanmin(self.losses[name]),
                "diverged": self.diverged(name),
            }
            for name, path in self.paths.items()
        ]
        return pd.DataFrame(rows, index=pd.Index(list(self.paths), name="schedule"))

    def verdict(self) -> str:
        """Who is best, as a race says it, and what each path did, a sentence or two a schedule.

        >>> print(landscape({"large": lambda t: 0.09, "small": lambda t: 0.05}).verdict())
        large beats small: 0.01688 lower loss, exactly
        large ends at x = -0.014, y = 0, with a loss of 9.73e-05, the lowest on its way.
        small ends at x = -0.184, y = 0, with a loss of 0.017, the lowest on its way.
        """
        return "\n".join([*self._compared(), *(self.told(name) for name in self.paths)])

    def _ranked(self) -> list[str]:
        """Those that did not diverge, the lowest loss at the end first."""
        sound = [name for name in self.paths if not self.diverged(name)]
        return sorted(sound, key=lambda name: self.losses[name][-1])

    def _compared(self) -> list[str]:
        best, *others = self._ranked() or [""]
        if not others:
            return []
        if self.noise:
            return [f"{best} and {', '.join(others)}: one draw of the noise shows nothing"]
        alone = self.losses[best][-1] < self.losses[others[0]][-1]
        head = [f"Best of {len(others) + 1}: {best}{', alone' if alone else ''}."]
        against = [self._against(best, name) for name in others]
        return [*(head if len(others) > 1 else []), *against]

    def _against(self, best: str, name: str) -> str:
        behind = self.losses[name][-1] - self.losses[best][-1]
        if behind == 0:
            return f"{best} and {name}: equal, exactly"
        return f"{best} beats {name}: {behind:.4g} lower loss, exactly"

    def told(self, name: str) -> str:
        """What one path did, in words."""
        losses, inside = self.losses[name], self.inside(name)
        x, y = (f"{round(v, 3) + 0:g}" for v in self.paths[name][-1])
        updates, left = len(losses) - 1, int(np.argmin(inside))
        if self.diverged(name):
            lost = np.flatnonzero(~np.isfinite(losses))
            end = f"after {updates} updates its loss is {losses[-1]:.3g}"
            if lost.size:
                end = f"from update {lost[0]} on its loss is beyond what a float can hold"
            return f"{name} diverged: it left the picture at update {left}, and {end}."
        lowest = int(np.nanargmin(losses))
        low = f"the lowest was {losses[lowest]:.3g}, after update {lowest}"
        low = "the lowest on its way" if lowest == updates else low
        ends = f"{name} ends at x = {x}, y = {y}, with a loss of {losses[-1]:.3g}, {low}."
        if inside.all():
            return ends
        came = ", and came back" if inside[-1] else ""
        return f"{ends} It left the picture at update {left}{came}."

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
    seed:      of the noise; the first updates of a longer run have that of a shorter one
    window:    what to draw, (left, right, bottom, top)

    >>> paths = landscape({"large": lambda t: 0.099, "small": lambda t: 0.05}, "ravine", steps=40)
    >>> paths.table().loss.round(3).to_dict()
    {'large': 1.988, 'small': 0.132}
    """
    from lrcourse.lab.optimizers import SGD

    chosen = surface_named(surface, start, window)
    steps = whole("steps", steps)
    noise = number("noise", noise, "a finite number of at least 0", lambda v: v >= 0)
    optimizer = SGD(momentum=0.0) if optimizer is None else optimizer_named(optimizer)
    named = schedules_named(schedules, steps, optimizer.momentum)
    plans = [plan(name, s, steps, optimizer.momentum) for name, s in named.items()]
    lr, momentum = (np.stack([getattr(p, f) for p in plans]) for f in ("lr", "momentum"))
    kicks = noise * draws(steps, seed)
    paths, losses = follow(chosen, lr, momentum, np.stack([kicks] * len(plans)), optimizer)
    by_name = [dict(zip(named, values)) for values in (paths, losses, lr)]
    return Landscape(chosen, *by_name, noise=noise)


def draws(steps: int, seed: int) -> np.ndarray:
    """Noise of standard deviation 1 for each part of the gradient of every update: (steps, 2)."""
    return np.random.default_rng(seed).standard_normal((steps, 2))


def follow(
    surface: Surface, lr: np.ndarray, momentum: np.ndarray, kicks: np.ndarray, optimizer: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Many paths at once, all from the start of `surface`: positions and the losses there.

    lr, momentum: what every update of every path uses, shape (paths, steps)
    kicks:        what noise adds to its gradient, shape (paths, steps, 2)

    The positions have shape (paths, steps + 1, 2), the losses (paths, steps + 1).
    """
    count, steps = lr.shape
    rates, momenta, noise = (torch.tensor(values).double() for values in (lr, momentum, kicks))
    where = torch.tensor([surface.start] * count, dtype=torch.float64)
    stepper = optimizer.attach([where])
    paths, losses = np.empty((count, steps + 1, 2)), np.empty((count, steps + 1))
    for t in range(steps + 1):
        at = where.clone().requires_grad_()
        loss = surface.loss(at[:, 0], at[:, 1])
        if not isinstance(loss, Tensor) or loss.shape != (count,):
            raise ValueError(
                f"surface must return one loss for every x, got {_shape(loss)} for {count}: write "
                f"it with torch operations on x and y"
            )
        paths[:, t], losses[:, t] = at.detach(), loss.detach()
        if t < steps:
            stepper.lr, stepper.momentum = rates[:, t], momenta[:, t]
            (gradient,) = torch.autograd.grad(loss.sum(), at)
            stepper.step([gradient + noise[:, t]])
    return paths, losses


def _shape(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if hasattr(value, "shape") else repr(value)


def surface_named(given: Any, start: Any = None, window: Any = None) -> Surface:
    """A surface from its name, or from a function; from elsewhere and seen elsewhere, if given."""
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
    left, right, bottom, top = window
    if not (left < right and bottom < top):
        raise ValueError(
            f"window must be (left, right, bottom, top), each below its end, got {window}"
        )
    if not (left <= start[0] <= right and bottom <= start[1] <= top):
        raise ValueError(
            f"start must lie in the window {window}, got {start}: give a larger window"
        )
    return Surface(given.name, given.loss, start, window, given.trait)


def _numbers(name: str, values: Any, count: int) -> tuple[float, ...]:
    try:
        values = tuple(values)
    except TypeError:
        values = ()
    if len(values) != count:
        raise ValueError(f"{name} must be {count} numbers, got {values!r}")
    return tuple(number(name, v, f"{count} finite numbers", lambda _: True) for v in values)
