"""The explorers from Python: every control of every schedule moved, what is drawn compared with
the formula. The same by hand, in a real browser, is in `browser/test_explorer_browser.py`."""

import struct
import sys
import threading
from base64 import b64decode, b64encode
from dataclasses import fields
from functools import partial

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from sampling import some
from widget_tools import from_browser, stored

from lrcourse import (
    SCHEDULES,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    explore,
    explore_landscape,
)
from lrcourse._fields import RATE, STEPS, a, kind_of
from lrcourse.schedules import a_schedule
from lrcourse.widgets.explorer import FULL, WIDTHS, Explorer

CONTROLS = [
    (schedule, f.name)
    for schedule in SCHEDULES
    for f in fields(schedule)
    if kind_of(f).control != "text"
]
FLOAT32 = 2e-7  # what is drawn is rounded to 32 bits


def with_field(schedule, name, value):
    """`schedule` with one field changed, made without the explorer."""
    values = {f.name: getattr(schedule, f.name) for f in fields(schedule) if f.compare}
    if name == "k":
        del values["gamma"]
    return type(schedule)(**values | {name: value})


def drawn_rates(schedule, t):
    """The formula at the drawn updates, NaN where the schedule has come to its last."""
    there = t <= schedule.last + 1
    return np.array([schedule(step) if ok else np.nan for step, ok in zip(t, there)])


def assert_draws(explorer, schedule, which=0):
    t, rates = explorer.curve(which)
    np.testing.assert_allclose(rates, drawn_rates(schedule, t), rtol=FLOAT32, atol=1e-30)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.__name__)
def test_first_picture_is_the_formula(schedule):
    """An explorer opens on the schedule it was given, and draws it."""
    explorer = explore(schedule())

    assert schedule() == explorer.schedule
    assert_draws(explorer, schedule())


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.__name__)
def test_every_field_has_a_control(schedule):
    """One control per field, with the field's value, and one for the length of the run."""
    explorer = explore(schedule())

    *controls, run = explorer.controls.items()
    assert [f.name for f in fields(schedule)] == [name for name, _ in controls]
    for name, control in controls:
        assert getattr(schedule(), name) == control.value
    assert run[0] == "run"


@pytest.mark.parametrize(("schedule", "name"), CONTROLS, ids=lambda v: getattr(v, "__name__", v))
def test_rows_of_every_control_are_the_formula(schedule, name):
    """The curves that the browser gets for all positions of a control are the formula's; where
    the fields do not fit together there is none."""
    explorer = explore(schedule())
    control = explorer.controls[name]
    t, _ = explorer.curve()
    curves = explorer.curves(name)

    assert len(control.positions) == len(curves)
    assert len(curves) >= 2
    for value, curve in zip(control.positions, curves):
        try:
            expected = drawn_rates(with_field(schedule(), name, value), t)
        except ValueError:
            expected = np.full(t.shape, np.nan)
        np.testing.assert_allclose(curve, expected, rtol=FLOAT32, atol=1e-30)


