"""The explorer of landscapes, from Python: what a hand can do, a test can do."""

from base64 import b64decode

import numpy as np
import pytest
from widget_tools import stored

import lrcourse
from lrcourse import (
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    LinearWarmup,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
    lab,
)

COSINE = CosineAnnealing(lr=0.09, T_max=60)


def landscape_of(explorer):
    """What `lab.landscape` says of where the controls stand."""
    walk = explorer.walk
    return lab.landscape(
        {"it": explorer.schedule},
        walk.surface,
        steps=walk.steps,
        optimizer=lab.SGD(momentum=walk.momentum),
        noise=walk.noise,
        seed=walk.seed,
    )


def drawn(explorer):
    """The numbers that the browser has: positions, losses, rates."""
    return unpacked(explorer.state["numbers"], explorer.state["steps"])


def unpacked(numbers, steps):
    x, y, loss, rate = np.split(
        np.frombuffer(numbers, "<f4").astype(float), np.cumsum([steps + 1] * 3)
    )
    return np.transpose([x, y]), loss, rate


def assert_drawn(explorer, found=None):
    found = found or landscape_of(explorer)
    for ours, theirs in zip(drawn(explorer), (found.paths, found.losses, found.used)):
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(ours, theirs["it"].astype("f4"), rtol=1e-6, atol=1e-12)


MOVES = [
    {"lr": 0.02},
    {"T_max": 30},
    {"eta_min": 0.01},
    {"surface": "banana", "lr": 0.01},
    {"surface": "saddle"},
    {"surface": "two wells"},
    {"momentum": 0.8},
    {"steps": 17},
    {"noise": 2.0},
    {"noise": 1.0, "seed": 3},
    {"lr": 0.5},  # diverges
]


@pytest.mark.parametrize("moved", MOVES, ids=str)
def test_what_is_drawn_is_the_landscape_of_the_lab(moved):
    """At every setting the positions, losses and rates are those of `lab.landscape`."""
    explorer = lrcourse.explore_landscape(COSINE)
    explorer.set(**moved)

    assert_drawn(explorer)
    assert explorer.error is None


@pytest.mark.parametrize(
    "schedule",
    [
        StepDecay(lr=0.05, step_size=20),
        pytest.param(OneCycle(max_lr=0.05, total_steps=50), marks=pytest.mark.thorough),
        pytest.param(
            Cyclical(base_lr=0.01, max_lr=0.05, step_size_up=10), marks=pytest.mark.thorough
        ),
        LinearWarmup(lr=0.05, total_iters=10).then(CosineAnnealing(lr=0.05, T_max=40), at=10),
        Custom(lr=0.05, factor=lambda t: 1 / (1 + t)),
    ],
    ids=lambda s: type(s).__name__,
)
def test_every_control_of_every_schedule_offers_the_paths_of_the_lab(schedule):
    """What the browser gets when a control is touched is `lab.landscape` at each position of it."""
    explorer = lrcourse.explore_landscape(schedule, steps=30, noise=0.1)
    for control in explorer.controls.values():
        head, [numbers] = explorer.rows(control.key)
        at, checked = 0, 0
        for row, value in zip(head["rows"], control.positions):
            if row["messages"]:
                with pytest.raises(ValueError) as refused:
                    lrcourse.explore_landscape(schedule, steps=30, noise=0.1).set(
                        **{control.key: value}
                    )
                assert row["messages"][control.key].rstrip(".") in str(refused.value) + "."
                continue
            length = 4 * (4 * row["steps"] + 3)
            if checked % 17 == 0:
                fresh = lrcourse.explore_landscape(schedule, steps=30, noise=0.1)
                fresh.set(**{control.key: value})
                ours = unpacked(numbers[at : at + length], row["steps"])
                found = landscape_of(fresh)
                for mine, theirs in zip(ours, (found.paths, found.losses, found.used)):
                    with np.errstate(over="ignore"):
                        np.testing.assert_allclose(mine, theirs["it"].astype("f4"), rtol=1e-4)
                assert row["words"] == fresh.verdict
            at, checked = at + length, checked + 1
        assert at == len(numbers) and checked > 1


