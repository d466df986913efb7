"""What the teaching widgets share: how they talk to the browser, keep answers, draw axes.

A widget has two synced values. `content` is what hardly ever changes: the question, the controls.
`state` is what the learner has done, and what may be shown for it; an answer enters it only once
it has been earned. The browser draws both and calls the widget's own methods, named in `_actions`:
what a hand can do, a test can do from Python.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Condition, RLock
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets

from lrcourse import memory
from lrcourse.schedules import Schedule

HERE = Path(__file__).parent


def script(*names: str, view: str = "") -> str:
    """The JavaScript of one widget: the part that all share, what it builds on, its own.

    `view`: the class that is shown, where the last file exports no `render` of its own.
    """
    shown = f"\nexport default showing({view});\n" if view else ""
    return _joined("js", names) + shown


def look(*names: str) -> str:
    """The style sheet of one widget, made up as its `script` is."""
    return _joined("css", names)


def _joined(ending: str, names: tuple[str, ...]) -> str:
    files = [HERE / f"{name}.{ending}" for name in ("widget", *names)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


class Turns:
    """Takes up the messages of a page one at a time, in the order in which they were sent.

    A kernel that has subshells may hand over two at once, or the second first. Each message has a
    `serial`: [its page, its number there, counted from 1].
    """

    PATIENCE = 3.0  # seconds for a message to wait for the one before, which may be lost

    def __init__(self, lock: Any = None) -> None:
        """`lock`: what else, besides a message, has to hold to touch the widget."""
        self._turn = Condition(lock)
        self._last: dict[str, int] = {}

    @contextmanager
    def take(self, serial: tuple[str, int] | None) -> Iterator[None]:
        """Wait for the turn of this message and hold it; one without a number takes the next."""
        page, number = serial or ("", 0)
        with self._turn:
            try:
                self._turn.wait_for(lambda: number <= self._done(page) + 1, self.PATIENCE)
                yield
            finally:
                self._last[page] = max(number, self._done(page))
                self._turn.notify_all()

    def _done(self, page: str) -> int:
        return self._last.get(page, 0)


class CourseWidget(anywidget.AnyWidget):
    """A widget that the browser draws from `content` and `state`, and acts on by name.

    A message of the browser is {"do": an action, "with": its arguments}, which is done in turn and
    acknowledged, or {"ask": a question, "with": ...}, which changes nothing and whose answer, a
    message with its buffers, is sent back. Both are methods of the widget.
    """

    _css = look()
    _actions: ClassVar[tuple[str, ...]] = ()
    _replies: ClassVar[tuple[str, ...]] = ()

    content = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)  # one sentence for the learner; "" if all is well

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._lock = RLock()  # the browser's messages may arrive while a cell runs
        self._turns = Turns(self._lock)
        self.on_msg(self._hear)

    def open(self) -> None:
        """Begin to talk to the browser.

        ipykernel from 7.4 on hands a message of the browser to the shell from which Python last
        sent one. That may be the one in which a cell runs now: here each goes where the browser sent
        it, a subshell, and is heard at once.
        """
        super().open()
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = None

    def _hear(self, _widget: Any, message: dict, _buffers: Any) -> None:
        """Do or answer what the browser asks. What goes wrong is told to the learner, then raised."""
        kind, known = ("ask", self._replies) if "ask" in message else ("do", self._actions)
        name, serial = message.get(kind), message.get("serial")
        if name not in known:
            raise ValueError(f"the browser may {kind} one of {known}, got {name!r}")
        with self._turns.take(serial):
            if kind == "do":
                self.trouble = ""
            try:
                answer = getattr(self, name)(*message.get("with", ()))
            except Refused as error:
                self.trouble = sentence(str(error))
            except Exception as error:
                self.trouble = (
                    f"This did not work ({type(error).__name__}: {error}). Run the cell again."
                )
                raise
            else:
                if answer is not None:
                    self.send(*answer)
            finally:
                if serial:  # the hand that sent it waits to be caught up with
                    self.send({"done": serial})

    def _recall(self, kind: str, key: str) -> Any:
        try:
            return memory.recall(kind, key)
        except OSError as error:
            self._not_kept(error)

    def _remember(self, kind: str, key: str, value: Any) -> None:
        try:
            memory.remember(kind, key, value)
        except OSError as error:
            self._not_kept(error)

    def _not_kept(self, error: OSError) -> None:
        """An answer still counts where the memory cannot be used; the learner is told."""
        self.trouble = f"Your answers cannot be kept in {memory.home()} ({error})."

    # What a page without a kernel shows. Where the learner can be right or wrong, it does not
    # depend on what this learner did, and gives no answer away.

    def _as_text(self) -> str:
        return repr(self)

    def _as_figure(self) -> Any:
        """A matplotlib figure, or None where text says it all."""
        return None

    def _as_png(self) -> bytes | None:
        picture = self._as_figure()
        return None if picture is None else png(picture)

    def _as_html(self) -> str | None:
        return None

    def _alternative(self) -> str:
        """The picture in words."""
        return self._as_text()

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict, dict]:
        """The live widget; and for a page without a kernel, a picture and a text."""
        from lrcourse.plots import as_html

        bundle = super()._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        with self._lock:
            picture = self._as_png()
            html = as_html(picture, self._alternative()) if picture else self._as_html()
            still = {"text/plain": self._as_text(), "text/html": html}
        return data | {mime: value for mime, value in still.items() if value}, metadata


class Refused(ValueError):
    """What was asked cannot be done yet, in a sentence for the learner. Nothing is broken."""


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


# Curves and axes


def rates_of(name: str, source: Any, steps: int | None = None) -> np.ndarray:
    """The rates of `source`, a schedule or an array of one rate per update, as an array.

    A schedule is evaluated for `steps` updates (its `horizon`, if None), or up to its last one.
    """
    if isinstance(source, Schedule):
        last = min((steps or source.horizon) - 1, source.last)
        return source(np.arange(int(last) + 1))
    rates = one_row(name, source)
    return rates if steps is None else rates[:steps]


def one_row(name: str, values: Any) -> np.ndarray:
    """`values` as floats of shape (n,), with n at least 2."""
    try:
        row = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        row = np.array(0.0)
    if row.ndim == 0:
        raise ValueError(f"{name} must be a schedule or a list of numbers, got {values!r}")
    if row.ndim != 1 or len(row) < 2:
        raise ValueError(
            f"{name} must hold one number per update, at least 2, got shape {row.shape}"
        )
    return row


def finite_row(name: str, values: Any) -> np.ndarray:
    row = one_row(name, values)
    bad = np.flatnonzero(~np.isfinite(row))
    if bad.size:
        raise ValueError(f"{name} must be finite, got {row[bad[0]]} at position {bad[0]}")
    return row


def to_json(values: Any) -> list[float | None]:
    """Numbers for the browser: six digits are finer than a pixel; what is not finite is None."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def axes(x: tuple[float, float], y: tuple[float, float], xlabel: str, ylabel: str) -> dict:
    """Axes for the browser to draw: limits, round tick values, labels."""
    return {
        "x": {"from": float(x[0]), "to": float(x[1]), "ticks": _ticks(*x), "label": xlabel},
        "y": {"from": float(y[0]), "to": float(y[1]), "ticks": _ticks(*y), "label": ylabel},
    }


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [(float(v), f"{v:g}") for v in values if low - slack <= v <= high + slack]


