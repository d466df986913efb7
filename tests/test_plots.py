"""Drawing: what a learner sees in a notebook, and axes in, axes out."""

import html
import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from lrcourse import CosineAnnealing, ExponentialDecay, plots

CELL = """
from lrcourse import plots
figure, ax = plots.panels()
ax.plot([1, 2])
"done"
"""


def test_every_cell_that_draws_shows_its_figure():
    """A figure is shown under its own cell, in the first cell that draws and in all after it."""
    cells = [nbformat.v4.new_code_cell(CELL) for _ in range(3)]
    notebook = NotebookClient(
        nbformat.v4.new_notebook(cells=cells), kernel_name="python3"
    ).execute()

    for cell in notebook.cells:
        shown = [mime for output in cell.outputs for mime in output.get("data", {})]
        assert sorted(shown) == ["text/html", "text/plain", "text/plain"]  # a picture, and "done"


VALUE = """
from lrcourse import plots
figure, ax = plots.panels()
ax.plot([1, 2], label="two lines & <one>")
ax.set(xlabel="t", ylabel="rate", title="rates")
ax.legend()
figure
"""


def test_a_picture_is_shown_once_and_carries_its_text():
    """As the value of its cell a picture is shown once, as an image with the words of its axes."""
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(VALUE)]), kernel_name="python3"
    )
    (output,) = client.execute().cells[0].outputs
    words = "rates: rate against t, with two lines & <one>."

    assert output["data"]["text/plain"] == words
    assert f'alt="{html.escape(words)}"' in output["data"]["text/html"]


def pixels(picture):
    """A picture as RGBA, shape (height, width, 4)."""
    return plt.imread(io.BytesIO(picture.png()))


def contrast(a, b):
    """WCAG's ratio of two colours, shape (..., 3) from 0 to 1."""
    light = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        for c in (np.asarray(a), np.asarray(b))
    ]
    return (np.maximum(*light) + 0.05) / (np.minimum(*light) + 0.05)


def test_a_picture_is_read_on_a_light_page_and_on_a_dark_one():
    """The ground is the page's, and ink and lines stand out from white and from JupyterLab's black,
    also what was written outside of the style of the course."""
    picture, ax = plots.panels()
    for i in range(5):
        ax.plot([i, i + 1], label=str(i))
    ax.set_title("written by a cell")
    ax.text(0, 5, "so was this")
    ax.legend()
    drawn = pixels(picture)
    plt.close(picture)
    solid = drawn[drawn[..., 3] > 0.999][:, :3]

    assert drawn[2, 2, 3] == 0 and len(solid) > 1000
    for page in ((1, 1, 1), (17 / 255, 17 / 255, 17 / 255)):
        assert contrast(solid, page).min() > 3


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_the_drawn_schedule_is_the_formula(ax):
    """`draw_schedule` draws the rate of every update, and gives the axes back."""
    schedule = CosineAnnealing(lr=0.1, T_max=40)

    assert plots.draw_schedule(ax, schedule, steps=60, label="cosine") is ax

    (line,) = ax.get_lines()
    assert np.array_equal(line.get_xdata(), np.arange(60))
    assert np.array_equal(line.get_ydata(), schedule(np.arange(60)))
    assert ax.get_legend().get_texts()[0].get_text() == "cosine"
    assert ax.get_xlabel() and ax.get_ylabel()


def test_a_schedule_of_billions_of_updates_can_be_drawn(ax):
    """From the first update to the last, at whole ones, in no more points than a plot can show."""
    slow = ExponentialDecay(lr=0.1, gamma=1 - 1e-9)
    (line,) = plots.draw_schedule(ax, slow).lines
    t, rates = line.get_data()

    assert len(t) <= 100_000
    assert (t[0], t[-1]) == (0, slow.horizon - 1)
    np.testing.assert_array_equal(t, np.round(t))
    np.testing.assert_array_equal(rates, slow(t))


def test_the_band_holds_every_run(ax):
    """`draw_runs` draws the mean, and a band from the lowest run to the highest."""
    runs = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 8.0]])

    plots.draw_runs(ax, [0, 1, 2], runs, label="two runs")

    (mean,) = ax.get_lines()
    assert np.array_equal(mean.get_ydata(), [2.0, 3.0, 5.5])
    (band,) = ax.collections
    edges = band.get_paths()[0].vertices
    for t, low, high in zip([0, 1, 2], [1, 2, 3], [3, 4, 8]):
        at_t = edges[edges[:, 0] == t, 1]
        assert (at_t.min(), at_t.max()) == (low, high)
