"""What an exercise is: a question, a trusted answer, and the mistakes that people make."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrcourse.answers import KINDS

ANY = object()  # in the `wrong` list of a mistake: whatever stands here
DIFFICULTIES = ("recall", "apply", "analyse", "transfer")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A wrong answer that people really give, and the sentence that names it.

    `wrong` takes what the reference takes. An answer that agrees with it everywhere, and differs
    from the reference somewhere, made this mistake; an entry that is `ANY` agrees with anything.
    `share` is what the answer is still worth, 0 to 1; None: the share of a list's entries that
    are right, and nothing for the rest.
    """

    name: str  # two or three words, to count by
    wrong: Callable[..., Any]
    says: str
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """One exercise. A value: it knows the right answer, and nothing of who answered.

    `arguments(rng)` draws the calls to make, as a list of tuples of JSON values; the edges come
    first, so that feedback names the simplest call that fails. `reference(*arguments)` is the
    trusted result of each: a float, a list of floats, or a text.

    A task of kind "loop" or "resume" draws a seed before the arguments; `parameters`, `reference`,
    `momentum` and the mistakes leave it out. Their results are the rates of every update: whether
    the weights follow from them is the same for all, and `judge` knows it.
    """

    id: str  # "step_decay.1": the sheet, and the place in it
    title: str
    question: str  # Markdown
    points: int
    minutes: int
    difficulty: str  # one of DIFFICULTIES
    kind: str = "function"  # one of lrcourse.answers.KINDS; "manual" is marked by a person
    answer_name: str  # the name that the learner's cell defines
    parameters: tuple[str, ...] = ()  # the names of the arguments, in order
    arguments: Callable[[np.random.Generator], list[tuple]] = lambda rng: [()]
    reference: Callable[..., Any] = lambda: None
    covers: str = ""  # what a right answer was checked for, after "Right. Checked: "
    mistakes: tuple[Mistake, ...] = ()
    hints: tuple[str, str, str] = ("", "", "")  # nudge, hint, worked idea
    momentum: Callable[..., list] | None = None  # of every update of a loop, where it is cycled
    rubric: str = ""  # for "manual": how to mark it, in Markdown
    choices: tuple[str, ...] = ()  # the texts that an answer may hold, if it holds texts
    needs_torch: bool = False
    tolerance: float = 1e-5  # relative; float32 answers pass, and pi as 3.14159
    # In place of the reference: judged(arguments, results, judged_on), see `judge`.
    judged: Callable[[list, list, int | None], Any] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.difficulty not in DIFFICULTIES:
            raise ValueError(f"{self.id}: kind {self.kind!r}, difficulty {self.difficulty!r}")

    @property
    def trains(self) -> bool:
        """Whether the answer is a training loop."""
        return self.kind in ("loop", "resume")

    @property
    def sheet(self) -> str:
        """The sheet that the task is on: "step_decay"."""
        return self.id.rpartition(".")[0]

    @property
    def grade_id(self) -> str:
        """The id of its cell for nbgrader, which takes no dots: "step_decay-1"."""
        return self.id.replace(".", "-")

    @property
    def shows_expected(self) -> bool:
        """Whether feedback may print the expected number: for a single value that gives it away."""
        return self.kind != "value"