def describe(curve: np.ndarray) -> str:
    """A curve in words, for who cannot see it: where it starts, moves, jumps and ends."""
    span = np.ptp(curve)
    if span == 0:
        return f"stays at {curve[0]:.3g} throughout"
    moves = np.where(np.abs(np.diff(curve)) > 1e-9 * span, np.diff(curve), 0.0)
    at = _jumps(moves)
    parts = [
        f"starts at {curve[0]:.3g}",
        _course(moves, stairs=bool(len(at))),
        f"is at {curve[len(curve) // 2]:.3g} halfway",
        f"ends at {curve[-1]:.3g}",
    ]
    if np.any(moves > 0) and np.any(moves < 0):
        far = {"lowest": int(np.argmin(curve)), "highest": int(np.argmax(curve))}
        ends = (0, len(curve) - 1)
        parts += [f"is {name} at {t} ({curve[t]:.3g})" for name, t in far.items() if t not in ends]
    if 0 < len(at) <= 5:
        parts += [f"jumps at {' and '.join(str(j) for j in at)}"]
    return ", ".join(parts)


def upright(t: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve to draw whose jumps are upright: at a jump the old rate once more.

    >>> upright(np.arange(4), np.array([0.1, 0.1, 0.01, 0.01]))
    (array([0, 1, 2, 2, 3]), array([0.1 , 0.1 , 0.1 , 0.01, 0.01]))
    """
    at = jumps(rates)
    return np.insert(t, at, t[at]), np.insert(rates, at, rates[at - 1])


def jumps(curve: np.ndarray) -> np.ndarray:
    """Before which updates a curve jumps.

    >>> jumps(np.array([0.1, 0.1, 0.01, 0.01]))
    array([2])
    """
    return _jumps(np.diff(curve))


def _jumps(moves: np.ndarray) -> np.ndarray:
    """Where a curve jumps: a move ten times as long as those around it."""
    size = np.abs(moves)
    around = np.maximum(np.append(0, size[:-1]), np.append(size[1:], 0))
    return np.flatnonzero((size > 0) & (size > 10 * around)) + 1


def _course(moves: np.ndarray, stairs: bool) -> str:
    """Which way the curve goes: down, up, or how often it turns."""
    direction = np.sign(moves[moves != 0])
    turns = int(np.count_nonzero(np.diff(direction)))
    first = "rises" if direction[0] > 0 else "falls"
    if turns == 0:
        flat = np.count_nonzero(moves == 0) > len(moves) / 2
        return f"{first} in stairs" if flat and stairs else f"{first} and stays" if flat else first
    if turns == 1:
        return "rises, then falls" if first == "rises" else "falls, then rises"
    return f"{first} first and turns {turns} times"


# The picture of a page without a kernel


def figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (7.0, 3.2)) -> Any:
    """A figure in the look of the course that is nobody else's, and a list of its axes.

    Not made by pyplot: a widget may draw while a cell does.
    """
    from matplotlib.figure import Figure

    from lrcourse.plots import style

    with style():
        new = Figure(figsize=size, layout="constrained")
        return new, [new.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]


def png(picture: Any) -> bytes:
    """A figure as PNG, without the version of matplotlib in it, so that it does not change."""
    from lrcourse.plots import style

    out = BytesIO()
    with style():
        picture.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
