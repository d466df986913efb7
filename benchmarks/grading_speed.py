"""Seconds for each submission: `lrcourse grade` beside nbgrader's autograde, same notebooks.

    python benchmarks/grading_speed.py [--sheet step_decay] [--submissions 100] [--sample 9]
    python benchmarks/grading_speed.py --hostile [--submissions 30]

Makes a class: right answers, wrong ones, and answers left out, in a different mix for each
learner. In three rounds nbgrader grades a third of the sample, with its own kernel and its own
tests as they stand in the sheet, and lrcourse grades the class in its sandbox: so that both meet
the same machine. Each command pays for its own start. Then the marks are compared for every
submission that both graded. nbgrader (`pip install nbgrader`) and bubblewrap are needed.

`--hostile` grades a class twice, by itself and beside a notebook whose 28 children compute without
end, and compares the marks.
"""

import argparse
import copy
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbgrader.api import Gradebook

from lrcourse.grading.grade import grade

EXERCISES = Path(__file__).resolve().parents[1] / "exercises"
ROUNDS = 3


def a_class(sheet: str, count: int) -> dict[str, dict]:
    """Notebooks by learner: each answer right, wrong, or not given."""
    solved = json.loads((EXERCISES / "solutions" / f"{sheet}.ipynb").read_text(encoding="utf-8"))
    empty = json.loads((EXERCISES / f"{sheet}.ipynb").read_text(encoding="utf-8"))
    answers = {_id(c): c["source"] for c in solved["cells"] if _about(c).get("solution")}
    draw, made = random.Random(0), {}
    for number in range(count):
        notebook = copy.deepcopy(empty)
        for cell in notebook["cells"]:
            if _about(cell).get("solution") and draw.random() < 0.7:
                cell["source"] = answers[_id(cell)]
        made[f"n{number:03}"] = notebook
    made["n000"] = _all_right(empty, answers)
    return made


def _all_right(empty: dict, answers: dict) -> dict:
    notebook = copy.deepcopy(empty)
    for cell in notebook["cells"]:
        cell["source"] = answers.get(_id(cell), cell["source"])
    return notebook


def _about(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def _id(cell: dict) -> str:
    return _about(cell).get("grade_id", "")


def nbgrader(course: Path, *arguments: str) -> float:
    """Seconds that an nbgrader command takes."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(f"nbgrader {' '.join(arguments)} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
    return time.perf_counter() - started


def run(sheet: str, submissions: int, sample: int, jobs: int) -> None:
    notebooks = a_class(sheet, submissions)
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "course")
        (course / "source" / sheet).mkdir(parents=True)
        shutil.copy(EXERCISES / "solutions" / f"{sheet}.ipynb", course / "source" / sheet)
        config = "c = get_config()\nc.CourseDirectory.course_id = 'lr'\nc.Execute.timeout = 60\n"
        (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
        nbgrader(course, "generate_assignment", sheet)
        theirs, ours = [], []
        for number in range(ROUNDS):
            picked = list(notebooks)[number::ROUNDS][: max(1, sample // ROUNDS)]
            theirs.append((_nbgrader_round(course, sheet, notebooks, picked), len(picked)))
            results = Path(folder, f"in{number}")
            seconds, marks = _our_round(results, sheet, notebooks, [*notebooks], jobs)
            ours.append((seconds, len(notebooks)))
            print(
                f"round {number + 1}: nbgrader {theirs[-1][0] / len(picked):.2f} s each "
                f"({len(picked)}), lrcourse {seconds / len(notebooks):.3f} s each ({len(notebooks)})",
                flush=True,
            )
        report(theirs, ours, _compare(course, sheet, marks), jobs)


SPINS = """
import os
for _ in range(28):
    if not os.fork():
        os.setsid()
        while True: pass
"""


def beside_a_hostile_one(sheet: str, submissions: int, jobs: int) -> None:
    """The marks of a class by itself, and beside a notebook that takes all the time it can get."""
    notebooks = a_class(sheet, submissions)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": SPINS}
    hostile = {**notebooks["n000"], "cells": [cell, *notebooks["n000"]["cells"]]}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, more in (("alone", {}), ("beside", {"eve": hostile})):
            pile = notebooks | more
            seconds, marks = _our_round(Path(folder, name), sheet, pile, list(pile), jobs)
            found.append({mark.learner: mark for mark in marks if mark.learner != "eve"})
            print(f"{name}: {len(pile)} notebooks in {seconds:.1f} s")
    alone, beside = found
    same = sum(alone[name].earned == beside[name].earned for name in alone)
    late = sum(beside[name].timed_out for name in beside)
    print(f"the same marks for {same} of {len(alone)}; {late} of them timed out")


def _nbgrader_round(course: Path, sheet: str, notebooks: dict, picked: list[str]) -> float:
    shutil.rmtree(course / "submitted", ignore_errors=True)
    for name in picked:
        target = course / "submitted" / name / sheet
        target.mkdir(parents=True)
        (target / f"{sheet}.ipynb").write_text(json.dumps(notebooks[name]), encoding="utf-8")
    return nbgrader(course, "autograde", sheet)


def _our_round(folder: Path, sheet: str, notebooks: dict, pile: list[str], jobs: int) -> tuple:
    for name in pile:
        (folder / name).mkdir(parents=True)
        (folder / name / f"{sheet}.ipynb").write_text(json.dumps(notebooks[name]), encoding="utf-8")
    started = time.perf_counter()
    marks = grade(folder, folder / "results", jobs=jobs)
    return time.perf_counter() - started, marks


def _compare(course: Path, sheet: str, marks: list) -> list[tuple[str, float, float]]:
    """(learner, nbgrader's points, ours) for each submission that both have graded."""
    found = []
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        ours = {mark.learner: mark.earned for mark in marks}
        for submission in book.assignment_submissions(sheet):
            grades = [g.auto_score or 0.0 for n in submission.notebooks for g in n.grades]
            name = submission.student.id
            found.append((name, round(sum(grades), 4), ours[name]))
    return found


def report(theirs: list, ours: list, both: list, jobs: int) -> None:
    each = [[seconds / count for seconds, count in rounds] for rounds in (theirs, ours)]
    nb, lr = (statistics.median(one) for one in each)
    total = sum(seconds for seconds, _ in ours)
    count = sum(n for _, n in ours)
    print(f"\nlrcourse, {count} graded, {jobs} at once: {total:.1f} s in all")
    print(f"nbgrader {nb:.2f} s, lrcourse {lr:.3f} s for each: {nb / lr:.1f} times as fast")
    same = sum(a == b for _, a, b in both)
    print(f"the same marks for {same} of {len(both)} submissions that both graded")
    for name, a, b in both:
        if a != b:
            print(f"  {name}: nbgrader {a:g}, lrcourse {b:g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheet", default="step_decay")
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--sample", type=int, default=9, help="how many nbgrader grades")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hostile", action="store_true", help="beside one that takes all it can")
    chosen = parser.parse_args()
    if chosen.hostile:
        beside_a_hostile_one(chosen.sheet, min(chosen.submissions, 30), chosen.jobs)
        sys.exit()
    run(chosen.sheet, chosen.submissions, chosen.sample, chosen.jobs)
