"""What the person in front holds in their hand: complete, up to date, and the minutes add up."""

import importlib.util
import re
from pathlib import Path

import pytest

TEACHING = Path(__file__).resolve().parents[1] / "docs" / "teaching"

_about = importlib.util.spec_from_file_location("teaching_build", TEACHING / "build.py")
build = importlib.util.module_from_spec(_about)
_about.loader.exec_module(build)

NOTES = build.notes()


def test_the_pages_are_up_to_date():
    """Every lesson's page is what `build.py` makes of the notes and quizzes of today."""
    for path, text in build.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"python docs/teaching/build.py ({path})"


def test_every_lesson_has_its_page():
    """No notebook without a page, and no page without a notebook."""
    notebooks = {path.stem for path in build.originals().glob("*.ipynb")}
    assert {about["notebook"] for about in NOTES.values()} == notebooks
    assert {path.stem for path in (TEACHING / "lessons").glob("*.md")} == notebooks


@pytest.mark.parametrize("lesson", NOTES)
def test_a_lessons_minutes_add_up(lesson: str):
    """The blocks of a lesson take as long as its notebook says."""
    about = NOTES[lesson]
    assert sum(b["minutes"] for b in about["block"]) == build.minutes(about["notebook"])


@pytest.mark.parametrize("lesson", NOTES)
def test_what_the_notes_name_is_in_the_lesson(lesson: str):
    """Every block, and all that may be skipped, is a section of the notebook, in its order."""
    about, sections = NOTES[lesson], build.headings(NOTES[lesson]["notebook"])
    blocks = [block["section"] for block in about["block"]]
    assert set(blocks) | set(about["skip"]) <= set(sections)
    assert blocks == sorted(blocks, key=sections.index)
    assert blocks[0] in ("Predict first", sections[0]) and about["stuck"]


@pytest.mark.parametrize("lesson", NOTES)
def test_every_wrong_answer_is_there_with_its_reason(lesson: str):
    """The page holds each wrong choice of quiz and prediction, and why somebody would take it."""
    text = build.page(lesson, NOTES[lesson])
    about = build.questions.prediction(lesson)
    wrong = [(name, why) for name, why in about["because"].items() if name != about["answer"]]
    for question in build.questions.load(lesson):
        wrong += [(c["text"], c["because"]) for c in question["choices"] if not c["right"]]
    assert len(wrong) >= 6
    for choice, why in wrong:
        assert choice in text and why in text


def plans() -> dict[int, list[tuple[int, str]]]:
    """By its length, each plan's blocks: minutes and lesson."""
    text = (TEACHING / "plans.md").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n## ")[1:]:
        rows = re.findall(r"^\| (\d+) \| .+ \| (\d*) *\|$", part, re.MULTILINE)
        found[int(part.split()[0])] = [(int(minutes), lesson) for minutes, lesson in rows]
    return found


def test_the_plans_minutes_add_up():
    """There are plans of 45, 90 and 180 minutes, and their blocks take that long."""
    assert {length: sum(m for m, _ in rows) for length, rows in plans().items()} == {
        45: 45,
        90: 90,
        180: 180,
    }


def test_the_plans_follow_the_lessons():
    """Blocks name lessons that exist, in the order of the course."""
    known = {about["notebook"][:2] for about in NOTES.values()}
    for rows in plans().values():
        lessons = [lesson for _, lesson in rows if lesson]
        assert set(lessons) <= known and lessons == sorted(lessons)


def test_no_link_leads_nowhere():
    """Every page that a page of the guide links to exists."""
    for page in TEACHING.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
