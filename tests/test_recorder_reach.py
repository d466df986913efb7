"""The doctor is reached from what people hold: wrapped optimizers, recipes, functions with bugs."""

import json

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import lrcourse
from lrcourse import CosineAnnealing, OneCycle, Polynomial, StepDecay, plan_of


def weight():
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = torch.zeros(2)
    return p


def sgd(lr=0.1):
    return torch.optim.SGD([weight()], lr=lr, momentum=0.9)


def ran(optimizer, scheduler, updates):
    with lrcourse.trace(optimizer) as used:
        for update in range(updates):
            optimizer.step()
            if scheduler and update < updates - 1:
                scheduler.step()
    return used


class Wrapper(torch.optim.Optimizer):
    """As Accelerate and others are made: an optimizer that never called Optimizer.__init__."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step(self, closure=None):
        return self.optimizer.step(closure)


class Closed(Wrapper):
    """One whose inner optimizer is not where others have it."""

    def __init__(self, optimizer):
        self.hidden = [optimizer]

    @property
    def param_groups(self):
        return self.hidden[0].param_groups


@pytest.mark.parametrize("wrappers", [1, 3])
def test_a_wrapped_optimizer_is_looked_into(wrappers):
    """Through as many wrappers as there are, the one that makes the updates is recorded."""
    plan, optimizer = CosineAnnealing(T_max=30), sgd()
    scheduler = plan.scheduler(optimizer)
    for _ in range(wrappers):
        optimizer = Wrapper(optimizer)

    assert ran(optimizer, scheduler, 30).against(plan).cause is None


def test_a_wrapper_that_cannot_be_looked_into_is_refused():
    """The error says what to hand over."""
    with pytest.raises(ValueError, match=r"got Closed: it wraps another.*optimizer\.optimizer"):
        lrcourse.trace(Closed(sgd()))


def test_several_optimizers_are_traced_together():
    """One trace each, in order; one plan for all, or one for each."""
    first, second = sgd(), sgd(0.2)
    with lrcourse.trace(first, second) as (one, two):
        first.step()
        second.step()
        second.step()

    assert (len(one), len(two)) == (1, 2)
    with lrcourse.trace([first, second]) as both:
        first.step()
        second.step()
    reports = both.against([0.1], [0.2])
    assert [report.equal for report in reports] == [True, True]
    with pytest.raises(ValueError, match="2 optimizers were traced, got 3 plans"):
        both.against([0.1], [0.1], [0.1])


# A torch scheduler's own recipe


@pytest.mark.parametrize(
    "recipe",
    [
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=60),
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=60),
        lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)),
        lambda o: lr_scheduler.ConstantLR(o, factor=0.5, total_iters=10),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.LinearLR(o, total_iters=10), lr_scheduler.CosineAnnealingLR(o, 50)],
            [10],
        ),
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ExponentialLR(o, 0.99), lr_scheduler.StepLR(o, 20)]
        ),
    ],
)
def test_a_recipe_is_a_plan(recipe):
    """The loop built by the same recipe is equal to it; a loop without steps is not."""
    optimizer, plan = sgd(), plan_of(recipe)
    used = ran(optimizer, recipe(optimizer), 60)

    assert used.against(plan).equal, used.against(plan)
    still = sgd()
    recipe(still)
    assert ran(still, None, 60).against(plan).cause == "never-stepped"


def test_a_recipe_is_translated_where_it_can_be():
    """So the fields of a torch scheduler are fitted, too, and none has to be retyped."""
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 80)
    plan = plan_of(lambda o: lr_scheduler.CosineAnnealingLR(o, 100))

    assert "T_max=80" in ran(optimizer, scheduler, 100).against(plan).message


def test_a_recipe_leaves_the_optimizer_alone_and_has_rates():
    """It is built on an optimizer of its own; `lr` is what that is built with."""
    plan = plan_of(lambda o: lr_scheduler.StepLR(o, 2), lr=0.5)

    np.testing.assert_allclose([plan(t) for t in range(4)], [0.5, 0.5, 0.05, 0.05])


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: plan_of(3), "got int"),
        (lambda: plan_of(lr_scheduler.StepLR(sgd(), 3)), r"plan_of\(lambda opt: StepLR"),
        (lambda: plan_of(lambda o: o)(0), "must return a scheduler, got SGD"),
        (lambda: plan_of(lr_scheduler.ReduceLROnPlateau)(0), "depend on the losses"),
    ],
)
def test_what_is_no_recipe_is_refused(wrong, message):
    """The error names what came, and what to write."""
    with pytest.raises(ValueError, match=message):
        wrong()


# Plans with bugs


def test_an_exception_of_the_plan_is_shown():
    """Which one, and at which t; what came before was as planned."""
    table = dict.fromkeys(range(3), 0.1)
    report = ran(sgd(), None, 80).against(lambda t: table[t // 20])

    assert (report.equal, report.cause) == (False, "plan-failed")
    assert "Your plan raised KeyError: 3 at t=60" in report.message


def test_a_plan_that_returns_nothing_is_shown():
    """A branch without a return gives None."""
    report = ran(sgd(), None, 80).against(lambda t: 0.1 if t < 30 else None)

    assert "returned None at t=30 (is a return missing?)" in report.message
    with pytest.raises(ValueError, match="your plan returned None at t=0"):
        ran(sgd(), None, 8).against(lambda t: None)


@pytest.mark.parametrize(
    "lengths, message",
    [
        ([2, 3], "names 2 epochs with 5 updates, but 8 were made"),
        ([4, 0, 4], "each of steps_per_epoch .* got 0"),
        ([], "got none"),
        ("ten", "steps_per_epoch .* got 'ten'"),
    ],
)
def test_lengths_of_epochs_that_cannot_be_are_refused(lengths, message):
    """The error counts what was given and what was made."""
    with pytest.raises(ValueError, match=message):
        ran(sgd(), None, 8).against(StepDecay(), unit="epoch", steps_per_epoch=lengths)


# The report


def a_wrong_run():
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 80)
    return ran(optimizer, scheduler, 100).against(CosineAnnealing(T_max=100))


def test_a_report_is_plain_values_for_a_log():
    """`to_dict` goes through JSON and holds the cause in words, the fix, and both lines of code."""
    told = json.loads(json.dumps(a_wrong_run().to_dict(), allow_nan=False))

    assert (told["equal"], told["cause"]) == (False, "another-length")
    assert told["first_difference"]["update"] == 1
    assert "T_max=80" in told["before"] and "T_max=100" in told["after"]
    past_the_end = ran(sgd(), None, 8).against([0.1] * 5).to_dict()
    assert past_the_end["first_difference"]["planned"] is None


def test_a_report_is_shown_with_what_differs_shaded(monkeypatch):
    """In a notebook: the picture, its text twin, the sentences, and the lines of code."""
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    a_wrong_run().show()
    page, text = shown[0]._repr_html_(), repr(shown[0])

    assert '<img alt="The rates part at update 1' in page and "data:image/png;base64," in page
    assert "It looks as if" in page and "<pre>" in page and "T_max=100)" in page
    assert "As planned:" in text


def test_what_differs_is_found_for_the_shade():
    """Each stretch, from its first update to one past its last."""
    from lrcourse._report import stretches

    planned = np.array([1.0, 1, 1, 1, 1, 1])
    assert stretches(planned, np.array([1, 2, 2, 1, np.nan, 1])) == [(1, 3), (4, 5)]
    assert stretches(planned, planned) == []


def test_epochs_of_different_lengths_are_as_planned():
    """A list says how many updates each epoch had."""
    plan, optimizer = StepDecay(step_size=3), sgd()
    scheduler, lengths = plan.scheduler(optimizer), [5 + e for e in range(9)]
    with lrcourse.trace(optimizer) as used:
        for length in lengths:
            for _ in range(length):
                optimizer.step()
            scheduler.step()

    assert used.against(plan, unit="epoch", steps_per_epoch=lengths).equal
    assert len(used.plot(plan, unit="epoch", steps_per_epoch=lengths).get_lines()) == 2


def test_the_lines_of_code_belong_to_the_cause():
    """A run that is as planned has none; one that is stepped first has the right order."""
    plan, optimizer = Polynomial(total_iters=30), sgd()
    scheduler = plan.scheduler(optimizer)
    with lrcourse.trace(optimizer) as used:
        for _ in range(29):
            scheduler.step()
            optimizer.step()
    told = used.against(plan).to_dict()

    assert told["before"] == "scheduler.step()\noptimizer.step()"
    assert told["after"] == "optimizer.step()\nscheduler.step()"
    one = OneCycle(total_steps=20)
    optimizer = sgd()
    assert ran(optimizer, one.scheduler(optimizer), 20).against(one).to_dict()["after"] is None
