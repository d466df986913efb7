"""What is said of a loop, word for word: one of each kind of mistake, with its fix and its lines.

The other tests look for a number or a word in what is said. Here somebody has read the sentences, and
they stand in `recorder_said.txt` as they were read. When you have changed one, run

    python tests/test_recorder_said.py

and read what git says is different.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from test_recorder_stories import ScheduleFree, adamw, by_hand, grouped, ran, set_rate, sgd, weight
from torch.optim import lr_scheduler

import lrcourse
from lrcourse import (
    Constant,
    CosineAnnealing,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    Polynomial,
    StepDecay,
    WarmRestarts,
)
from lrcourse._report import _Shown

PAGE = Path(__file__).with_name("recorder_said.txt")
COSINE, LINE = CosineAnnealing(lr=0.1, T_max=60), Polynomial(lr=0.1, total_iters=60)
WARM = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=10)
CHAIN = WARM.then(CosineAnnealing(lr=0.1, T_max=50), at=10)
FLOOR = CosineAnnealing(lr=0.1, T_max=60, eta_min=0.01)
IN_EPOCHS = {"unit": "epoch", "steps_per_epoch": 4}


def story(
    build, plan=None, *, updates=60, when=lambda t: 1, after=None, before=None, first=0, **told
):
    """A scheduler on a new optimizer, stepped `when(t)` times after update t; then the report."""
    optimizer = sgd()
    scheduler = (
        build.scheduler(optimizer) if isinstance(build, lrcourse.Schedule) else build(optimizer)
    )
    for _ in range(first):
        scheduler.step()

    def step(t):
        for _ in range(when(t)):
            scheduler.step()
        if after:
            after(optimizer, t)

    prepare = (lambda t: before(optimizer, t)) if before else (lambda t: None)
    used = ran(optimizer, updates, step, prepare)
    return used.against(build if plan is None else plan, **told)


def hand(rate, plan, updates=60, **told):
    """The rates that a loop writes by itself."""
    return by_hand(sgd(), rate, updates).against(plan, **told)


def falling(t):
    return 0.1 * np.exp(-t / 20)


def warm(updates):
    return LinearWarmup(lr=0.1, start_factor=0.1, total_iters=updates)


def wild(first):
    """A plan that no loop comes to by mistake."""
    rates = np.random.default_rng(0).uniform(0.1, 0.9, 60)
    rates[0] = first
    return rates.tolist()


class Adaptive(torch.optim.SGD):
    """Works its rates out by itself."""

    def step(self, closure=None):
        pass


def own_rate():
    optimizer = Adaptive([weight()], lr=0.1)
    optimizer.param_groups[0]["lr"] = None
    return ran(optimizer, 5).against(COSINE)


def rate_as_factor():
    return story(lambda optimizer: lr_scheduler.LambdaLR(optimizer, COSINE), COSINE)


def scaler():
    optimizer = sgd()
    scheduler = COSINE.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(60):
            if batch >= 4:
                optimizer.step()
            scheduler.step()
    return used.against(COSINE)


def skipped():
    optimizer = sgd()
    scheduler = COSINE.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for batch in range(60):
            if batch not in (15, 16, 31, 50):
                optimizer.step()
            scheduler.step()
    return used.against(COSINE)


def resumed():
    optimizer = adamw()
    scheduler = COSINE.scheduler(optimizer)
    ran(optimizer, 20, lambda t: scheduler.step())
    return ran(optimizer, 30, lambda t: scheduler.step()).against(COSINE)


def traced_late():
    optimizer = torch.optim.SGD([weight()], lr=0.1)
    scheduler = LINE.scheduler(optimizer)
    for _ in range(20):
        optimizer.step()
        scheduler.step()
    return ran(optimizer, 30, lambda t: scheduler.step()).against(LINE)


def last_epoch():
    optimizer = sgd()
    optimizer.param_groups[0]["initial_lr"] = 0.1
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 60, last_epoch=20)
    return ran(optimizer, 30, lambda t: scheduler.step()).against(COSINE, start=20)


def old_settings():
    old, new = StepDecay(step_size=20), StepDecay(step_size=30)
    before, after = sgd(), sgd()
    scheduler, again = old.scheduler(before), new.scheduler(after)
    ran(before, 50, lambda t: scheduler.step())
    after.load_state_dict(before.state_dict())
    again.load_state_dict(scheduler.state_dict())
    return ran(after, 40, lambda t: again.step()).against(new, start=50)


def two_schedulers():
    optimizer = sgd()
    both = [LINE.scheduler(optimizer), LINE.scheduler(optimizer)]
    return ran(optimizer, 50, lambda t: [one.step() for one in both]).against(LINE)


def written_over():
    optimizer, drops = sgd(), MultiStepDecay(lr=1.0, milestones=[25])
    plan = WarmRestarts(lr=0.1, T_0=60)
    both = [plan.scheduler(optimizer), lr_scheduler.MultiStepLR(optimizer, [25])]
    chained = lr_scheduler.ChainedScheduler(both)
    used = ran(optimizer, 50, lambda t: chained.step())
    return used.against(lambda t: plan(t) * drops(t))


def loss_as_epoch():
    losses = np.random.default_rng(0).uniform(0.3, 3.7, 20).tolist()
    optimizer = sgd()
    scheduler = LINE.scheduler(optimizer)
    used = ran(optimizer, 80, lambda t: scheduler.step(losses[t // 4]) if t % 4 == 3 else None)
    return used.against(LINE, **IN_EPOCHS)


def loss_on_a_stair():
    optimizer, plan = sgd(), StepDecay(step_size=10)
    scheduler = plan.scheduler(optimizer)
    used = ran(optimizer, 30, lambda t: scheduler.step(24 * 0.8**t))
    return used.against(plan)


def compound(optimizer, t):
    set_rate(optimizer, optimizer.param_groups[0]["lr"] * (1 - (t + 1) / 60))


def no_momentum():
    plan, optimizer = OneCycle(total_steps=40), torch.optim.Adagrad([weight()], lr=0.1)
    return by_hand(optimizer, plan, 40).against(plan)


def swapped():
    plans, optimizer = [COSINE, LINE.with_peak(0.01)], grouped(0.1, 0.1)

    def set_both(t):
        for group, plan in zip(optimizer.param_groups, reversed(plans)):
            group["lr"] = plan(t)

    return ran(optimizer, 50, before=set_both).against(plans)


def undriven():
    optimizer = grouped(0.1, 0.1)
    used = ran(optimizer, 50, before=lambda t: optimizer.param_groups[0].update(lr=COSINE(t)))
    return used.against(COSINE)


def came_later():
    plan, optimizer = StepDecay(lr=0.1, step_size=15), sgd()
    scheduler = plan.scheduler(optimizer)

    def unfreeze(t):
        if t == 10:
            optimizer.add_param_group({"params": [weight()], "lr": 0.02})

    return ran(optimizer, 40, lambda t: scheduler.step(), unfreeze).against(plan)


def another_groups_plan():
    plans, optimizer = [COSINE, LINE.with_peak(0.01)], grouped(0.1, 0.1)

    def set_both(t):
        for group in optimizer.param_groups:
            group["lr"] = plans[1](t)

    return ran(optimizer, 50, before=set_both).against(plans)


def sixteen_bits():
    optimizer = torch.optim.SGD([weight()], lr=torch.tensor(0.1, dtype=torch.bfloat16))
    scheduler = LINE.scheduler(optimizer)
    return ran(optimizer, 60, lambda t: scheduler.step()).against(LINE)


def each(n):
    return lambda t: int(t % n == n - 1)


STORIES = {
    "nothing is wrong": lambda: story(COSINE),
    "one update": lambda: story(COSINE, Constant(lr=0.1), updates=1),
    "no update": lambda: story(COSINE, updates=0),
    "no rate at all": own_rate,
    "never stepped": lambda: story(COSINE, when=lambda t: 0),
    "no scheduler": lambda: ran(sgd(lr=0.03), 60).against(COSINE),
    "another optimizer": lambda: ran(sgd(lr=0.3), 60).against(COSINE),
    "built with another rate": lambda: story(COSINE.with_peak(0.3), COSINE),
    "built with twice the rate, and a floor": lambda: story(
        CosineAnnealing(lr=0.19, T_max=60, eta_min=0.01),
        FLOOR,
    ),
    "built with twice the rate": lambda: story(COSINE.with_peak(0.2), COSINE),
    "the rate as factor": rate_as_factor,
    "stepped first": lambda: story(COSINE, first=1),
    "counted from one by hand": lambda: hand(lambda t: COSINE(t + 1), COSINE),
    "stepped per epoch": lambda: story(COSINE, when=each(4)),
    "stepped per epoch, in some epochs": lambda: story(COSINE, when=each(8), steps_per_epoch=4),
    "stepped per batch": lambda: story(CosineAnnealing(T_max=15), **IN_EPOCHS),
    "in epochs, in some of them": lambda: story(
        CosineAnnealing(T_max=15), when=each(8), **IN_EPOCHS
    ),
    "one late": lambda: hand(lambda t: COSINE(max(t - 1, 0)), COSINE),
    "two late": lambda: story(COSINE, when=lambda t: int(t >= 2)),
    "some late": lambda: story(COSINE, when=lambda t: int(t >= 5)),
    "stepped by a plot": lambda: story(COSINE, first=7),
    "stepped by a plot and never again": lambda: story(COSINE, first=7, when=lambda t: 0),
    "a scaler that skips the first": scaler,
    "ahead by hand": lambda: hand(lambda t: COSINE(t + 3), COSINE),
    "resumed, and not told": resumed,
    "traced late, by an optimizer that remembers nothing": traced_late,
    "resumed one early": lambda: hand(lambda t: COSINE(t + 21), COSINE, 30, start=20),
    "resumed some ahead": lambda: hand(lambda t: COSINE(t + 25), COSINE, 30, start=20),
    "resumed without its state": lambda: hand(COSINE, COSINE, 30, start=20),
    "resumed by last_epoch": last_epoch,
    "begun again in mid-run": lambda: hand(lambda t: COSINE(t if t < 25 else t - 25), COSINE),
    "old settings": old_settings,
    "the warm-up is missing": lambda: story(CosineAnnealing(lr=0.1, T_max=50), CHAIN, updates=50),
    "rebuilt in every epoch": lambda: hand(lambda t: COSINE(t % 6), COSINE),
    "starts again": lambda: hand(lambda t: 0.1 * (1 - t % 20 / 20), LINE),
    "stepped in every epoch, too": lambda: story(COSINE, when=lambda t: 1 + (t % 5 == 4)),
    "stepped in validation, too": lambda: story(
        COSINE, updates=40, when=lambda t: 1 + 3 * (t % 10 == 9), steps_per_epoch=10
    ),
    "skipped updates": skipped,
    "two schedulers": two_schedulers,
    "a second scheduler": lambda: hand(lambda t: COSINE(t) * 0.98**t, COSINE),
    "a second scheduler, after a pause": lambda: hand(
        lambda t: COSINE(t + 20) * 0.98**t, COSINE, 30, start=20
    ),
    "a second scheduler, or a function of another length": lambda: hand(
        lambda t: falling(t) * 0.98**t, falling
    ),
    "a rate held in sixteen bits": sixteen_bits,
    "stepped twice": lambda: story(COSINE, updates=30, when=lambda t: 2),
    "numbers of epochs": lambda: story(CosineAnnealing(T_max=6), COSINE, steps_per_epoch=10),
    "several at a time": lambda: story(COSINE, updates=40, when=lambda t: 3 * (t % 4 == 3)),
    "held": lambda: hand(lambda t: COSINE(t // 5 * 5), COSINE),
    "another length": lambda: story(CosineAnnealing(T_max=80), COSINE),
    "another length of a part": lambda: story(
        WARM.then(CosineAnnealing(lr=0.1, T_max=70), at=10), CHAIN
    ),
    "a chain of numbers of epochs": lambda: story(
        warm(2).then(CosineAnnealing(lr=0.1, T_max=5), at=2),
        warm(24).then(CosineAnnealing(lr=0.1, T_max=60), at=24),
        updates=84,
        steps_per_epoch=12,
    ),
    "a chain of another length": lambda: story(
        warm(20).then(CosineAnnealing(lr=0.1, T_max=100), at=20), CHAIN
    ),
    "another length of a part of a recipe": lambda: story(
        WARM.then(CosineAnnealing(lr=0.1, T_max=70), at=10), lrcourse.plan_of(CHAIN.scheduler)
    ),
    "another length of a function": lambda: hand(
        lambda t: 0.1 / (1 + t / 30), lambda t: 0.1 / (1 + t / 20)
    ),
    "another length of a function, shorter": lambda: hand(
        lambda t: 0.1 / (1 + t / 10), lambda t: 0.1 / (1 + t / 20)
    ),
    "another rate and another length": lambda: story(CosineAnnealing(lr=0.3, T_max=80), COSINE),
    "another length on another clock": lambda: story(
        CosineAnnealing(T_max=8), COSINE, when=each(5), steps_per_epoch=5
    ),
    "another milestone": lambda: story(
        MultiStepDecay(milestones=[20, 45]), MultiStepDecay(milestones=[20, 40])
    ),
    "another setting": lambda: story(StepDecay(step_size=20, gamma=0.3), StepDecay(step_size=20)),
    "the loss as epoch": loss_as_epoch,
    "the loss as epoch of a staircase": loss_on_a_stair,
    "compounding": lambda: story(LINE, when=lambda t: 0, after=compound, updates=30),
    "clipped below": lambda: hand(lambda t: max(COSINE(t), 0.02), COSINE),
    "clipped above": lambda: hand(lambda t: min(COSINE(t), 0.08), COSINE),
    "stepped no more": lambda: story(COSINE, when=lambda t: int(t < 35)),
    "edited": lambda: story(
        COSINE,
        updates=55,
        after=lambda o, t: t == 24 and set_rate(o, o.param_groups[0]["lr"] * 0.5),
    ),
    "a drop that was written over": written_over,
    "a pause": lambda: story(LINE, updates=50, when=lambda t: int(not 20 <= t < 27)),
    "only the first": lambda: hand(lambda t: COSINE(t) if t else 0.5, COSINE),
    "only some, near the start": lambda: hand(lambda t: 0.5 if 2 <= t < 5 else LINE(t), LINE),
    "only some in the middle": lambda: hand(lambda t: 0.5 if 30 <= t < 33 else LINE(t), LINE),
    "a clock that ran during the first part": lambda: hand(
        lambda t: CHAIN(t) if t < 10 else COSINE(t), WARM.then(COSINE, at=10)
    ),
    "a warm-up by hand": lambda: story(
        COSINE, before=lambda o, t: t < 8 and set_rate(o, 0.1 * (t + 1) / 9)
    ),
    "another warm-up by hand": lambda: hand(
        lambda t: 0.1 * (t + 1) / 9 if t < 8 else CHAIN(t), CHAIN
    ),
    "the end of a decay is seen": lambda: story(COSINE, updates=61),
    "a warm-up by hand, and a floor": lambda: story(
        FLOOR, before=lambda o, t: t < 8 and set_rate(o, 0.1 * (t + 1) / 9)
    ),
    "longer than the plan": lambda: story(COSINE, updates=62),
    "longer than a list": lambda: hand(lambda t: 0.1, [0.1] * 40),
    "longer than a one-cycle": lambda: hand(
        lambda t: OneCycle(total_steps=40)(min(t, 39)), OneCycle(total_steps=40), 50
    ),
    "the rate never changed": lambda: story(StepDecay(step_size=100)),
    "the peak was never reached": lambda: story(
        LinearWarmup(lr=0.1, total_iters=100).then(COSINE, at=100)
    ),
    "shorter than the plan": lambda: story(COSINE, updates=40),
    "no number": lambda: hand(lambda t: 0.1 if t < 9 else float("nan"), COSINE),
    "one infinite": lambda: hand(lambda t: COSINE(t) if t != 9 else float("inf"), COSINE),
    "a plan that fails": lambda: hand(lambda t: 0.1, lambda t: 0.1 if t < 30 else 1 / 0),
    "a plan that forgets": lambda: hand(lambda t: 0.1, lambda t: 0.1 if t < 30 else None),
    "momentum that is not cycled": lambda: story(
        OneCycle(total_steps=60, cycle_momentum=False), OneCycle(total_steps=60)
    ),
    "momentum that is cycled": lambda: story(
        OneCycle(total_steps=60), OneCycle(total_steps=60, cycle_momentum=False)
    ),
    "momentum that no list names": lambda: story(
        OneCycle(total_steps=60), OneCycle(total_steps=60)(np.arange(60)).tolist()
    ),
    "no momentum to cycle": no_momentum,
    "swapped groups": swapped,
    "one group with the plan of another": another_groups_plan,
    "a group that nobody drives": undriven,
    "a group that came later": came_later,
    "an optimizer of its own mind": lambda: ran(ScheduleFree([weight()], lr=1.0), 20).against(
        Constant(lr=1.0)
    ),
    "nothing fits: a line": lambda: hand(lambda t: 0.2 - 0.002 * t, wild(0.2)),
    "nothing fits: a power": lambda: hand(lambda t: 0.05 * 1.02**t, wild(0.05)),
    "nothing fits: a wave": lambda: hand(lambda t: 0.1 + 0.05 * np.sin(t / 3), wild(0.1)),
    "nothing fits: noise": lambda: hand(lambda t: 0.1 + 0.05 * np.sin(t * t), wild(0.1)),
    "nothing fits: half a cosine": lambda: hand(lambda t: COSINE(t) + 0.01, wild(0.11)),
    "nothing fits: there and back": lambda: hand(
        lambda t: 0.1 + abs(t - 30) / 900, wild(0.1 + 1 / 30)
    ),
    "nothing fits: steps": lambda: hand(
        lambda t: 0.3 - 0.1 * (t >= 20) - 0.1 * (t >= 40), wild(0.3)
    ),
}


def said(report):
    """All that a report says, the lines of code too."""
    stories = " ".join([str(report.cause), *report.also])
    code = repr(_Shown(report)).removeprefix(report.message)
    return f"[{stories}]\n{report.message}{code}"


def told(name):
    with warnings.catch_warnings(action="ignore"):  # PyTorch warns of some
        return f"# {name}\n{said(STORIES[name]())}\n"


def as_read():
    """name -> what stands in the file."""
    stories = PAGE.read_text(encoding="utf-8").removeprefix("# ").split("\n\n# ")
    return {text.partition("\n")[0]: text.rstrip() for text in stories}


@pytest.mark.parametrize("name", STORIES)
def test_what_is_said_was_read(name):
    """Every sentence, every fix and every line of code is as somebody has read it."""
    assert told(name).removeprefix("# ").rstrip() == as_read()[name]


def test_no_story_is_told_that_nobody_makes():
    """The file has these stories and no others."""
    assert list(as_read()) == [*STORIES]


if __name__ == "__main__":
    PAGE.write_text("\n".join(map(told, STORIES)), encoding="utf-8")
