"""Predict, discuss, vote again: what `choose` and `draw` do in a room."""

import json
import time

import pytest
from waiting import until

import lrcourse
from lrcourse import CosineAnnealing, memory, room
from lrcourse.widgets.predict import Choice, Drawing

ANSWER = "three stairs, each a tenth"
OTHER = "a straight line"
LINE = [[float(t), 0.05 + t / 4000] for t in (0, 20, 40, 60, 80, 100)]
HIGHER = [[t, rate + 0.01] for t, rate in LINE]


@pytest.fixture
def says(tmp_path, monkeypatch):
    """The instructor's board: `says({"step_decay": "second"})`."""
    monkeypatch.setenv("LRCOURSE_ROOM", str(tmp_path))

    def say(phases: dict) -> None:
        half = tmp_path / "half"
        half.write_text(json.dumps({"phases": phases}))
        half.replace(tmp_path / "room.json")

    return say


def voted(value: str) -> Choice:
    widget = lrcourse.choose("step_decay")
    widget.choose(value)
    widget.commit()
    return widget


def test_a_vote_is_kept_and_nothing_is_given_away(says):
    """Until the answer is open, a committed guess is kept, and the page holds no answer."""
    widget = voted(OTHER)

    assert widget.state["waiting"] and "the room will see it" in widget.state["says"]
    assert not {"answer", "right", "because"} & widget.state.keys()
    assert memory.recall("votes", "step_decay") == {"first": OTHER}
    assert memory.recall("choose", "step_decay") is None


def test_the_second_vote_stands_beside_the_first(says):
    """After the discussion the learner votes again; both votes are kept."""
    widget = voted(OTHER)
    says({"step_decay": "second"})
    until(lambda: not widget.state.get("waiting"))
    assert widget.state["chosen"] == OTHER and "vote again" in widget.state["says"]

    widget.choose(ANSWER)
    widget.commit()

    assert widget.state["waiting"]
    assert memory.recall("votes", "step_decay") == {"first": OTHER, "second": ANSWER}


def test_opening_shows_the_answer_to_who_voted(says):
    """When the instructor opens the answer, it appears by itself, with the first vote beside it."""
    widget = voted(OTHER)
    says({"step_decay": "second"})
    until(lambda: not widget.state.get("waiting"))
    widget.choose(ANSWER)
    widget.commit()
    says({"step_decay": "open"})
    until(lambda: not widget.state.get("waiting"))

    assert widget.state["right"] and widget.state["answer"] == ANSWER
    assert OTHER in widget.state["says"]
    assert memory.recall("choose", "step_decay") == ANSWER


def test_who_has_not_voted_still_may_when_it_is_open(says):
    """An open answer is shown after the learner's own guess, not before."""
    says({"step_decay": "open"})
    widget = lrcourse.choose("step_decay")
    assert widget.state == {"chosen": None, "committed": False}

    widget.choose(ANSWER)
    widget.commit()
    assert widget.state["right"]


def test_what_happens_elsewhere_in_the_room_disturbs_no_choice(says):
    """Another prediction's vote leaves a choice that is not committed as it is."""
    widget = lrcourse.choose("step_decay")
    widget.choose(OTHER)
    says({"cosine_annealing": "open"})
    time.sleep(3 * room.BLINK)
    assert widget.state == {"chosen": OTHER, "committed": False}


def test_a_notebook_opened_again_waits_on(says):
    """A vote is still there, and still waits, when the cell is run again."""
    voted(OTHER)
    again = lrcourse.choose("step_decay")
    assert again.state["waiting"] and again.state["chosen"] == OTHER


def test_a_damaged_vote_is_no_vote(says):
    """What is in the memory and is no sketch is left out."""
    memory.remember("votes", "step_decay", {"first": ["x"], "second": 3})
    assert lrcourse.choose("step_decay").state == {"chosen": None, "committed": False}


def drawn(points: list) -> Drawing:
    widget = lrcourse.draw("demo", CosineAnnealing(), steps=101)
    widget.draw(points)
    widget.commit()
    return widget


def test_a_drawing_waits_and_is_drawn_again(says):
    """Both drawings are kept; the true curve is not in the page before it is opened."""
    widget = drawn(LINE)
    assert widget.state["waiting"] and "truth" not in widget.state
    with pytest.raises(ValueError, match="when the room votes again"):
        widget.again()

    says({"demo": "second"})
    until(lambda: not widget.state.get("waiting"))
    widget.draw(HIGHER)
    widget.commit()
    assert memory.recall("votes", "demo") == {"first": LINE, "second": HIGHER}
    assert "truth" not in widget.state

    says({"demo": "open"})
    until(lambda: "truth" in widget.state)
    assert (widget.state["first"], widget.state["points"]) == (LINE, HIGHER)


def test_alone_everything_is_as_it_was():
    """Without a room the answer opens with the commit, and no vote is kept."""
    widget = voted(OTHER)
    assert widget.state["answer"] == ANSWER
    assert memory.recall("votes", "step_decay") is None


def test_a_room_that_says_nothing_or_nonsense_keeps_answers_closed(says, tmp_path):
    """A missing or damaged file opens nothing."""
    for text in ("", "[]", '{"phases": 3}', '{"phases": {"step_decay": "wide"}}'):
        (tmp_path / "room.json").write_text(text)
        assert room.phase("step_decay") == "first"
