"""The bar of a race: there while it runs, and nothing of it afterwards."""

import nbformat
from nbclient import NotebookClient

RACE = """
import os
os.environ.pop("TQDM_DISABLE", None)
from lrcourse import lab
from lrcourse.lab import progress
progress.DELAY = progress.EVERY = 0
seen = []
drawn = progress._html
progress._html = lambda *now: seen.append(drawn(*now)) or seen[-1]
race = lab.race(["constant", "linear"], steps=20, seeds=2)
"""


def test_a_bar_in_a_notebook_leaves_nothing_behind():
    """A race draws a bar with a name, and the saved notebook holds no widget and no bar."""
    cells = [nbformat.v4.new_code_cell(code) for code in (RACE, "print(seen[0], seen[-1])")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3").execute()
    race, told = notebook.cells

    assert 'aria-label="digits, ' in told.outputs[0].text and "100 %" in told.outputs[0].text
    assert [sorted(output.data) for output in race.outputs] == [["text/html", "text/plain"]]
    assert race.outputs[0].data["text/html"] == ""


def test_a_bar_elsewhere_is_a_line_that_goes(capsys, monkeypatch):
    """Outside a notebook the line is wiped when the race is over."""
    from lrcourse import lab
    from lrcourse.lab import progress

    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(progress, "DELAY", 0)
    lab.race(["constant", "linear"], steps=20, seeds=2)
    out, err = capsys.readouterr()

    assert out == ""
    assert "digits, " in err and err.split("\r")[-2].strip() == ""