@pytest.mark.parametrize(("schedule", "name"), CONTROLS, ids=lambda v: getattr(v, "__name__", v))
def test_moving_every_control_draws_the_formula(schedule, name):
    """A moved control draws its schedule; one that cannot be moved so says why, with the
    schedule's own words, and keeps the last good curve."""
    explorer = explore(schedule())
    positions = explorer.controls[name].positions
    good = schedule()
    for value in [*positions[:: max(1, len(positions) // 9)], positions[-1]]:
        try:
            wanted = with_field(good, name, value)
        except ValueError as problem:
            with pytest.raises(ValueError) as raised:
                explorer.set(**{name: value})
            assert str(problem) == str(raised.value)
            assert f"{problem}." == explorer.error == explorer.controls[name].message
        else:
            explorer.set(**{name: value})
            good = wanted
            assert explorer.error is None
        assert_draws(explorer, good)
        if name != "k":  # gamma and k are equal up to rounding
            assert good == explorer.schedule


def test_positions_hold_the_value_of_the_schedule():
    """A control can be brought back by hand to the value it started with, whatever that is."""
    explorer = explore(CosineAnnealing(lr=0.0123, T_max=97))

    assert 0.0123 in explorer.controls["lr"].positions
    assert 97 in explorer.controls["T_max"].positions


def test_positions_are_in_order():
    """To the right is more: positions increase, also with a value of your own among them."""
    explorer = explore(OneCycle(max_lr=0.0123, pct_start=0.333))
    explorer.set(div_factor=33.3)

    for control in explorer.controls.values():
        numbers = [p for p in control.positions if isinstance(p, float)]
        assert sorted(set(numbers)) == numbers


def test_a_value_between_the_positions():
    """Any value that the field takes can be set, not only those of the slider."""
    explorer = explore(StepDecay())
    explorer.set(gamma=0.12345)

    assert 0.12345 == explorer.schedule.gamma == explorer.controls["gamma"].value
    assert_draws(explorer, StepDecay(gamma=0.12345))


def test_two_faces_of_one_value():
    """Setting k moves gamma, and setting gamma moves k."""
    explorer = explore(ExponentialDecay())

    explorer.set(k=0.1)
    assert np.exp(-0.1) == explorer.controls["gamma"].value
    explorer.set(gamma=0.5)
    assert pytest.approx(np.log(2)) == explorer.controls["k"].value
    explorer.set(lr=1.0)
    assert ExponentialDecay(lr=1.0, gamma=0.5) == explorer.schedule


def test_a_bad_value_says_what_was_meant():
    """The hint of the field reaches the learner, who may have meant k."""
    explorer = explore(ExponentialDecay())
    with pytest.raises(ValueError, match=r"give k=1.5"):
        explorer.set(gamma=1.5)

    assert "give k=1.5" in explorer.error
    assert_draws(explorer, ExponentialDecay())


def test_a_bad_combination_heals():
    """What was asked for is drawn as soon as another control makes it possible."""
    explorer = explore(Cyclical())
    with pytest.raises(ValueError, match="base_lr must not be above max_lr"):
        explorer.set(base_lr=0.5)
    explorer.set(max_lr=1.0)

    assert explorer.error is None
    assert Cyclical(base_lr=0.5, max_lr=1.0) == explorer.schedule


def test_milestones_are_a_text():
    """Milestones are read from a text, in any order, with commas or without."""
    explorer = explore(MultiStepDecay())
    control = explorer.controls["milestones"]
    explorer.set(milestones=control.read("50 20, 70"))

    assert explorer.schedule.milestones == (20, 50, 70)
    assert_draws(explorer, MultiStepDecay(milestones=[20, 50, 70]))
    with pytest.raises(ValueError, match="milestones must be a number, got 'x'"):
        control.read("20, x")


def test_parts_in_a_row_have_controls_each():
    """Warm-up and cosine: every part and the join can be moved; the rate that all parts start
    from is one control."""
    warm = LinearWarmup(lr=0.1, total_iters=20).then(CosineAnnealing(lr=0.1, T_max=80), at=20)
    explorer = explore(warm)

    explorer.set(T_max=40, total_iters=10, at=10, lr=0.5)
    expected = LinearWarmup(lr=0.5, total_iters=10).then(CosineAnnealing(lr=0.5, T_max=40), at=10)
    assert expected == explorer.schedule
    assert_draws(explorer, expected)


def test_parts_of_one_name_must_be_told_apart():
    """A name that several controls have is refused, and the full names are given."""
    twice = CosineAnnealing(T_max=40).then(CosineAnnealing(T_max=20), at=40)
    with pytest.raises(ValueError, match="use one of 1.T_max, 2.T_max"):
        explore(twice).set(T_max=10)
    with pytest.raises(ValueError, match="size is no control of this explorer"):
        explore(twice).set(size=10)


def test_custom_moves_only_its_rate():
    """A function of your own has no fields to move: the rate is its one control,
    beside the length of the run."""
    explorer = explore(Custom(lr=0.1, factor=lambda t: 0.9**t))
    explorer.set(lr=1.0)

    assert list(explorer.controls) == ["lr", "run"]
    t, rates = explorer.curve()
    np.testing.assert_allclose(rates, 0.9**t, rtol=FLOAT32)


def test_an_error_in_your_function_is_raised():
    """What a learner's own function raises comes out, and is not swallowed."""

    def breaks(t):
        return 1 / (50 - t)

    with pytest.raises(ZeroDivisionError):
        explore(Custom(lr=0.1, factor=breaks))


def test_two_schedules_in_one_figure():
    """Two schedules are drawn over the same updates, and each has controls of its own."""
    explorer = explore(CosineAnnealing(), ExponentialDecay())
    explorer.set(T_max=50)
    explorer.set(**{"B.lr": 0.05})

    assert_draws(explorer, CosineAnnealing(T_max=50), 0)
    assert_draws(explorer, ExponentialDecay(lr=0.05), 1)
    assert 2 == len(explorer.code.splitlines()) == len(explorer.readout.splitlines())


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.__name__)
def test_readout_is_counted_on_every_update(schedule):
    """The numbers in the readout are those of the formula up to its end, or the figure's edge."""
    explorer = explore(schedule())
    updates = min(schedule().end or explorer.steps, explorer.steps)
    rates = schedule()(np.arange(updates))
    words = explorer.readout.split(" · ")

    assert words[0] == f"start {rates[0]:.4g}"
    assert words[1] == f"middle, t = {updates // 2} {rates[updates // 2]:.4g}"
    assert words[2] == f"end, t = {updates - 1} {rates[-1]:.4g}"
    peak = int(rates.argmax())
    at = f"t = {peak}" if peak else "at the start"
    assert words[3] == f"largest, {at} {rates[peak]:.4g}"
    low = [t for t in range(peak, updates) if rates[t] < 0.01 * rates[peak]]
    assert words[4].endswith(f"from t = {low[0]}" if low else f"not by t = {updates - 1}")


def test_the_readout_is_that_of_the_run():
    """The end is the run's own, wherever the schedule's is: half a cosine ends at the top again."""
    explorer = explore(CosineAnnealing(T_max=100))
    explorer.set(T_max=50)
    assert "end, t = 99 0.0999" in explorer.readout
    explorer.set(run=50)

    assert "end, t = 49 9.866e-05" in explorer.readout
    assert CosineAnnealing(T_max=50) == explorer.schedule


def test_a_run_that_does_not_fit_is_refused():
    """The run is at most what the figure shows, and says how to have more."""
    explorer = explore(CosineAnnealing(T_max=100))
    with pytest.raises(ValueError, match=r"run must be at most 125.*explore\(..., steps=400\)"):
        explorer.set(run=400)
    with pytest.raises(
        ValueError, match="run must be a whole number of updates, at least 2, got 1"
    ):
        explorer.set(run=1)

    assert explorer.run == 100


def test_a_long_run_says_about():
    """Past 20,000 updates the largest is found among a part of them, and is said to be."""
    readout = explore(OneCycle(total_steps=1_000_000, pct_start=0.123456)).readout
    said, value = readout.split("largest, about t = ")[1].split(" · ")[0].split()

    assert int(said) == pytest.approx(123_455, abs=50)
    assert float(value) == pytest.approx(0.1, rel=1e-3)


def test_the_curve_goes_past_the_end():
    """The figure is wider than the schedule: cosine is seen to climb back."""
    explorer = explore(CosineAnnealing(T_max=100))
    t, rates = explorer.curve()

    assert t[-1] > 110
    assert rates[-1] > 10 * rates[t == 100]


def test_one_cycle_ends_where_pytorch_raises():
    """Past total_steps, where PyTorch raises, there is no curve."""
    t, rates = explore(OneCycle(total_steps=100)).curve()

    assert np.isfinite(rates[t <= 100]).all()
    assert np.isnan(rates[t > 100]).all()


def test_steps_sets_the_width():
    """`steps` is how many updates are drawn, and the width stays while you move."""
    explorer = explore(StepDecay(), steps=300)
    explorer.set(step_size=5)

    assert explorer.curve()[0][-1] == 299


def test_epochs_are_a_second_axis():
    """With `steps_per_epoch` the figure has an axis in epochs, at the same places."""
    figure = explore(OneCycle(), steps_per_epoch=25)._picture.figure
    second = figure.axes[0].child_axes[0]

    assert second.get_xlabel() == "epochs of 25 updates"
    figure.canvas.draw()
    assert second.get_xlim() == (0, pytest.approx(124 / 25))


def test_pins_stay_and_are_cleared():
    """Pinned settings are kept while you move on, four at most, until they are cleared."""
    explorer = explore(StepDecay())
    for size in (10, 15, 20, 25):
        explorer.set(step_size=size)
        explorer.pin()
    explorer.set(step_size=30)

    assert [s.step_size for s in explorer.pinned] == [10, 15, 20, 25]
    with pytest.raises(ValueError, match="no more: clear them first"):
        explorer.pin()
    explorer.clear()
    assert explorer.pinned == ()


def test_pins_are_drawn_in_other_lines():
    """Every curve in a figure has a colour and a line style that no other has."""
    explorer = explore(StepDecay())
    for size in (10, 15, 20, 25):
        explorer.set(step_size=size)
        explorer.pin()
    looks = explorer._picture.looks

    assert len({look["colour"] for look in looks}) == len(looks) == 5
    assert len({str(look["dash"]) for look in looks}) == 5


def test_axes_hold_the_pinned_curves():
    """A pinned curve is not cut off when the one in hand becomes lower."""
    explorer = explore(StepDecay(lr=1.0))
    explorer.pin()
    explorer.set(lr=0.01)

    assert explorer._ground["panels"][0]["y"][1] > 1.0


def test_axes_hold_every_position():
    """At every position of a control the axes that come with it hold the whole curve."""
    for schedule in (CosineAnnealing(), OneCycle(anneal_strategy="linear"), Cyclical()):
        explorer = explore(schedule)
        for name in explorer.controls:
            explorer.reset()
            for value in explorer.controls[name].positions[::10]:
                try:
                    explorer.set(**{name: value})
                except ValueError:
                    continue
                low, high = explorer._ground["panels"][0]["y"]
                rates = explorer.curve()[1]
                assert low <= np.nanmin(rates)
                assert np.nanmax(rates) < high
                assert np.nanmax(rates) == 0 or np.nanmax(rates) > 0.3 * high


def test_rows_bring_their_axes():
    """The axes that the browser is told to use at a position are those that a move there shows."""
    explorer = explore(CosineAnnealing(), StepDecay(lr=0.05))
    control = explorer.controls["A.lr"]
    head, _ = explorer.rows(control.key)
    for value, row in list(zip(control.positions, head["rows"]))[::8]:
        explorer.set(**{"A.lr": value})
        assert row["ground"] == explorer._ground["key"]
    assert len({row["ground"] for row in head["rows"]}) > 3


def test_reset_goes_back_to_the_start():
    """Reset brings back the schedule that was given, and takes a message away."""
    explorer = explore(Cyclical())
    explorer.set(step_size_up=500, mode="triangular2")
    with pytest.raises(ValueError):
        explorer.set(base_lr=0.5)
    explorer.reset()

    assert Cyclical() == explorer.schedule
    assert explorer.error is None
    assert explorer.controls["base_lr"].asked == 0.001


def test_stored_output_reads_without_a_kernel():
    """What is stored is a picture and a text, the same every time and free of addresses."""
    one, two = (stored(explore(StepDecay(), ExponentialDecay())) for _ in range(2))

    assert one["text/plain"] == two["text/plain"]
    assert one["image/png"] == two["image/png"]
    assert "0x" not in one["text/plain"]
    assert "StepDecay(lr=0.1, step_size=30, gamma=0.1)" in one["text/plain"]
    assert "rate  0.1  0.1  0.01  0.001  0.001" in one["text/plain"]


def test_stored_picture_tells_no_version():
    """The PNG holds pixels and no text, so that it does not change with matplotlib's version."""
    png = b64decode(stored(explore(OneCycle()))["image/png"])

    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks.append(png[at + 4 : at + 8])
        at += 12 + length
    assert {b"IHDR", b"pHYs", b"IDAT", b"IEND"} >= set(chunks)


def test_stored_picture_shows_the_curve():
    """The stored picture has the curve in it, and changes with it."""
    explorer = explore(StepDecay())
    before = stored(explorer)["image/png"]
    ground = b64encode(explorer._ground["png"]).decode()
    explorer.set(step_size=10)
    after = stored(explorer)["image/png"]

    assert len({before, after, ground}) == 3


def test_repr_is_stable():
    """It prints as the call that makes it, without an address."""
    assert repr(explore(StepDecay())) == "explore(StepDecay(lr=0.1, step_size=30, gamma=0.1))"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore(StepDecay), "got the class StepDecay: write StepDecay()"),
        (lambda: explore(0.1), "explore needs a schedule of this course, got 0.1"),
        (lambda: explore(ReduceOnPlateau()), "not a function of t but of the losses"),
        (lambda: explore(*[StepDecay()] * 5), "at most 4 schedules, got 5"),
        (lambda: explore(StepDecay(), steps=1), "steps must be a whole number"),
        (lambda: explore(StepDecay(), steps=2.5), "steps must be a whole number"),
        (lambda: explore(StepDecay(), steps_per_epoch=0), "steps_per_epoch must be a positive"),
    ],
)
def test_bad_input_is_refused(call, message):
    """What cannot be explored is refused at once, with the value and the fix."""
    with pytest.raises(ValueError) as raised:
        call()
    assert message in str(raised.value)


