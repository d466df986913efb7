"""Controls for the fields of schedules, and how what is drawn follows them.

When a control is touched, what is drawn at *every* position of it is computed and sent to the
browser at once, so that a drag needs no answer from the kernel.

What the controls say, and what of it can be drawn, is kept by `Drafts`; the controls themselves are
those of `controls.py`. A new explorer extends `Panel` here and `PanelView` in `panel.js`.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

import traitlets

from lrcourse.schedules import ReduceOnPlateau, Schedule
from lrcourse.widgets.controls import Control
from lrcourse.widgets.drafts import Drafts
from lrcourse.widgets.widget import CourseWidget


class Panel(CourseWidget):
    """Controls for the fields of schedules, and something that is drawn from what they say.

    What is drawn, a subclass says: `_show` sends it to the browser, `rows` makes it for every
    position of a control, `_try_out` raises `ValueError` where it cannot be drawn.
    """

    schedule = traitlets.Any(
        read_only=True, help="The schedule that is drawn: the first, where there are several."
    )

    _actions: ClassVar[tuple[str, ...]] = ("move", "enter", "reset")
    _replies: ClassVar[tuple[str, ...]] = ("rows",)

    def __init__(self, schedules: tuple[Any, ...], steps: int) -> None:
        """`schedules`: the values whose fields have controls; `steps`: how far those reach."""
        super().__init__()
        self.steps = steps
        self._drafts = Drafts(schedules, self._try_out)
        self._active = 0  # which schedule was moved last: the one that `pin` keeps

    def _begin(self, controls: Iterable[Control]) -> None:
        """With these controls, show what there is."""
        self.controls = {control.key: control for control in controls}
        self._stamps = dict.fromkeys(self.controls, 0)
        self._show()

    # What is drawn

    def _try_out(self, schedules: tuple[Any, ...]) -> None:
        """Raise `ValueError` if these cannot be drawn."""
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    def rows(self, key: str) -> tuple[dict, list[bytes]]:
        """What is drawn at every position of a control: the browser's, for a drag."""
        raise NotImplementedError

    def _controls_shown(self) -> dict:
        """What of the controls does not depend on where they stand."""
        return {"controls": [c.for_browser() for c in self.controls.values()]}

    def _tell_observers(self) -> None:
        """What is shown has changed: whoever observes `schedule` is told, last of all."""
        self.set_trait("schedule", self._schedules[0])

    def _values_shown(self) -> dict:
        """Where the controls stand, and what is wrong with them."""
        return {
            "values": {key: c.place_and_text() for key, c in self.controls.items()},
            "messages": {key: c.message for key, c in self.controls.items() if c.message},
            "stamps": dict(self._stamps),
        }

    def _after(self, control: Control, value: Any) -> tuple[tuple, dict[str, str]]:
        """What a move of a control would draw, and the messages that would stand."""
        drawn, messages = self._drafts.after(control.place, value)
        keys = {c.place: key for key, c in self.controls.items()}
        return drawn, {keys[place]: why for place, why in messages.items()}

    # What a learner, or a test, does from Python

    @property
    def _schedules(self) -> tuple[Any, ...]:
        return self._drafts.drawn

    def set(self, **values: Any) -> None:
        """Move controls: `set(step_size=10)`. What cannot be raises `ValueError`."""
        with self._lock:
            for name, value in values.items():
                self._move(self._control_named(name), value)

    @property
    def error(self) -> str | None:
        """The sentence that the learner sees because something is wrong, or None."""
        return self.trouble or " ".join(self._drafts.messages.values()) or None

    def reset(self) -> None:
        """Every control back to where it started; what was pinned stays."""
        with self._lock:
            self._drafts.reset()
            self._stamp_all()
            self._show()

    # What the browser asks for

    def move(self, key: str, value: Any) -> None:
        """A hand has moved a control: what cannot be explains itself there."""
        with suppress(ValueError):
            self._move(self.controls[key], value)

    def enter(self, key: str, text: str) -> None:
        """A hand has typed into a control."""
        control = self.controls[key]
        try:
            value = control.read(text)
        except ValueError as problem:
            self._refuse(control, problem)
        else:
            self.move(key, value)

    # Moving a control

    def _control_named(self, name: str) -> Control:
        if name in self.controls:
            return self.controls[name]
        ends = [c for key, c in self.controls.items() if key.split(".")[-1] == name]
        if len(ends) == 1:
            return ends[0]
        known = ", ".join(c.key for c in ends) if ends else ", ".join(self.controls)
        problem = "is the name of several controls" if ends else "is no control of this explorer"
        raise ValueError(f"{name} {problem}: use one of {known}")

    def _move(self, control: Control, value: Any) -> None:
        """Draw what the controls say now; where that is no schedule, say why and keep the curve."""
        others, positions = self._drafts.waiting - {control.place}, control.positions
        try:
            control.check(value)
        except ValueError as problem:
            self._refuse(control, problem)
            raise
        control.keep(value)
        try:
            self._drafts.move(control.place, value)
            self._moved(control)
        finally:
            same = self._drafts.waiting - {control.place} == others
            same = same and control.positions == positions
            self._stamp_all(but=control if same else None)
            self._show()

    def _moved(self, control: Control) -> None:
        """A control has moved, and is not drawn yet."""
        if isinstance(self._drafts.drawn[control.place.which], Schedule):
            self._active = control.place.which

    def _refuse(self, control: Control, problem: Exception) -> None:
        self._drafts.refuse(control.place, problem)
        self._stamp_all()
        self._show()

    def _stamp_all(self, but: Control | None = None) -> None:
        """The rows that the browser has are out of date, except those of the moved control."""
        for key in self._stamps:
            if but is None or key != but.key:
                self._stamps[key] += 1


def refuse_what_has_no_curve(schedule: Any, who: str = "explore") -> None:
    """Raise `ValueError` for what is no schedule, or has no curve; `who` is asked for it."""
    if isinstance(schedule, ReduceOnPlateau):
        raise ValueError(
            "ReduceOnPlateau has no curve to explore: its rate is not a function of t but of the "
            "losses. Call it with a list of losses to see what it does: ReduceOnPlateau()(losses)"
        )
    if isinstance(schedule, type) and issubclass(schedule, Schedule):
        name = schedule.__name__
        raise ValueError(f"{who} needs a schedule, got the class {name}: write {name}()")
    if not isinstance(schedule, Schedule):
        raise ValueError(f"{who} needs a schedule of this course, got {schedule!r}")


def names_of(schedules: tuple[Schedule, ...]) -> list[str]:
    """What the legend calls them: with a letter, where there are several."""
    names = [" + ".join(type(part).__name__ for _, part in s.stretches()) for s in schedules]
    return [f"{a}: {b}" for a, b in zip("ABCD", names)] if len(names) > 1 else names