def test_a_slider_move_is_small_and_contours_are_sent_once():
    """A move sends a few kB and leaves the pictures of the surfaces alone."""
    explorer = lrcourse.explore_landscape(COSINE)
    before = explorer._surfaces
    sent = []
    explorer.observe(lambda change: sent.append(change["name"]), names=["state", "_surfaces"])
    explorer.set(lr=0.05)
    explorer.set(surface="banana")

    assert set(sent) == {"state"}
    assert explorer._surfaces is before and set(before) == set(lab.SURFACES)
    assert len(explorer.state["numbers"]) < 4000
    assert sum(len(surface["webp"]) for surface in before.values()) < 400_000


def test_it_says_in_words_what_the_path_did():
    """Where it ends, how low it came, and whether it diverged: the verdict of `lab.landscape`."""
    explorer = lrcourse.explore_landscape(COSINE)
    name = "CosineAnnealing"
    assert explorer.verdict == explorer.found.verdict()
    assert explorer.verdict.startswith(f"{name} ends at x = ")
    assert "stays in the picture" in explorer.readout

    explorer.set(lr=0.5)
    assert "diverged: it left the picture at update 1" in explorer.verdict
    assert explorer.found.diverged(name) and "outcome diverged" in explorer.readout
    explorer.set(lr=10, steps=400)
    assert "beyond what a float can hold" in explorer.verdict and "gone" in explorer.readout


def test_a_path_may_leave_and_come_back():
    """Out of the window for a while is no divergence, and is said."""
    explorer = lrcourse.explore_landscape(OneCycle(max_lr=0.09, total_steps=100))

    assert not explorer.found.diverged("OneCycle")
    assert "and came back" in explorer.verdict and "leaves, comes back" in explorer.readout
    assert "momentum cycled, 0.85 to 0.95" in explorer.readout


@pytest.mark.parametrize(
    "moved, said",
    [
        ({"lr": -1}, "lr must be a finite number of at least 0, got -1"),
        ({"steps": 401}, "steps must be at most 400, got 401"),
        ({"steps": 0}, "steps must be a positive whole number, got 0"),
        ({"momentum": 1}, "momentum must be at least 0 and below 1, got 1"),
        ({"surface": "hill"}, "surface must be one of 'ravine'"),
        ({"noise": -2}, "noise must be a finite number of at least 0, got -2"),
        ({"hill": 1}, "hill is no control of this explorer"),
    ],
)
def test_a_bad_value_explains_itself_and_the_last_good_picture_stays(moved, said):
    """`ValueError` with the value; under the control the same sentence; nothing drawn changes."""
    explorer = lrcourse.explore_landscape(COSINE)
    before, words = drawn(explorer), explorer.verdict
    with pytest.raises(ValueError, match=said):
        explorer.set(**moved)

    for now, then in zip(drawn(explorer), before):
        np.testing.assert_array_equal(now, then)
    assert explorer.verdict == words
    if "hill" in moved:
        return
    control = explorer.controls[next(iter(moved))]
    assert said in control.message
    explorer.set(T_max=30)  # another control takes no message away
    assert said in control.message
    explorer.set(**{control.key: control.value})
    assert explorer.error is None


def test_what_did_not_fit_together_fits_after_the_other_has_moved():
    """A one-cycle shorter than the run waits until the run is as short, and is then drawn."""
    explorer = lrcourse.explore_landscape(OneCycle(max_lr=0.05, total_steps=100))
    with pytest.raises(ValueError, match="past the end"):
        explorer.set(total_steps=50)
    assert explorer.schedule.total_steps == 100
    assert "past the end" in explorer.controls["total_steps"].message

    explorer.set(steps=40)
    assert explorer.schedule.total_steps == 50 and explorer.error is None
    assert_drawn(explorer)


