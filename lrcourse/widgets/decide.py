"""`decide`: what you think first, then what happened.

The answer to "what does this do, and why?" is shown when the learner has written down what they think.
What they wrote is kept (`lrcourse.memory`) and stays beside the answer.
"""

from html import escape
from typing import Any

from lrcourse.widgets.widget import CourseWidget, Refused, look, script

MOST = 2000  # letters of a thought: more is not kept


def decide(key: str, *answer: Any, question: str = "What happens, and why?") -> "Decision":
    """Ask `question`, and show `answer` when the learner has written what they think.

    `key` names the thought in the learner's memory, "step_decay.bug". `answer`: what `print` would
    take; each stands on a line of its own. Raises `ValueError` for a key, question or answer that is
    empty.

    >>> bug = decide("demo.bug", "It is stepped twice.")
    >>> bug
    <decide 'demo.bug': not decided yet>
    """
    text = "\n".join(map(str, answer)).strip()
    for name, value in (("key", key), ("question", question), ("answer", text)):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} must be a text that is not empty, got {value!r}")
    return Decision(key, question, text)


class Decision(CourseWidget):
    """The widget that `decide` makes. From Python: `.decide("it is stepped twice")`, `.state`."""

    _esm = script("decide")
    _css = look("decide")
    _actions = ("decide",)

    def __init__(self, key: str, question: str, answer: str):
        self._key, self._answer = key, answer
        super().__init__(content={"question": question})
        kept = self._recall("decide", key)
        self.state = self._now(kept if isinstance(kept, str) else "")

    def decide(self, thought: str) -> None:
        """Keep what the learner thinks, and show what happened. Raises `Refused` for no thought."""
        thought = str(thought).strip()
        if not thought:
            raise Refused("write down what you think first; a few words will do")
        if not self.state["thought"]:  # the first one is kept: it was there before the answer
            self._remember("decide", self._key, thought[:MOST])
            self.state = self._now(thought[:MOST])

    def _now(self, thought: str) -> dict:
        """The answer enters the page when it has been earned."""
        return {"thought": thought, "answer": self._answer if thought else ""}

    def __repr__(self) -> str:
        decided = "decided" if self.state["thought"] else "not decided yet"
        return f"<decide {self._key!r}: {decided}>"

    def _as_text(self) -> str:
        return (
            f"{self.content['question']}\nRun this cell, write what you think, and see the answer."
        )

    def _as_html(self) -> str:
        """Without a kernel: folded, so that it is not read by accident."""
        fold = "Decide first. Then open this: what happened"
        return (
            f"<p>{escape(self.content['question'])}</p><details><summary>{fold}</summary>"
            f"<pre>{escape(self._answer)}</pre></details>"
        )
