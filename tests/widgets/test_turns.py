"""Messages of a page may overtake one another on their way; what the hand did last counts."""

import threading
import time

import pytest
from widget_tools import from_browser

import lrcourse
from lrcourse import CosineAnnealing, StepDecay
from lrcourse.widgets.widget import Turns

SOON = 60.0  # seconds; far more than any of this takes
LONG = 120.0
POINTS = [[0, 0.1], [50, 0.02], [100, 0]]


def drawing():
    return lrcourse.draw("d", CosineAnnealing(lr=0.1, T_max=100), steps=101, points=3)


def sending(widget, serial, action, *values, **fields):
    """A thread that hands over one message, as a kernel with subshells may."""
    said = {"args": (widget, action, *values), "kwargs": {"serial": serial, **fields}}
    thread = threading.Thread(target=from_browser, daemon=True, **said)
    thread.start()
    return thread


@pytest.fixture
def answered(monkeypatch):
    """What Python says after a message, by the page's own number for it."""

    def listen(widget):
        said = []
        monkeypatch.setattr(widget, "send", lambda message, *_: said.append(message.get("done")))
        return said

    return listen


def test_a_commit_that_overtook_a_move_waits_for_it(monkeypatch, answered):
    """The drawing that is committed is the one whose last move is still on its way."""
    monkeypatch.setattr(Turns, "PATIENCE", LONG)
    widget = drawing()
    said = answered(widget)
    commit = sending(widget, ["page", 2], "commit")
    time.sleep(0.1)
    assert widget.state["committed"] is False
    move = sending(widget, ["page", 1], "draw", POINTS)
    move.join(SOON)
    commit.join(SOON)

    assert widget.state["committed"] is True
    assert widget.state["first"] == POINTS
    assert said == [["page", 1], ["page", 2]]


def test_by_itself_a_message_waits_long_enough(answered):
    """With the patience that learners get, a move that comes a moment late still has its turn."""
    widget = drawing()
    said = answered(widget)
    commit = sending(widget, ["page", 2], "commit")
    commit.join(0.1)
    assert widget.state["committed"] is False
    sending(widget, ["page", 1], "draw", POINTS).join(SOON)
    commit.join(SOON)

    assert widget.state["first"] == POINTS
    assert said == [["page", 1], ["page", 2]]


def test_an_explorer_ends_where_the_hand_did(monkeypatch, answered):
    """Of two moves of a slider the later one counts, whichever arrives first."""
    monkeypatch.setattr(Turns, "PATIENCE", LONG)
    explorer = lrcourse.explore(StepDecay())
    said = answered(explorer)
    later = sending(explorer, ["page", 2], "move", "step_size", 20)
    time.sleep(0.1)
    assert explorer.schedule == StepDecay()
    sending(explorer, ["page", 1], "move", "step_size", 10).join(SOON)
    later.join(SOON)

    assert explorer.schedule == StepDecay(step_size=20)
    assert said == [["page", 1], ["page", 2]]


def test_a_message_that_is_lost_does_not_stop_the_next(monkeypatch, answered):
    """After a while a widget goes on without the message that never came."""
    monkeypatch.setattr(Turns, "PATIENCE", 0.05)
    widget = drawing()
    said = answered(widget)
    from_browser(widget, "draw", POINTS, serial=["page", 2])
    monkeypatch.setattr(Turns, "PATIENCE", LONG)
    from_browser(widget, "commit", serial=["page", 3])

    assert widget.state["first"] == POINTS
    assert said == [["page", 2], ["page", 3]]


def test_two_pages_do_not_wait_for_each_other(monkeypatch, answered):
    """Each page counts its own messages: many in one are no turn in another."""
    monkeypatch.setattr(Turns, "PATIENCE", LONG)
    widget = drawing()
    said = answered(widget)
    for number in (1, 2, 3):
        sending(widget, ["one", number], "draw", POINTS).join(SOON)
    commit = sending(widget, ["two", 2], "commit")
    time.sleep(0.1)
    assert widget.state["committed"] is False
    sending(widget, ["two", 1], "draw", POINTS).join(SOON)
    commit.join(SOON)

    assert said == [["one", 1], ["one", 2], ["one", 3], ["two", 1], ["two", 2]]


def test_a_move_that_breaks_does_not_hold_up_the_next(monkeypatch, answered):
    """A message that raised has had its turn."""
    monkeypatch.setattr(Turns, "PATIENCE", LONG)
    widget = drawing()
    said = answered(widget)
    for serial in (["page", 1], ["page", 2]):
        sending(widget, serial, "draw", "no", "such", "thing").join(SOON)

    assert widget.trouble.startswith("This did not work (TypeError")
    assert said == [["page", 1], ["page", 2]]
