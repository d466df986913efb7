"""`decide`: the answer is nowhere in the page until the learner has written what they think."""

import re

import pytest
from widget_tools import from_browser, sent, stored

import lrcourse
from lrcourse import memory

ANSWER = "It is stepped twice."


def bug() -> "lrcourse.widgets.decide.Decision":
    return lrcourse.decide("demo.bug", "planned: 0.1", ANSWER, question="Why?")


def test_the_answer_is_earned():
    """Before a thought nothing that the browser has been given holds the answer; then it is shown."""
    decision = bug()
    assert ANSWER not in sent(decision) and "planned" not in sent(decision)

    from_browser(decision, "decide", " twice ")
    assert decision.state == {"thought": "twice", "answer": f"planned: 0.1\n{ANSWER}"}


@pytest.mark.parametrize("thought", ["", "  \n "])
def test_no_thought_is_no_decision(thought: str):
    """An empty box is answered by a sentence, and gives nothing away."""
    decision = bug()
    from_browser(decision, "decide", thought)

    assert "write down what you think" in decision.trouble.lower()
    assert ANSWER not in sent(decision)


def test_it_remembers():
    """Run again, another day, the cell shows what was thought and the answer; the first thought stays."""
    bug().decide("twice")
    again = bug()
    again.decide("something better, after the answer")

    assert again.state["thought"] == "twice" and ANSWER in again.state["answer"]
    assert memory.recall("decide", "demo.bug") == "twice"


@pytest.mark.parametrize("kept", [None, 3, ["twice"], {"a": 1}])
def test_a_strange_memory_is_no_decision(kept: object):
    """What somebody wrote into the memory by hand shows no answer."""
    memory.remember("decide", "demo.bug", kept)

    assert bug().state == {"thought": "", "answer": ""}


def test_a_long_thought_is_kept_in_part():
    """What is remembered has a length that a file can bear."""
    decision = bug()
    decision.decide("x" * 5000)

    assert len(decision.state["thought"]) == 2000


def test_without_a_kernel_the_answer_is_folded():
    """A stored notebook shows the question, and the answer in a fold; decided or not, it is the same."""
    fresh = stored(bug())
    bug().decide("twice")

    assert stored(bug()) == fresh
    assert ANSWER not in fresh["text/plain"]
    fold = re.search(r"<details>(.*)</details>", fresh["text/html"], re.DOTALL)[1]
    assert ANSWER in fold.split("</summary>")[1]


@pytest.mark.parametrize(
    ("arguments", "named"), [(("", "a"), "key"), (("k",), "answer"), (("k", " "), "answer")]
)
def test_bad_input_is_named(arguments: tuple, named: str):
    """A decision without a key or an answer is refused at once."""
    with pytest.raises(ValueError, match=f"{named} must be a text that is not empty"):
        lrcourse.decide(*arguments)