def test_a_new_schedule_gets_an_explorer():
    """A schedule that the explorer has never heard of has controls and a curve."""

    @a_schedule
    class Halving(Schedule):
        lr: float = a(RATE, 0.1)
        every: int = a(STEPS, 10)

        _twin = "LambdaLR"
        end, after_end, horizon = None, "", 100

        def _rate(self, t):
            return self.lr * 0.5 ** (t // self.every)

    explorer = explore(Halving())
    explorer.set(every=20)

    assert list(explorer.controls) == ["lr", "every", "run"]
    t, rates = explorer.curve()
    np.testing.assert_allclose(rates, 0.1 * 0.5 ** (t // 20), rtol=FLOAT32)


def test_a_fault_is_told_and_raised():
    """What breaks in a message of the browser is a sentence for the learner and an exception for
    the tests."""
    explorer = explore(StepDecay())
    with pytest.raises(KeyError):
        explorer._hear(explorer, {"ask": "rows", "with": ["nothing"]}, [])

    assert "This did not work (KeyError: 'nothing')" in explorer.error
    from_browser(explorer, "move", "step_size", 10)
    assert explorer.error is None
    assert explorer.schedule.step_size == 10


def test_a_bad_move_in_the_browser_is_no_fault():
    """A combination that does not fit explains itself; nothing is raised in a callback."""
    explorer = explore(Cyclical())
    from_browser(explorer, "enter", "base_lr", "0.5")
    assert explorer.error.startswith("base_lr must not be above max_lr")
    from_browser(explorer, "enter", "step_size_up", "many")
    assert "step_size_up must be a number, got 'many'" in explorer.error

    assert_draws(explorer, Cyclical())


def test_nothing_is_shared_with_pyplot():
    """Neither making nor moving an explorer touches pyplot's figures or the global style."""
    style, figures = dict(matplotlib.rcParams), plt.get_fignums()
    explorer = explore(OneCycle())
    explorer.set(max_lr=1.0)
    explorer.pin()

    assert figures == plt.get_fignums()
    assert style == dict(matplotlib.rcParams)


def test_moves_from_several_threads(request):
    """Messages that arrive in other threads while a cell moves controls leave a picture that
    belongs to its schedule."""
    explorer = explore(StepDecay())
    faults = []
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can

    def move(name, values):
        try:
            for value in values:
                from_browser(explorer, "move", name, value)
                explorer.curves("gamma")
                # No other thread moves this control, so none may put it back.
                if getattr(explorer.schedule, name) != value:
                    faults.append(f"{name} was {value} and is {explorer.schedule}")
        except Exception as fault:
            faults.append(fault)

    threads = [
        threading.Thread(target=move, args=("step_size", range(5, 25))),
        threading.Thread(target=move, args=("lr", np.linspace(0.05, 2, 20).tolist())),
    ]
    for thread in threads:
        thread.start()
    for gamma in np.linspace(0.1, 0.9, 20):
        explorer.set(gamma=float(gamma))
        explorer._repr_mimebundle_()
    for thread in threads:
        thread.join()

    assert faults == []
    assert StepDecay(lr=2.0, step_size=24, gamma=0.9) == explorer.schedule
    assert_draws(explorer, explorer.schedule)


# Bad combinations: whose move made it bad


def messages(explorer):
    """What stands at which control."""
    return {key: c.message for key, c in explorer.controls.items() if c.message}


def by_hand(explorer, name, **said):
    """A move as the browser tells of it: `value=0.1`, or `text="0.1"` for what is typed."""
    if "text" in said:
        from_browser(explorer, "enter", name, said["text"])
    else:
        from_browser(explorer, "move", name, said["value"])


def test_a_message_stays_at_the_control_whose_move_was_bad():
    """Other controls move on and are drawn; the reason stays where it was made, with the numbers
    as they are now, until the two fit together."""
    explorer = explore(Cyclical())
    by_hand(explorer, "base_lr", value=0.5)
    by_hand(explorer, "step_size_up", value=1000)
    assert list(messages(explorer)) == ["base_lr"]
    assert Cyclical(step_size_up=1000) == explorer.schedule

    explorer.set(max_lr=0.2)
    assert messages(explorer) == {
        "base_lr": "base_lr must not be above max_lr, got base_lr=0.5 and max_lr=0.2: "
        "lower base_lr or raise max_lr."
    }
    assert_draws(explorer, Cyclical(max_lr=0.2, step_size_up=1000))
    explorer.set(max_lr=1.0)
    assert messages(explorer) == {}
    assert Cyclical(base_lr=0.5, max_lr=1.0, step_size_up=1000) == explorer.schedule


def test_a_message_goes_when_its_control_moves():
    """The control that was moved into badness can be moved out of it."""
    explorer = explore(Cyclical())
    by_hand(explorer, "base_lr", value=0.5)
    by_hand(explorer, "base_lr", value=0.05)

    assert messages(explorer) == {}
    assert Cyclical(base_lr=0.05) == explorer.schedule


def test_two_bad_controls_have_a_message_each():
    """A second bad move has its own reason, takes none away, and each heals alone."""
    explorer = explore(Cyclical())
    by_hand(explorer, "base_lr", value=0.5)
    by_hand(explorer, "base_momentum", value=0.95)
    said = messages(explorer)
    assert list(said) == ["base_lr", "base_momentum"]
    assert "base_lr=0.5" in said["base_lr"] and "0.95" in said["base_momentum"]

    by_hand(explorer, "max_lr", value=1.0)
    assert messages(explorer) == {"base_momentum": said["base_momentum"]}
    assert Cyclical(base_lr=0.5, max_lr=1.0) == explorer.schedule
    explorer.reset()
    assert messages(explorer) == {}


def test_what_cannot_be_read_says_so_until_it_is_typed_again():
    """Another control's move takes no message away that is about a typed value alone."""
    explorer = explore(Cyclical())
    by_hand(explorer, "gamma", text="many")
    by_hand(explorer, "base_lr", value=0.5)
    by_hand(explorer, "max_lr", value=1.0)
    assert messages(explorer) == {
        "gamma": "gamma must be a number, got 'many': write digits, such as 10 or 0.1."
    }

    by_hand(explorer, "gamma", text="0.9")
    assert messages(explorer) == {}
    assert Cyclical(base_lr=0.5, max_lr=1.0, gamma=0.9) == explorer.schedule


@pytest.mark.parametrize("name", ["base_lr", "max_lr", "step_size_up", "base_momentum"])
def test_rows_say_what_a_move_says(name):
    """While controls wait and a typed value is wrong, the messages and the curve that the browser
    has for every position are those that a move there gives."""

    def waiting():
        explorer = explore(Cyclical())
        by_hand(explorer, "gamma", text="many")
        by_hand(explorer, "base_lr", value=0.5)
        by_hand(explorer, "max_momentum", value=0.1)
        return explorer

    explorer = waiting()
    head, (rates, *_) = explorer.rows(name)
    rates = np.frombuffer(rates, "<f4").reshape(head["positions"], -1)
    rows = list(zip(explorer.controls[name].positions, head["rows"], rates))
    for value, row, curve in rows[:: max(1, len(rows) // 12)]:
        moved = waiting()
        by_hand(moved, name, value=value)
        assert row["messages"] == messages(moved)
        if name not in row["messages"]:
            np.testing.assert_array_equal(curve, moved.curve()[1].astype("<f4"))


# Narrow pages

CROWDED = [
    lambda: explore(StepDecay()),
    lambda: explore(OneCycle(total_steps=500), steps_per_epoch=50),
    lambda: explore(StepDecay(), CosineAnnealing(), Cyclical(), ExponentialDecay()),
    lambda: explore(
        LinearWarmup(lr=0.1, total_iters=20).then(CosineAnnealing(lr=0.1), at=20), steps=5000
    ),
]


@pytest.fixture
def screens(monkeypatch):
    """Explorers of this test say which screen asked last to themselves only."""
    monkeypatch.setattr(Explorer, "_pixel_ratio", 1.0)
    monkeypatch.setattr(Explorer, "_last_width", FULL)


@pytest.mark.parametrize("make", CROWDED)
@pytest.mark.parametrize("width", some(WIDTHS, [WIDTHS[0], WIDTHS[len(WIDTHS) // 2], WIDTHS[-1]]))
def test_every_width_has_readable_words(screens, make, width):
    """On a page of any width no word of the figure is cut off, with all the pins there can be, and
    the letters are as large as those beside the figure."""
    explorer = make()
    from_browser(explorer, "page", 1, width + 20)
    while len(explorer.pinned) < explorer._room_for_pins:
        explorer.pin()
    figure = explorer._picture.figure
    figure.canvas.draw()

    assert explorer._ground["width"] == width
    for part in (*figure.axes, *figure.legends):
        box = part.get_tightbbox()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width, part
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height, part
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() * figure.dpi / 72 for text in words) >= 11


def test_a_narrow_page_changes_no_stored_picture(screens):
    """What is stored is as wide as ever, whatever page the explorer was seen on."""
    explorer = explore(Cyclical())
    before = stored(explorer)["image/png"]
    from_browser(explorer, "page", 2, 300)
    assert explorer._ground["width"] < 300

    assert stored(explorer)["image/png"] == before
    assert stored(explore(Cyclical()))["image/png"] == before


def test_stored_picture_has_words():
    """The picture's alternative text stands in what is shown, and says the numbers."""
    alt = stored(explore(StepDecay()))["alt"]

    assert "StepDecay(lr=0.1, step_size=30, gamma=0.1)" in alt
    assert "end, t = 89 0.001" in alt


def test_the_readout_tells_the_largest_rate():
    """The text says when the rate is largest and how large, and what momentum does meanwhile."""
    words = explore(OneCycle(max_lr=0.1, total_steps=11)).readout.split(" · ")

    schedule = OneCycle(max_lr=0.1, total_steps=11)
    peak = int(np.argmax(schedule(np.arange(11))))
    assert f"largest, t = {peak} {schedule(peak):.4g}" in words
    assert f"momentum 0.95, at t = {peak} {schedule.momentum(peak):.4g}, at the end 0.95" in words
    assert "largest, at the start 0.1" in explore(StepDecay()).readout
    for plain in (OneCycle(cycle_momentum=False), Cyclical(cycle_momentum=False)):
        assert "momentum" not in explore(plain).readout


@pytest.mark.parametrize("make", [explore, explore_landscape], ids=["curve", "landscape"])
def test_the_schedule_can_be_observed(make):
    """`observe` is told of each new schedule, after the picture has followed."""
    explorer, told = make(StepDecay(lr=0.05)), []
    explorer.observe(lambda change: told.append((change.new, explorer.readout)), "schedule")
    explorer.set(gamma=0.5)
    from_browser(explorer, "move", "step_size", 10)
    explorer.reset()

    assert [s for s, _ in told] == [
        StepDecay(lr=0.05, gamma=0.5),
        StepDecay(lr=0.05, gamma=0.5, step_size=10),
        StepDecay(lr=0.05),
    ]
    assert told[-1][1] == explorer.readout


def test_a_log_axis_shows_small_rates():
    """On a logarithmic axis each stair is told from the next; a rate of zero is below the axis."""
    explorer = explore(StepDecay(), CosineAnnealing(T_max=60))
    explorer.scale("log")
    [panel] = explorer._ground["panels"]

    assert panel["log"]
    low, high = panel["y"]
    assert 0 < low <= 1e-4 < 0.1 < high
    head, _ = explorer.rows("A.lr")
    assert all("log" in row["ground"] for row in head["rows"])
    explorer.scale("linear")
    assert not explorer._ground["panels"][0]["log"]
    with pytest.raises(ValueError, match="scale must be 'linear' or 'log', got 'sqrt'"):
        explorer.scale("sqrt")


def test_the_stored_picture_is_on_the_log_axis_too():
    """What is stored is drawn as it is seen."""
    explorer = explore(StepDecay())
    linear = stored(explorer)["image/png"]
    explorer.scale("log")
    logarithmic = stored(explorer)["image/png"]
    explorer.scale("linear")

    assert linear != logarithmic
    assert linear == stored(explorer)["image/png"]


def test_what_is_zero_everywhere_has_a_linear_axis():
    """A log axis has no place for a schedule that is 0 throughout."""
    explorer = explore(StepDecay(lr=0.0))
    explorer.scale("log")

    assert not explorer._ground["panels"][0]["log"]


def test_a_momentum_that_is_left_alone_is_not_told():
    """Where momentum is not cycled the readout has no word of it, at any position of the switch."""
    explorer = explore(OneCycle())
    head, _ = explorer.rows("cycle_momentum")
    told = [[label for label, _ in row["readout"]] for row in head["rows"]]

    assert ["momentum" in labels for labels in told] == [False, True]
