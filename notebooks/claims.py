"""Run every claim of the course again, on seeds that nobody has looked at.

    python notebooks/claims.py                     all of them, on new seeds
    python notebooks/claims.py 01_step_decay       of the lessons named
    python notebooks/claims.py --first 70000       on seeds from 70000 on
    python notebooks/claims.py --record            write the three sets of the ledger anew

`notebooks/claims.toml` is the ledger: what a lesson says, the cell that shows it, and what came out
on the lesson's seeds and on two sets of others. A claim is run by running its own cell, and the
cells that it needs, with other seeds. Nothing else is changed.
"""

import argparse
import ast
import os
import re
import secrets
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import jupytext
import matplotlib.pyplot as plt
import numpy as np

from lrcourse import lab
from lrcourse.lab.stats import rounded

HERE = Path(__file__).resolve().parent
LEDGER = HERE / "claims.toml"
SETS = (0, 50_000, 60_000)
"""The first seed of the lesson's own set, and of the two that no sentence was written from."""
NEW = range(100_000, 900_000)
"""Where new seeds come from. From a million on they are the lab's, for choosing shapes."""


@dataclass(frozen=True)
class Found:
    """What a set of seeds says: the mean difference, half of its interval, and what it can show.

    `first`, `last`: the seeds; None where there are none, since the cell computes exactly.
    """

    effect: float
    half: float = 0.0
    shows: float = 0.0
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        if self.first is None:
            return f"{self.effect:.4g}, exactly"
        if self.half == 0:
            return f"{self.effect:.3g}"
        return f"{rounded(self.effect, self.half)} ± {rounded(self.half, self.half)}"


@dataclass(frozen=True)
class Claim:
    """A sentence of a lesson, and what it rests on.

    words       what stands in the prose; `{effect}`, `{half}`, `{most}` and `{shows}` are numbers of
                the ledger, without their sign
    cell        the tag of the cell that shows it
    difference  Python, for after the cell: two schedules compared, numbers one a seed, or a number
    says        "below 0", "above 0", "not shown" or "within 0.01": what the difference must be
    shown       what came out on the lesson's seeds; `again`: on two sets of others
    """

    id: str
    lesson: str
    words: str
    cell: str
    difference: str
    says: str
    shown: Found
    again: tuple[Found, ...]

    def stands(self, found: Found) -> bool:
        """Whether a set of seeds says what the sentence says."""
        low, high = found.effect - found.half, found.effect + found.half
        if self.says.startswith("within "):
            bound = float(self.says.removeprefix("within "))
            return -bound < low and high < bound
        return {"below 0": high < 0, "above 0": low > 0, "not shown": low <= 0 <= high}[self.says]

    @property
    def sentence(self) -> str:
        """The words, with the numbers of the ledger in them."""
        effect, half = abs(self.shown.effect), self.shown.half
        return self.words.format(
            effect=effect, half=half, most=effect + half, shows=self.shown.shows
        )


def ledger(path: Path = LEDGER) -> list[Claim]:
    """All claims, in the order of the lessons."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    return [
        Claim(
            **{name: value for name, value in row.items() if name not in ("shown", "again")},
            shown=Found(**row.get("shown", {"effect": float("nan")})),
            again=tuple(Found(**found) for found in row.get("again", ())),
        )
        for row in rows
    ]


# Running a claim's own cell


def cells(lesson: str, source: Path = HERE / "source") -> list[Any]:
    """The code cells of a lesson's script."""
    notebook = jupytext.read(source / f"{lesson}.py", fmt="py:percent")
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(found: list[Any], tag: str) -> list[int]:
    return [i for i, cell in enumerate(found) if tag in cell.metadata.get("tags", ())]


def defined(code: str) -> set[str]:
    """The names that a cell makes."""
    tree = ast.parse(code)
    made = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    made |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return made | {(a.asname or a.name).split(".")[0] for n in imported for a in n.names}


