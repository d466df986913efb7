"""What of a lesson is run to show a widget on a page: what it needs, and nothing else."""

import ast
import sys
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[1] / "site"
sys.path.append(str(SITE))

import live  # noqa: E402

LESSONS = sorted((SITE.parent / "notebooks").glob("*.ipynb"))

NEEDED = {
    "what a name was before it was made anew": (
        "import m\na = slow()\na = 2\nm.show(a)",
        "import m\na = 2\nm.show(a)",
    ),
    "what a list was given": (
        "import m\na = []\na.append(1)\nb = 3\nm.show(a)",
        "import m\na = []\na.append(1)\nm.show(a)",
    ),
    "another widget": ("import m\nm.train()\nm.show()", "import m\nm.show()"),
    "what is added to": ("a = 1\na += 1\nshow(a)", "a = 1\na += 1\nshow(a)"),
    "what may have been made in a loop": (
        "a = 1\nfor a in some:\n    pass\nshow(a)",
        "a = 1\nfor a in some:\n    pass\nshow(a)",
    ),
    "a place in a list": ("a = [1]\na[0] = 2\nshow(a)", "a = [1]\na[0] = 2\nshow(a)"),
    "what `with` names": (
        "used = old()\nwith trace(o) as used:\n    run()\nshow(used)",
        "with trace(o) as used:\n    run()\nshow(used)",
    ),
}


@pytest.mark.parametrize(("lesson", "needed"), NEEDED.values(), ids=NEEDED)
def test_a_widget_is_made_from_what_it_needs(lesson, needed):
    """All statements that its line depends on, in order, and no others."""
    found = live.slice_of(ast.parse(lesson).body)
    assert ast.unparse(ast.Module(found, [])) == ast.unparse(ast.parse(needed))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_race_is_run_for_a_page(path):
    """What a page needs of a lesson trains no race."""
    import make_pages

    before: list[ast.stmt] = []
    for source in make_pages.sources_of(path):
        before += ast.parse(live._without_magics(source)).body
        if before and source and live._shows_a_widget(before[-1], before):
            code = ast.unparse(ast.Module(live.slice_of(before), []))
            assert "lab.race(" not in code
            assert "digits.train(" not in code
