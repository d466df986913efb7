"""Predict first: the learner commits a guess, and only then sees what is true.

`choose` asks which of a few sketches is right, `draw` has the learner draw the rate they expect.
The guess is kept (`lrcourse.memory`) and stays beside the answer whenever the cell is run again.

In a room (`lrcourse.room`) the answer waits until the instructor opens it, and there are two votes:
one before and one after the learners have talked. Both are kept.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lrcourse import room
from lrcourse.widgets.questions import prediction
from lrcourse.widgets.widget import (
    CourseWidget,
    Refused,
    axes,
    describe,
    figure,
    finite_row,
    jumps,
    look,
    rates_of,
    script,
    to_json,
    upright,
)

LETTERS = "abcdefgh"
STEPS_LABEL = "t, updates already made"


TURNS = ("first", "second")  # votes in a room
WAIT = "Kept; the room will see it. The answer comes when your instructor opens it."
VOTE_AGAIN = "Talk with your neighbours, then vote again. Your first vote is kept, too."


class Prediction(CourseWidget):
    """What `choose` and `draw` share: in a room, votes are kept and the answer waits."""

    def _enter(self, key: str) -> None:
        self._key, self._phase = key, room.phase(key)
        self._votes: dict[str, Any] = {}
        self.state = self._now()
        if room.here():
            room.watch(self._look_again)

    def _look_again(self) -> None:
        """The room has changed: what may be shown now?"""
        with self._turns.take(None):
            if (phase := room.phase(self._key)) != self._phase:
                self._phase = phase
                self.state = self._now()

    def _keep_vote(self, value: Any) -> bool:
        """Keep a vote where the answer is not open yet. Returns whether it was."""
        self._phase = room.phase(self._key)
        if self._phase == "open":
            return False
        self._votes |= self._kept_votes() | {self._phase: value}
        self._remember("votes", self._key, self._votes)
        self.state = self._now()
        return True

    def _now(self) -> dict:
        """The state to begin with, or to go on with when the room has changed."""
        self._votes |= self._kept_votes()  # the cell may have been run again since
        if (shown := self._shown_before()) is not None:
            return shown
        if self._phase == "open":
            return self._opened() if self._votes else self._blank()
        if self._phase in self._votes:
            return self._waiting(self._votes[self._phase]) | {"waiting": True, "says": WAIT}
        again = {"says": VOTE_AGAIN} if self._phase == "second" else {}
        return self._blank() | again

    def _kept_votes(self) -> dict[str, Any]:
        kept = self._recall("votes", self._key)
        kept = kept if isinstance(kept, dict) else {}
        return {turn: kept[turn] for turn in TURNS if self._is_vote(kept.get(turn))}

    def _is_vote(self, value: Any) -> bool:
        raise NotImplementedError

    def _shown_before(self) -> dict | None:
        """The state of who has seen the answer already; None for all others."""
        raise NotImplementedError

    def _opened(self) -> dict:
        """The answer has just been opened to who voted."""
        raise NotImplementedError

    def _waiting(self, vote: Any) -> dict:
        raise NotImplementedError

    def _blank(self) -> dict:
        raise NotImplementedError


# Choose among sketches


def choose(
    key: str,
    question: str | None = None,
    sketches: Mapping[str, Any] | None = None,
    answer: str | None = None,
    because: Mapping[str, str] | None = None,
    *,
    steps: int | None = None,
    xlabel: str = "t",
    quantity: str = "learning rate",
) -> "Choice":
    """Ask which sketch is right, keep the guess, then reveal the answer and why.

    `choose("step_decay")`, with nothing else, asks what that lesson asks. With a question of
    your own, `key` names the guess in the learner's memory. `sketches`: by the name that the
    learner sees, a schedule or an array of one value per update, shape (n,). `answer`: the name
    of the true one. `because`: an explanation for every name. `steps`: how many updates to
    sketch; the longest horizon of the schedules, if None. `quantity`: what is sketched.

    Raises `ValueError` for an answer that is no sketch, or a sketch that is not explained.

    >>> choose("step_decay")
    <choose 'step_decay': 4 sketches>
    """
    if question is None:
        return choose(_word("key", key), **prediction(key))
    _check_choices(sketches, answer, because)
    labels = (xlabel, quantity)
    return Choice(
        _word("key", key), _word("question", question), sketches, answer, because, steps, labels
    )


class Choice(Prediction):
    """The widget that `choose` makes. From Python: `.choose("b")`, `.commit()`, `.state`."""

    _esm = script("predict")
    _css = look("predict")
    _actions = ("choose", "commit")

    def __init__(self, key, question, sketches, answer, because, steps, labels):
        self._answer, self._because = answer, dict(because)
        self._curves = _curves(sketches, steps)
        longest = max(len(rates) for rates in self._curves.values())
        self._axes = axes((0, longest - 1), _room(self._curves.values()), *labels)
        content = {
            "kind": "choose",
            "question": question,
            "axes": self._axes,
            "sketches": [
                {"letter": letter, "name": name, "rates": to_json(rates), "words": describe(rates)}
                for letter, (name, rates) in zip(LETTERS, self._curves.items())
            ],
        }
        super().__init__(content=content)
        self._enter(key)

    def choose(self, sketch: str) -> None:
        """Pick a sketch, by its name or its letter. Nothing is revealed yet."""
        if self.state["committed"]:
            raise Refused(f"your guess is committed: it was {self.state['chosen']!r}")
        self.state = self.state | {"chosen": self._name(sketch)}

    def commit(self) -> None:
        """Keep the guess and reveal the answer."""
        if self.state["committed"]:
            return
        guess = self.state["chosen"]
        if guess is None:
            raise Refused("choose one of the sketches first, then commit")
        if not self._keep_vote(guess):
            self._remember("choose", self._key, guess)
            self.state = self._revealed(guess)

    def _is_vote(self, value: Any) -> bool:
        return value in list(self._curves)  # whatever was kept, a list included

    def _shown_before(self) -> dict | None:
        guess = self._recall("choose", self._key)
        return self._revealed(guess) if self._is_vote(guess) else None

    def _opened(self) -> dict:
        guess = [self._votes[turn] for turn in TURNS if turn in self._votes][-1]
        self._remember("choose", self._key, guess)
        return self._revealed(guess)

    def _waiting(self, vote: str) -> dict:
        return {"chosen": vote, "committed": True}

    def _blank(self) -> dict:
        return {"chosen": self._votes.get("first"), "committed": False}

    def _revealed(self, guess: str) -> dict:
        others = [name for name in self._curves if name not in (guess, self._answer)]
        first = self._votes.get("first", guess)
        before = {} if first == guess else {"says": f"Your first vote was “{first}”."}
        return before | {
            "chosen": guess,
            "committed": True,
            "right": guess == self._answer,
            "answer": self._answer,
            "because": [[name, self._because[name]] for name in (guess, self._answer, *others)][
                guess == self._answer :
            ],
        }

    def _name(self, sketch: str) -> str:
        by_letter = dict(zip(LETTERS, self._curves))
        name = sketch if sketch in self._curves else by_letter.get(sketch)
        if name is None:
            raise Refused(f"choose one of {', '.join(self._curves)}, got {sketch!r}")
        return name

    def __repr__(self) -> str:
        return f"<choose {self._key!r}: {len(self._curves)} sketches>"

    def _as_text(self) -> str:
        lines = [
            f"  ({sketch['letter']}) {sketch['name']}: {sketch['words']}"
            for sketch in self.content["sketches"]
        ]
        return "\n".join([self.content["question"], *lines, "Run this cell to commit your guess."])

    def _as_figure(self) -> Any:
        count = len(self._curves)
        columns = count if count <= 4 else (count + 1) // 2
        rows = -(-count // columns)
        picture, panels = figure(rows, columns, size=(7.0, 0.5 + 1.75 * rows))
        for ax, letter, (name, rates) in zip(panels, LETTERS, self._curves.items()):
            ax.plot(*upright(np.arange(len(rates)), np.array(rates, dtype=float)), color="#0072B2")
            ax.set(
                xlim=[self._axes["x"][end] for end in ("from", "to")],
                ylim=[self._axes["y"][end] for end in ("from", "to")],
                xticks=[],
                yticks=[],
                xlabel=self._axes["x"]["label"],
            )
            ax.set_title(_wrapped(f"({letter}) {name}", 20), fontsize=9, fontweight="normal")
        for ax in panels[count:]:
            ax.set_visible(False)
        panels[0].set_ylabel(self._axes["y"]["label"])
        picture.suptitle(_wrapped(self.content["question"], 84), x=0.01, ha="left", fontsize=10)
        return picture


def _check_choices(sketches: Any, answer: Any, because: Any) -> None:
    if not isinstance(sketches, Mapping) or not 2 <= len(sketches) <= len(LETTERS):
        raise ValueError(
            f"sketches must be a dict of 2 to {len(LETTERS)} names and their curves, got {sketches!r}"
        )
    names = ", ".join(map(repr, sketches))
    if answer not in sketches:
        raise ValueError(f"answer must be one of the sketches ({names}), got {answer!r}")
    because = because or {}
    missing = [name for name in sketches if not because.get(name)]
    unknown = [name for name in because if name not in sketches]
    if missing or unknown:
        raise ValueError(
            f"because must explain every sketch ({names}) and nothing else: "
            f"missing {missing}, unknown {unknown}"
        )


def _curves(sketches: Mapping[str, Any], steps: int | None) -> dict[str, np.ndarray]:
    horizons = [getattr(source, "horizon", 0) for source in sketches.values()]
    lengths = [len(s) for s in sketches.values() if isinstance(s, (list, tuple, np.ndarray))]
    steps = steps or max([*horizons, *lengths])
    return {
        name: finite_row(f"sketch {name!r}", rates_of(f"sketch {name!r}", source, steps))
        for name, source in sketches.items()
    }


def _room(curves: Iterable[np.ndarray]) -> tuple[float, float]:
    """Limits that hold all curves, and zero where it is not far below them."""
    low = min(rates.min() for rates in curves)
    high = max(rates.max() for rates in curves)
    margin = 0.06 * (high - low) or 1.0
    return (0.0 if 0 <= low < high / 2 else low - margin), high + margin


# Draw it yourself


def draw(
    key: str,
    schedule: Any,
    *,
    steps: int | None = None,
    question: str = "Draw the rate that you expect.",
    points: int | None = None,
) -> "Drawing":
    """Have the learner draw the rate they expect, keep it, then lay the true one over it.

    `key`: names the guess in the learner's memory, "cosine_annealing/draw". `schedule`: a
    schedule, or an array of one rate per update. `steps`: how many updates; the schedule's
    horizon, if None. `points`: how many points the learner moves, joined by straight lines; the
    first stays at update 0 and the last at the end. If None, as many as it takes to come close to
    the true curve, two for each drop of a staircase, and at least 6.

    >>> from lrcourse import CosineAnnealing
    >>> drawing = draw("demo", CosineAnnealing(), steps=101)
    >>> drawing
    <draw 'demo': 6 points over 101 updates>
    """
    whole = isinstance(points, int) and not isinstance(points, bool)
    if points is not None and (not whole or not 2 <= points <= MOST_POINTS):
        raise ValueError(f"points must be a whole number from 2 to {MOST_POINTS}, got {points!r}")
    truth = finite_row("schedule", rates_of("schedule", schedule, steps))
    if truth.max() <= 0:
        raise ValueError("schedule must be above 0 somewhere: there is nothing to draw")
    if points is None:
        at_jumps = 2 + 2 * len(jumps(truth))
        wanted = max(_corners(truth, CLOSE * truth.max()), at_jumps, LEAST_POINTS)
        points = min(wanted, MOST_POINTS, len(truth))
    return Drawing(_word("key", key), truth, _word("question", question), points)


LEAST_POINTS, MOST_POINTS = 6, 20
CLOSE = 0.05  # of the peak: how near straight lines between the points are to come everywhere


def _corners(truth: np.ndarray, close: float) -> int:
    """How many points, joined by straight lines, come so `close` to a curve everywhere.

    Source: Douglas & Peucker (1973): where a line is furthest away, another point is put.
    """
    count, open_ = 2, [(0, len(truth) - 1)]
    while open_:
        a, b = open_.pop()
        line = np.interp(np.arange(a, b + 1), (a, b), (truth[a], truth[b]))
        away = np.abs(truth[a : b + 1] - line)
        furthest = a + int(away.argmax())
        if away.max() > close:
            count += 1
            open_ += [(a, furthest), (furthest, b)]
    return count


class Drawing(Prediction):
    """The widget that `draw` makes. From Python: `.draw(points)`, `.commit()`, `.again()`, `.state`."""

    _esm = script("predict")
    _css = look("predict")
    _actions = ("draw", "commit", "again")

    def __init__(self, key, truth, question, points):
        self._truth = truth
        self._last = len(truth) - 1
        self._top = 1.25 * truth.max()
        t = np.linspace(0, self._last, points).round()
        self._start = [[float(step), self._top / 2] for step in t]
        content = {
            "kind": "draw",
            "question": question,
            "axes": axes((0, self._last), (0, self._top), STEPS_LABEL, "learning rate"),
        }
        super().__init__(content=content)
        self._enter(key)

    def draw(self, points: list) -> None:
        """Put the points at [[t, rate], ...]: t from 0 to the end, each after the one before.

        Raises `ValueError` for points that are no such curve.
        """
        if self.state["committed"]:
            raise Refused("this drawing is committed: try again to draw another")
        drawn = np.asarray(points, dtype=float)
        if drawn.shape != (len(self._start), 2) or not self._is_curve(drawn):
            raise Refused(
                f"a drawing is {len(self._start)} points [t, rate], from t=0 to t={self._last} in "
                f"order, with rates from 0 to {self._top:.3g}, got {drawn.tolist()}"
            )
        self.state = self.state | {"points": drawn.tolist()}

    def commit(self) -> None:
        """Keep the drawing and show it against the truth. The first one is kept for good."""
        points = self.state["points"]
        if self.state["committed"]:
            return
        if points == self._start:
            raise Refused("move at least one point first, then commit")
        if not self._keep_vote(points):
            first = self.state["first"] or points
            self._remember("draw", self._key, {"first": first, "last": points})
            self.state = self._revealed(first, points)

    def _is_vote(self, value: Any) -> bool:
        return self._fits({"first": value, "last": value})

    def _shown_before(self) -> dict | None:
        kept = self._recall("draw", self._key)
        return self._revealed(kept["first"], kept["last"]) if self._fits(kept) else None

    def _opened(self) -> dict:
        drawings = [self._votes[turn] for turn in TURNS if turn in self._votes]
        self._remember("draw", self._key, {"first": drawings[0], "last": drawings[-1]})
        return self._revealed(drawings[0], drawings[-1])

    def _waiting(self, vote: list) -> dict:
        return self._drawing(vote) | {"committed": True}

    def _blank(self) -> dict:
        first = self._votes.get("first")
        return self._drawing(first or self._start, first)

    def again(self) -> None:
        """Hide the truth and draw once more; the first drawing stays."""
        if self.state.get("waiting"):
            raise Refused("your drawing is kept: you may draw again when the room votes again")
        self.state = self._drawing(self._start, self.state["first"])

    def _drawing(self, points: list, first: list | None = None) -> dict:
        return {"points": points, "committed": False, "first": first}

    def _revealed(self, first: list, points: list) -> dict:
        rates, start = self._rates(points), self._rates(first)
        state: dict[str, Any] = {
            "points": points,
            "first": first,
            "committed": True,
            "truth": to_json(self._truth),
            "distance": self._distance(rates),
            "worst": int(np.argmax(np.abs(rates - self._truth))),
            "words": f"{self._in_words(rates)} The true rate {describe(self._truth)}.",
        }
        if first != points:
            state["words"] += (
                f" Your first drawing was {100 * self._distance(start):.0f} % of the peak away."
            )
        return state

    def _rates(self, points: list) -> np.ndarray:
        """The rate of every update in a drawing, shape (updates,)."""
        return np.interp(np.arange(self._last + 1), *np.transpose(points))

    def _distance(self, rates: np.ndarray) -> float:
        """The mean absolute difference from the truth, as a share of the peak."""
        return float(np.mean(np.abs(rates - self._truth)) / self._truth.max())

    def _in_words(self, rates: np.ndarray) -> str:
        distance = self._distance(rates)
        worst = int(np.argmax(np.abs(rates - self._truth)))
        close = next(
            word
            for limit, word in (
                (0.03, "Very close"),
                (0.1, "Close"),
                (0.25, "Part of it"),
                (9e9, "Far off"),
            )
            if distance < limit
        )
        return (
            f"{close}: on average your curve is {100 * distance:.0f} % of the peak away from the true one. "
            f"They differ most at t = {worst}: you drew {rates[worst]:.3g}, "
            f"the schedule says {self._truth[worst]:.3g}."
        )

    def _is_curve(self, points: np.ndarray) -> bool:
        t, rates = points.T
        on_time = t[0] == 0 and t[-1] == self._last and np.all(np.diff(t) > 0)
        return bool(on_time and np.all((rates >= 0) & (rates <= self._top)))

    def _fits(self, kept: Any) -> bool:
        """Whether what the memory holds is a drawing for these axes; a lesson may have changed."""
        try:
            drawings = [np.asarray(kept[name], dtype=float) for name in ("first", "last")]
            return all(self._is_curve(points) for points in drawings)
        except (TypeError, KeyError, ValueError, IndexError):
            return False

    def __repr__(self) -> str:
        return f"<draw {self._key!r}: {len(self._start)} points over {self._last + 1} updates>"

    def _as_text(self) -> str:
        return (
            f"{self.content['question']}\n"
            f"  Empty axes: t from 0 to {self._last}, learning rate from 0 to {self._top:.3g}.\n"
            f"Run this cell to draw your guess."
        )

    def _as_figure(self) -> Any:
        picture, [ax] = figure()
        ax.plot(*np.transpose(self._start), "o--", color="#D55E00")
        ax.set(
            xlim=(0, self._last), ylim=(0, self._top), xlabel=STEPS_LABEL, ylabel="learning rate"
        )
        ax.set_title(_wrapped(self.content["question"], 80), fontsize=10)
        return picture


def _wrapped(text: str, width: int) -> str:
    from textwrap import fill

    return fill(text.replace("`", "").replace("$", r"\$"), width)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text that is not empty, got {value!r}")
    return value
