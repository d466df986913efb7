"""What the controls of an explorer say, kept without a widget: what fits is drawn, what does not waits."""

import subprocess
import sys

import pytest

from lrcourse import CosineAnnealing, Cyclical, ExponentialDecay, LinearWarmup, StepDecay
from lrcourse.widgets.drafts import Draft, Drafts, Place

BASE, TOP, UP = (Place(0, 0, name) for name in ("base_lr", "max_lr", "step_size_up"))


def anything(_drawn):
    """Everything can be drawn."""


def cyclical():
    return Drafts((Cyclical(),), anything)


def asked_for(drafts, place, value):
    """Why a move has to wait."""
    with pytest.raises(ValueError) as problem:
        drafts.move(place, value)
    return f"{problem.value}."


def test_what_fits_is_drawn():
    """A move that makes a schedule is drawn, and has no message."""
    drafts = cyclical()
    drafts.move(UP, 100)

    assert drafts.drawn == (Cyclical(step_size_up=100),)
    assert drafts.value(UP) == drafts.asked(UP) == 100
    assert drafts.messages == {}


def test_what_does_not_fit_waits_and_the_rest_goes_on():
    """A move that makes none waits with the reason; another move is drawn without it, and the one
    that makes it fit draws both."""
    drafts = cyclical()
    why = asked_for(drafts, BASE, 0.5)
    drafts.move(UP, 100)

    assert drafts.drawn == (Cyclical(step_size_up=100),)
    assert drafts.messages == {BASE: why} and drafts.waiting == {BASE}
    assert (drafts.value(BASE), drafts.asked(BASE)) == (Cyclical().base_lr, 0.5)
    drafts.move(TOP, 1.0)
    assert drafts.drawn == (Cyclical(base_lr=0.5, max_lr=1.0, step_size_up=100),)
    assert drafts.messages == {}


def test_what_cannot_be_drawn_waits_too():
    """What may be drawn is for the explorer to say, not only for the schedules."""

    def short_ones(drawn):
        if drawn[0].step_size > 50:
            raise ValueError("too long for this figure")

    drafts = Drafts((StepDecay(),), short_ones)

    assert asked_for(drafts, Place(0, 0, "step_size"), 60) == "too long for this figure."
    assert drafts.drawn == (StepDecay(),)


def test_a_look_ahead_moves_nothing():
    """`after` says what a move would draw and which messages would stand, and leaves all as it is."""
    drafts = cyclical()
    why = asked_for(drafts, BASE, 0.5)

    assert drafts.after(TOP, 1.0) == ((Cyclical(base_lr=0.5, max_lr=1.0),), {})
    drawn, messages = drafts.after(TOP, 0.2)
    assert drawn == (Cyclical(max_lr=0.2),) and list(messages) == [BASE]
    assert drafts.drawn == (Cyclical(),) and drafts.messages == {BASE: why}


def test_a_refused_value_stays_refused_until_its_own_control_moves():
    """A value that is wrong whatever the others say has its message while others move."""
    drafts = cyclical()
    drafts.refuse(UP, ValueError("step_size_up must be a number"))
    drafts.move(TOP, 1.0)
    assert drafts.messages == {UP: "step_size_up must be a number."}
    drafts.move(UP, 100)

    assert drafts.messages == {}


def test_reset_goes_back_to_the_start():
    """Everything that was moved, waits or is refused is as at the start."""
    drafts = cyclical()
    drafts.move(UP, 100)
    asked_for(drafts, BASE, 0.5)
    drafts.refuse(TOP, ValueError("no"))
    drafts.reset()

    assert drafts.drawn == (Cyclical(),)
    assert drafts.messages == {} and drafts.asked(BASE) == Cyclical().base_lr


def test_what_is_not_moved_stays_itself():
    """A move of one schedule leaves the object of the other alone: its curve is not drawn anew."""
    one, other = CosineAnnealing(), StepDecay()
    drafts = Drafts((one, other), anything)
    drafts.move(Place(0, 0, "T_max"), 40)

    assert drafts.drawn[1] is other and drafts.drawn[0] == CosineAnnealing(T_max=40)


def test_joined_parts_move_alone_and_together():
    """A part's own field, the join, and the rate that all parts share are places of one value."""
    row = LinearWarmup(lr=0.1, total_iters=5).then(CosineAnnealing(lr=0.1, T_max=50), at=5)
    drafts = Drafts((row,), anything)
    drafts.move(Place(0, None, "lr"), 0.2)
    drafts.move(Place(0, 0, None), 10)
    drafts.move(Place(0, 1, "T_max"), 60)

    wanted = LinearWarmup(lr=0.2, total_iters=5).then(CosineAnnealing(lr=0.2, T_max=60), at=10)
    assert drafts.drawn == (wanted,)
    changes = "1.lr=0.2, 2.lr=0.2, 2.T_max=60, 2.at=10"
    assert Draft.of(wanted).difference(Draft.of(row)) == changes
    assert Draft.of(row).difference(Draft.of(row)) == "as at the start"


def test_of_two_faces_the_last_one_moved_counts():
    """Gamma and k are one value: moving k moves gamma."""
    drafts = Drafts((ExponentialDecay(),), anything)
    drafts.move(Place(0, 0, "gamma"), 0.5)
    drafts.move(Place(0, 0, "k"), 0.1)

    assert drafts.drawn == (ExponentialDecay(k=0.1),)


def test_no_widget_is_needed():
    """The module loads neither widgets nor figures."""
    code = "import sys, lrcourse.widgets.drafts; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

    assert "lrcourse.widgets.drafts" in loaded
    assert {"anywidget", "ipywidgets", "matplotlib", "torch"}.isdisjoint(loaded.split())
