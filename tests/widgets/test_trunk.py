"""Trunk and branches: what it costs not to have known the length."""

import numpy as np
import pytest
from widget_tools import from_browser, is_calm_png, stored

import lrcourse
from lrcourse import lab
from lrcourse.lab.stats import paired
from lrcourse.widgets import trained
from lrcourse.widgets.trunk import spent


@pytest.fixture(scope="module")
def run():
    return lrcourse.trunk_and_branches()


def test_what_is_drawn_is_real_training():
    """Trained again on the first seeds, branch and made-for run give the scores that are kept."""
    kept, length = trained.kept("trunk"), 150
    race = lab.race(
        {
            "branch": trained.branch(kept["peak"], length),
            "made": trained.made_for(length, kept[f"made_peak_{length}"]),
        },
        steps=length,
        seeds=trained.TRUNK_SEEDS[:4],
        tune=False,
        progress=False,
    )
    for name, scores in race.scores.items():
        np.testing.assert_allclose(scores, kept[f"{name}_{length}"][:4], rtol=1e-3)


def test_a_branch_is_the_trunk_until_it_cools_down():
    """Up to 80 % of its length a branch has the trunk's curve, to the last digit that is kept."""
    kept = trained.kept("trunk")
    for length in (100, 400, 1000):
        leaves = round(0.8 * length) // trained.EVERY
        branch = kept[f"branch_curve_{length}"]
        np.testing.assert_allclose(branch[:leaves], kept["trunk"][:leaves], rtol=2e-3)
        assert branch[-1] < 0.95 * kept["trunk"][length // trained.EVERY - 1]


def test_the_table_is_the_paired_difference(run):
    """At every length the branch is behind the run made for it by the paired mean and its interval,
    and far below the trunk that is not cooled down."""
    kept, table = trained.kept("trunk"), run.table()
    assert list(table.index) == list(trained.LENGTHS)
    for length, row in table.iterrows():
        both = paired(
            kept[f"branch_{length}"].astype(float), kept[f"made_{length}"].astype(float)
        ).difference
        assert row["behind"] == pytest.approx(both.mean)
        assert row["±"] == pytest.approx(both.half)
        assert row["behind"] == pytest.approx(row["branch"] - row["made for it"])
        assert row["branch"] < row["not cooled"]


def test_the_cost_of_not_knowing_falls_with_the_length(run):
    """At 100 updates the branch is clearly behind; from 400 on by no more than a third of that."""
    table = run.table()
    assert table["behind"][100] > 2 * table["±"][100] > 0
    assert (table["behind"][400:] < table["behind"][100] / 3).all()


def test_branches_share_their_trunk():
    """200, 400 and 800 updates: 640 of the trunk and 280 of cool-downs, instead of 1,400."""
    assert spent([200, 400, 800]) == 920
    assert spent([400]) == 400
    assert spent([400, 400]) > 400


def test_python_is_told_where_the_hand_stopped():
    """Stop and kept branches are the state, with what they took together."""
    run = lrcourse.trunk_and_branches()
    from_browser(run, "move", 800, [800, 200, 400, 400])
    assert run.state["stop"] == 800 and run.state["kept"] == [200, 400, 800]
    assert (run.state["spent"], run.state["alone"]) == (920, 1400)
    from_browser(run, "move", 50, [])
    assert "from 100 to 1000" in run.trouble and run.state["stop"] == 800
    from_browser(run, "move", 800, [7])
    assert "can be kept" in run.trouble
    run.forget()
    assert run.state["kept"] == [] and run.state["spent"] == run.state["alone"] == 800
    run.stop(432)
    assert run.state["stop"] == 450 and "stopped at 450" in repr(run)


def test_the_stored_picture_is_the_same_for_all(run):
    """Three branches in a picture, five lengths in words, and what was trained."""
    fresh = stored(run)
    run.stop(1000)
    assert stored(run) == fresh and is_calm_png(fresh["image/png"])
    assert "SGD with momentum 0.9, 64 seeds" in fresh["text/plain"]
    assert fresh["text/plain"].count("behind by") == 5


@pytest.mark.parametrize("stop", [50, 2000, 400.5, "400", True])
def test_a_stop_outside_the_trunk_is_refused(stop):
    """With the value and what is possible."""
    with pytest.raises(ValueError, match="from 100 to 1000"):
        lrcourse.trunk_and_branches(stop)