def test_the_dot_goes_where_it_is_sent():
    """`go` steps along the path; at the end it stays at the end when the run grows longer."""
    explorer = lrcourse.explore_landscape(COSINE)
    assert explorer.update == COSINE.horizon
    explorer.set(steps=80)
    assert explorer.update == 80
    explorer.go(12)
    explorer.set(steps=90)
    assert explorer.update == 12
    explorer.set(steps=5)
    assert explorer.update == 5
    for wrong in (6, -1, 2.5):
        with pytest.raises(ValueError, match="from 0 to 5, got"):
            explorer.go(wrong)


def test_reset():
    """Everything back to where it started."""
    explorer = lrcourse.explore_landscape(COSINE, "banana", momentum=0.5, steps=20)
    start = drawn(explorer)
    explorer.set(lr=0.01, surface="saddle", momentum=0.1, steps=40)
    explorer.reset()

    assert explorer.schedule == COSINE and explorer.walk.surface == "banana"
    for now, then in zip(drawn(explorer), start):
        np.testing.assert_array_equal(now, then)


def test_a_surface_of_ones_own():
    """A function of x and y is one more surface, from its own start in its own window."""

    def bowl(x, y):
        return x**2 + 3 * y**2

    explorer = lrcourse.explore_landscape(
        COSINE, bowl, start=(2.5, 1.0), window=(-3, 3, -2, 2), steps=20
    )
    found = lab.landscape({"it": COSINE}, bowl, start=(2.5, 1.0), window=(-3, 3, -2, 2), steps=20)

    assert_drawn(explorer, found)
    assert list(explorer.controls["surface"].positions) == [*lab.SURFACES, "bowl"]
    explorer.set(surface="ravine")
    assert_drawn(explorer)


def test_the_stored_output_reads_without_a_kernel():
    """A picture and a text: what was walked, what it did, and some of its places."""
    explorer = lrcourse.explore_landscape(COSINE)
    data = stored(explorer)
    png, text = b64decode(data["image/png"]), data["text/plain"]

    assert png.startswith(b"\x89PNG") and b"Software" not in png
    assert data["image/png"] == stored(explorer)["image/png"]
    assert explorer.verdict in text and repr(explorer) in text
    assert len(text.splitlines()) == 8
    path = landscape_of(explorer).paths["it"]
    assert text.splitlines()[3].split()[:3] == ["0", "-4", "1"]
    assert text.splitlines()[-1].split()[1] == f"{round(path[-1, 0], 3):.4g}"


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda f: f(0.1), "explore_landscape needs a schedule of this course, got 0.1"),
        (lambda f: f(StepDecay), "write StepDecay()"),
        (lambda f: f(ReduceOnPlateau()), "ReduceOnPlateau has no curve"),
        (lambda f: f(Constant(), "hill"), "surface must be one of 'ravine', .*'hill'"),
        (lambda f: f(Constant(), steps=500), "steps must be at most 400, got 500"),
        (lambda f: f(Constant(), momentum=1.0), "momentum must be at least 0 and below 1"),
        (lambda f: f(Constant(), noise=float("nan")), "noise must be a finite number"),
        (lambda f: f(Constant(), seed=-1), "seed must be a whole number"),
        (lambda f: f(Constant(), start=(9, 9)), "start must lie in the window"),
        (lambda f: f(Constant(), window=(1, 0, 0, 1)), "window must be"),
        (lambda f: f(Constant(), lambda x, y: 3.0), "one loss for every x, got 3.0"),
        (lambda f: f(OneCycle(total_steps=50), steps=60), "past the end"),
    ],
)  # fmt: skip
def test_bad_input(make, said):
    """What cannot be walked is refused at once, with the value and the fix."""
    with pytest.raises(ValueError, match=said):
        make(lrcourse.explore_landscape)