def used(code: str) -> set[str]:
    """The names that a cell reads."""
    names = (n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name))
    return {n.id for n in names if isinstance(n.ctx, ast.Load)}


def needed(codes: list[str], wanted: Iterable[int]) -> list[int]:
    """The cells `wanted`, and those before them that make what they read, in order."""
    needs = set(wanted)
    for i in reversed(range(len(codes))):
        if any(later > i and used(codes[later]) & defined(codes[i]) for later in needs):
            needs.add(i)
    return sorted(needs)


class Reseeded:
    """The lab, but every race is judged on as many seeds from `first` on."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.seeds: set[int] | None = None  # what was drawn; None where nothing raced

    def __getattr__(self, name: str) -> Any:
        return getattr(lab, name)

    def _fresh(self, seeds: Any) -> range:
        count = seeds if isinstance(seeds, int) else len(list(seeds))
        return range(self._first, self._first + count)

    def _drew(self, seeds: Iterable[int]) -> None:
        self.seeds = (self.seeds or set()).union(seeds)

    def race(self, *given: Any, seeds: Any = lab.outcome.DEFAULT_SEEDS, **options: Any) -> Any:
        raced = lab.race(*given, seeds=self._fresh(seeds), progress=False, **options)
        ran = raced.values() if isinstance(raced, lab.Races) else [raced]
        self._drew(seed for race in ran if not race.task.exact for seed in race.seeds)
        return raced

    def range_test(self, *given: Any, seeds: Any = 4, **options: Any) -> Any:
        fresh = self._fresh(seeds)
        self._drew(fresh)
        return lab.range_test(*given, seeds=fresh, **options)

    def recorded(self, task: str) -> Any:
        """Where a lesson shows a race that was kept, the race itself."""
        fresh = self._fresh(lab.recorded(task).seeds)
        self._drew(fresh)
        return lab.recorded_again(task, fresh, progress=False)


def run(lesson: str, claims: list[Claim], first: int) -> Iterator[tuple[Claim, Found]]:
    """What the claims of a lesson come to on the seeds from `first` on."""
    found = cells(lesson)
    wanted = [i for claim in claims for i in tagged(found, claim.cell)]
    codes = [cell.source for cell in found]
    seeds, random = Reseeded(first), np.random.default_rng
    names: dict[str, Any] = {"display": lambda *shown: None}
    drawn: dict[int, set[int]] = {}  # by cell, of those that race

    def reseeded(seed: Any = None) -> np.random.Generator:
        """Another seed for a lesson's own; what a library asks for, as it is loaded, stays."""
        return random(seed + first if isinstance(seed, int) else seed)

    with mock.patch("numpy.random.default_rng", reseeded):
        with mock.patch("builtins.print"):
            for i in needed(codes, wanted):
                seeds.seeds = None
                exec(compile(codes[i], f"{lesson}, code cell {i}", "exec"), names)
                names |= {"lab": seeds} if "lab" in names else {}
                drawn |= {} if seeds.seeds is None else {i: seeds.seeds}
        plt.close("all")
        for claim in claims:
            [at] = tagged(found, claim.cell)
            before = (drawn.get(i, set()) for i in needed(codes, [at]))
            own = drawn[at] if at in drawn else set().union(*before)
            yield claim, measured(eval(claim.difference, names), own, first)


def measured(value: Any, seeds: set[int], first: int) -> Found:
    """A comparison, numbers one a seed or one a ball, or one number, as what the ledger keeps.

    `seeds`: those of the races that it rests on. Without a race, what is not one number was drawn
    from one generator, whose seed is `first`.
    """
    if np.ndim(value) == 0 and not isinstance(value, lab.Paired):
        return Found(float(value), first=min(seeds, default=None), last=max(seeds, default=None))
    if not isinstance(value, lab.Paired):
        value = lab.paired(value, np.zeros(len(value)))
    elif value.n == 1:
        return Found(value.difference.mean)
    gap, seeds = value.difference, seeds or {first}
    return Found(gap.mean, gap.half, value.shows, min(seeds), max(seeds))


