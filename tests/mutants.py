"""Break the code on purpose, one small change at a time: do the tests notice?

    python tests/mutants.py                        a sample of every room
    python tests/mutants.py schedules digits       of these rooms
    python tests/mutants.py schedules --sample 0   every change there

mutmut makes the changes (another operator, another number, a word less) in a copy of the project
under `mutants/`, and runs the tests that reach each. What no test noticed is listed, with the
change; the sample is drawn with a fixed seed, so that two runs look at the same changes.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / "mutants"
COPIED = ("lrcourse", "tests", "exercises", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")

ROOMS = {  # what is broken, and the tests that should notice
    "schedules": (
        ["schedules.py"],
        ["test_values.py", "test_schedule_value.py", "test_bad_input.py"],
    ),
    "recorder": (
        ["recorder.py", "recipe.py", "_report.py", "_causes*"],
        [
            "test_recorder.py",
            "test_recorder_correct.py",
            "test_recorder_reach.py",
            "test_recorder_stories.py",
            "test_recorder_said.py",
        ],
    ),
    "digits": (["digits.py"], ["lab/test_digits.py"]),
    "lab": (
        ["lab/stats.py", "lab/race.py", "lab/plans.py", "lab/outcome.py", "lab/runs.py"],
        ["lab/test_stats.py", "lab/test_outcome.py", "lab/test_race.py", "lab/test_verdicts.py"],
    ),
    "training": (
        ["lab/train.py", "lab/trial.py"],
        [
            "lab/test_train.py",
            "lab/test_any_model.py",
            "lab/test_equality.py",
            "lab/test_families.py",
        ],
    ),
    "checks": (["checks.py"], ["exercises/test_checks.py", "exercises/test_variants.py"]),
    "judging": (
        ["tasks/_judge.py", "tasks/_variants.py"],
        ["exercises/test_tasks.py", "exercises/test_answers.py", "exercises/test_variants.py"],
    ),
    "identity": (
        ["grading/names.py", "grading/roster.py", "grading/layout.py", "grading/learners.py"],
        [
            "grading/test_names.py",
            "grading/test_tables.py",
            "grading/test_identity.py",
            "grading/test_submissions.py",
        ],
    ),
    "marks": (
        ["grading/grade.py", "grading/tables.py", "grading/adjust.py", "grading/byhand.py"],
        ["grading/test_tables.py", "grading/test_grade.py", "grading/test_marking.py"],
    ),
}
KILLED, SURVIVED, UNTESTED = "caught", "not noticed", "reached by no test"
MEANS = {0: SURVIVED, 33: UNTESTED, 5: UNTESTED}  # mutmut's exit codes; all others are caught

CONFIG = """
[tool.mutmut]
source_paths = ["lrcourse"]
only_mutate = {only}
also_copy = {copied}
pytest_add_cli_args = ["-p", "no:nbval", "-p", "no:randomly"]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"  # torch has threads, and does not survive a fork
track_dependencies = false
use_git_change_detection = false
"""


def prepared(room: str) -> Path:
    """A copy of the project that mutmut is told to break in one room."""
    files, tests = ROOMS[room]
    folder = SCRATCH / room
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    only = [f"lrcourse/{name}" + ("" if name.endswith(".py") else "*") for name in files]
    tests = [f"tests/{name}" for name in tests]
    config = CONFIG.format(only=only, copied=[*COPIED], tests=tests)
    ours = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(ours + config, encoding="utf-8")
    return folder


def mutmut(folder: Path, *arguments: str) -> str:
    """What mutmut prints. PARITY_EXAMPLES: a few drawn cases tell a mutant as well as many."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PARITY_EXAMPLES": "10"}
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return ended.stdout + ended.stderr


def codes(folder: Path) -> dict[str, int | None]:
    """Every mutant of a room, with the exit code of its tests, None before they were run."""
    found: dict[str, int | None] = {}
    for path in folder.glob("mutants/lrcourse/**/*.meta"):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def sampled(names: list[str], count: int, seed: int) -> list[str]:
    """`count` of the names, the same at each call; all if there are no more, or `count` is 0."""
    return random.Random(seed).sample(sorted(names), count) if 0 < count < len(names) else names


def run(room: str, count: int, seed: int) -> dict[str, str]:
    """The fate of each mutant of a room's sample."""
    folder = prepared(room)
    said = mutmut(folder, "run", "--max-children", "1", "none.of.them")  # makes them, runs none
    names = sampled(list(codes(folder)), count, seed)
    if not names:
        raise SystemExit(f"{room}: mutmut made nothing.\n{said[-3000:]}")
    said = mutmut(folder, "run", "--max-children", "1", *names)
    after = codes(folder)
    if None in [after[name] for name in names]:
        raise SystemExit(f"{room}: mutmut did not come to its end.\n{said[-3000:]}")
    return {name: MEANS.get(after[name], KILLED) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(ROOMS)}; all if none is named")
    parser.add_argument("--sample", type=int, default=60, help="mutants of a room; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for room in asked.rooms or ROOMS:
        fates = run(room, asked.sample, asked.seed)
        for name, fate in fates.items():
            if fate != KILLED:
                print(f"\n{fate}:\n{mutmut(SCRATCH / room, 'show', name)}")
        counts = Counter(fates.values())
        print(f"{room}: {counts[KILLED]} of {len(fates)} caught", dict(counts), flush=True)


if __name__ == "__main__":
    main()
