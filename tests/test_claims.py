"""The ledger of claims: what the lessons say is what came out, on the lesson's seeds and on others."""

import ast
import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lrcourse.lab.stats import paired, rounded

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks" / "source").glob("0*.py"))
FEWEST = 16


def _load():
    spec = importlib.util.spec_from_file_location("claims", ROOT / "notebooks" / "claims.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["claims"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


claims = _load()
LEDGER = claims.ledger()
each_claim = pytest.mark.parametrize("claim", LEDGER, ids=lambda claim: claim.id)


def prose(lesson: str) -> str:
    """The text of a built lesson without its tables, one space between words, no emphasis."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return plain("\n".join(line for line in text.splitlines() if not line.startswith("|")))


def plain(text: str) -> str:
    return " ".join(re.sub(r"[*`]", "", text).split())


def outputs(lesson: str, tag: str) -> str:
    """All that the cell with this tag prints and shows, as text."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    [cell] = [c for c in notebook.cells if tag in c.metadata.get("tags", ())]
    shown = (o.get("text", o.get("data", {}).get("text/plain", "")) for o in cell.outputs)
    return "\n".join(shown)


@each_claim
def test_the_words_stand_in_the_lesson_with_the_numbers_of_the_ledger(claim):
    """What the ledger says that a lesson says, it says, number by number."""
    assert plain(claim.sentence) in prose(claim.lesson)


@each_claim
def test_its_cell_is_there_and_makes_what_is_compared(claim):
    """The tag is that of one cell, and the comparison reads only what the cells up to it make."""
    found = claims.cells(claim.lesson)
    [at] = claims.tagged(found, claim.cell)
    codes = [cell.source for cell in found[: at + 1]]
    made = set().union(*map(claims.defined, codes), {"lab", "np", "pd"})
    inside = {n.id for n in ast.walk(ast.parse(claim.difference)) if isinstance(n, ast.Name)}

    assert inside <= made
    assert at in claims.needed(codes, [at])


@each_claim
def test_it_came_out_on_seeds_that_it_was_not_written_from(claim):
    """The lesson's seeds and two other sets, no seed in two of them, all say what the sentence says."""
    sets = [claim.shown, *claim.again]

    assert [found for found in sets if not claim.stands(found)] == []
    if claim.shown.first is None:
        return  # computed, not sampled
    seeds = [set(range(found.first, found.last + 1)) for found in sets]
    assert len(sets) == 3
    assert sum(map(len, seeds)) == len(set().union(*seeds))
    one_draw = all(len(chosen) == 1 for chosen in seeds)  # thousands of balls from one generator
    one_number = all(found.half == 0 for found in sets)  # of all seeds together: no mean over them
    assert one_draw or one_number or all(len(chosen) >= FEWEST for chosen in seeds)


@each_claim
def test_the_ledger_is_of_what_the_lesson_shows(claim):
    """A comparison that a lesson prints has the number that the ledger has.

    Other tables of the same race have wider or narrower intervals; the difference is the same.
    Where neither the words nor the cell have a difference, there is none to hold to the ledger.
    """
    if claim.shown.first is None or not (said := outputs(claim.lesson, claim.cell)):
        return
    if "{" not in claim.words and "±" not in said:
        return
    effect = abs(claim.shown.effect)
    digits = {rounded(effect, claim.shown.half), f"{effect:.3f}", f"{effect:.2f}"}
    if "compare" in claim.difference:
        assert any(number in said for number in digits)


COMPARING = re.compile(
    r"\b(beats?|leads?|comes? first|not told|(is|are|ends?|ended) [\d.]* ?(behind|ahead|worse|better|closer|last)"
    r"|(ahead|behind|worse|better|faster|lower|larger) (of|by|than))\b"
)
SAID_OF_OTHERS = re.compile(
    r"On these 16 seeds|Lower is better|It predicts a crossing|how far it ended behind|hard to beat|earlier version|Somebody ran|for everybody|\?|^-? ?\*\*When|[Aa]bove 1, exponential|verdict"
    r"|equal schedules|equals one|races of equals|try to beat|until both neighbours|how far apart it may be"
)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_comparing_sentence_is_in_the_ledger(path):
    """A sentence of a lesson that says that one schedule is better than another has its claim."""
    theirs = [plain(c.sentence) for c in LEDGER if c.lesson == path.stem]
    sentences = re.split(r"(?<=[.:?!])\s+(?=[A-Z(*])", prose(path.stem))
    comparing = [s for s in sentences if COMPARING.search(s) and not SAID_OF_OTHERS.search(s)]

    bare = [s for s in comparing if not any(words in s or s in words for words in theirs)]
    assert bare == []


# Running


def lesson(folder: Path, number: float) -> Path:
    """A lesson with a draw, a helper that it needs, and a cell that it does not."""
    (folder / "10_small.py").write_text(
        f"""# %%
import numpy as np

# %%
def draw(n):
    generator = np.random.default_rng(0)
    return np.random.default_rng(generator).normal({number}, 1, n)  # SciPy hands them on like this

# %%
raise RuntimeError("nobody needs this cell")

# %% tags=["drawn"]
gaps = draw(64)
""",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A claim about a small lesson, and the folder of that lesson."""
    monkeypatch.setattr(claims.cells, "__defaults__", (lesson(tmp_path, 1.0),))
    nothing = claims.Found(float("nan"))
    return claims.Claim(
        "small", "10_small", "ahead by {effect:.1f}", "drawn", "gaps", "above 0", nothing, ()
    )


def test_a_claim_is_run_with_its_own_cells_and_other_seeds(small):
    """Only the cells that a claim needs are run, and other seeds give other numbers."""
    [(_, one)], [(_, other)] = (list(claims.run("10_small", [small], s)) for s in (1, 2))

    assert small.stands(one) and small.stands(other)
    assert one.effect != other.effect
    expected = paired(np.random.default_rng(1).normal(1.0, 1, 64), np.zeros(64)).difference
    assert (one.effect, one.half) == (expected.mean, expected.half)


def test_a_claim_falls_where_the_numbers_do_not_say_it(small, tmp_path):
    """A sentence whose interval holds zero on new seeds falls, and the command says so."""
    lesson(tmp_path, 0.0)
    [(_, found)] = claims.run("10_small", [small], 3)

    assert not small.stands(found)
    assert claims.check({"10_small": [small]}, 3) == 1


def test_one_number_keeps_the_seeds_that_it_rests_on():
    """A number made of all seeds is recorded with them; one that takes no race is exact."""
    lab = claims.Reseeded(700)
    raced = lab.race(["constant"], steps=40, seeds=2, tune=False).seeds
    tried = lab.range_test(rates=2, steps=20).scores

    assert raced == (700, 701) and len(tried) == 4 and lab.seeds == {700, 701, 702, 703}
    one = claims.measured(0.5, {700, 701}, 700)
    assert (one.first, one.last, str(one)) == (700, 701, "0.5")
    assert str(claims.measured(0.5, set(), 700)) == "0.5, exactly"


SEVERAL = """# %%
from lrcourse import lab

# %% tags=["noisy"]
noisy = lab.race(["constant"], steps=20, seeds=4, tune=False)

# %% tags=["fewer"]
fewer = lab.race(["constant"], steps=20, seeds=2, tune=False) if len(noisy.seeds) else None

# %% tags=["exact"]
exact = lab.race(["constant"], task="quadratic", steps=20) if len(noisy.seeds) else None

# %% tags=["read"]
read = noisy.scores["constant"].mean() - 1
"""


@pytest.mark.parametrize(
    ("cell", "last"), [("noisy", 703), ("fewer", 701), ("exact", None), ("read", 703)]
)
def test_a_claim_rests_on_the_seeds_of_its_own_cell(small, tmp_path, cell, last):
    """Not on those of races that came before; where its cell runs no race, on what it reads of them."""
    (tmp_path / "10_small.py").write_text(SEVERAL, encoding="utf-8")
    of = {"read": "read", "exact": "exact.scores['constant'].mean()"}
    claim = replace(small, cell=cell, difference=of.get(cell, f"{cell}.scores['constant'].mean()"))
    [(_, found)] = claims.run("10_small", [claim], 700)

    assert (found.first, found.last) == (None if last is None else 700, last)


def test_what_is_recorded_is_read_back():
    """Numbers written into the ledger are those that it has afterwards; other text stays."""
    text = '# why\n\n[[claim]]\nid = "a"\nsays = "above 0"\n\n[[claim]]\nid = "b"\n'
    sets = [claims.Found(0.0123, 0.004, 0.006, at, at + 31) for at in (0, 100, 200)]
    once = claims.recorded(text, {"a": sets})
    twice = claims.recorded(once, {"a": sets})

    assert twice == once and once.startswith("# why\n") and 'id = "b"' in once
    assert once.count("first = ") == 3


# The page to keep


def test_the_recipes_rest_on_claims():
    """Every branch of the page of recipes names claims, and each of them is in the ledger."""
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+(?:-[a-z0-9]+)+)`", text))

    assert len(named) > 15
    assert named <= {claim.id for claim in LEDGER}


def test_what_the_recipes_say_to_type_does_what_they_say():
    """The lines of the page, run with SGD: a warm-up of a twentieth, then down to a tenth."""
    import torch

    import lrcourse

    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    lines = next(
        block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "fall" in block
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    names = {"torch": torch, "optimizer": optimizer, "updates": 200}
    exec(lines, names)
    with lrcourse.trace(optimizer) as used:
        for _ in range(200):
            optimizer.step()
            names["scheduler"].step()

    assert used.lr.argmax() == 9 or used.lr.argmax() == 10
    assert used.lr[0] == pytest.approx(0.05) and used.lr.max() == pytest.approx(0.5, rel=0.01)
    assert used.lr[-1] == pytest.approx(0.05, rel=0.06)