# Writing the ledger


def recorded(text: str, found: dict[str, list[Found]]) -> str:
    """The ledger's text with what was `found` in place of what stood there: id -> three sets."""
    blocks = re.split(r"(?=^\[\[claim\]\]$)", text, flags=re.M)
    return "".join(_block(block, found) for block in blocks)


def _block(block: str, found: dict[str, list[Found]]) -> str:
    named = re.search(r'^id = "(.+)"$', block, re.M)
    if not named or named[1] not in found:
        return block
    kept = re.sub(r"^(shown = .*\n|again = \[\n(  .*\n)*\]\n|again = .*\n)", "", block, flags=re.M)
    shown, *again = found[named[1]]
    lines = [f"shown = {_table(shown)}"]
    if shown.first is not None:
        lines += ["again = [", *(f"  {_table(one)}," for one in again), "]"]
    return kept.rstrip("\n") + "\n" + "\n".join(lines) + "\n\n"


def _table(found: Found) -> str:
    if found.first is None:
        return f"{{effect = {found.effect:.6g}}}"
    numbers = {name: getattr(found, name) for name in ("effect", "half", "shows")}
    parts = [f"{name} = {value:.5f}" for name, value in numbers.items()]
    return f"{{first = {found.first}, last = {found.last}, {', '.join(parts)}}}"


def record(lessons: dict[str, list[Claim]]) -> None:
    for lesson, claims in lessons.items():
        found: dict[str, list[Found]] = {claim.id: [] for claim in claims}
        for first in SETS:
            for claim, one in run(lesson, claims, first):
                found[claim.id].append(one)
        LEDGER.write_text(recorded(LEDGER.read_text("utf-8"), found), "utf-8", newline="\n")


def record_as_stored(lessons: dict[str, list[Claim]], arguments: list[str]) -> int:
    """Record in the surroundings in which the lessons' outputs are stored: the numbers are theirs.

    They must be there before PyTorch is loaded, so it takes a process of its own.
    """
    from surroundings import SAME_ON_EVERY_PROCESSOR as SAME  # beside this script

    if SAME.items() <= os.environ.items():
        record(lessons)
        return 0
    return subprocess.call([sys.executable, __file__, *arguments], env=os.environ | SAME)


# What is printed


def check(lessons: dict[str, list[Claim]], first: int) -> int:
    """Run all claims on the seeds from `first` on, and say which stand. How many do not."""
    print(f"Seeds from {first} on. The same again: --first {first}\n")
    fallen = 0
    for lesson, claims in lessons.items():
        start = time.perf_counter()
        rows = list(run(lesson, claims, first))
        print(f"{lesson}, {time.perf_counter() - start:.0f} s")
        for claim, found in rows:
            fallen += not claim.stands(found)
            word = "stands" if claim.stands(found) else "FALLS "
            print(f"  {word}  {claim.id:28} {claim.says:10} {claim.shown!s:20} now {found}")
    total = sum(map(len, lessons.values()))
    print(f"\n{total - fallen} of {total} claims stand on these seeds.")
    return fallen


def main(arguments: list[str] | None = None) -> int:
    plt.switch_backend("agg")  # nobody looks at the pictures
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="lessons, 01_step_decay say; all, if none is named"
    )
    parser.add_argument("--first", type=int, help="the first seed; new ones, if not given")
    parser.add_argument("--record", action="store_true", help="write the ledger's numbers anew")
    options = parser.parse_args(arguments)
    lessons: dict[str, list[Claim]] = {}
    for claim in ledger():
        if claim.lesson in options.names or not options.names:
            lessons.setdefault(claim.lesson, []).append(claim)
    if options.record:
        return record_as_stored(lessons, sys.argv[1:] if arguments is None else arguments)
    first = NEW[secrets.randbelow(len(NEW))] if options.first is None else options.first
    return int(check(lessons, first) > 0)


if __name__ == "__main__":
    sys.exit(main())
