"""Training many runs at once: who is next to whom must not matter."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from lrcourse.lab import SGD, AdamW
from lrcourse.lab.tasks import CHUNK, task_named
from lrcourse.lab.train import (
    Block,
    Record,
    blocks_of,
    one_thread_each,
    runs_in_a_block,
    threads_to_use,
    train,
    train_side_by_side,
)

DIGITS = task_named("digits")


def block(rates, steps=60, task=DIGITS, optimizer=None, seeds=(0, 1, 2), dtype=torch.float32):
    """Copies at constant rates."""
    optimizer = optimizer or SGD()
    lr = np.repeat(np.array(rates)[:, None], steps, axis=1)
    return Block(task, optimizer, seeds, lr, np.full_like(lr, optimizer.momentum), (steps,), dtype)


def trained(made):
    record = Record.of(made)
    models = train(made, record)
    return models, record


@pytest.mark.parametrize("optimizer", [SGD(), AdamW()], ids=["SGD", "AdamW"])
@pytest.mark.parametrize("name", ["digits", "digits_conv", "double_well"])
def test_a_diverged_run_changes_no_other(name, optimizer):
    """A run that goes to infinity leaves the bits of all other runs as they would be without it."""
    task = replace(task_named(name), batch=8)
    rates = [0.01, 0.02, 0.03] if name != "double_well" else [0.001, 0.002, 0.003]
    wild = [rates[0], 1e20, rates[2]]
    steps = 30
    good, good_record = trained(block(rates, steps, task, optimizer))
    bad, bad_record = trained(block(wild, steps, task, optimizer))
    others = [0, 2, 3, 5, 6, 8]

    assert not np.isfinite(bad_record.scores[:, 1]).any()
    assert np.isfinite(bad_record.scores[:, [0, 2]]).all()
    np.testing.assert_array_equal(bad_record.losses[:, [0, 2]], good_record.losses[:, [0, 2]])
    np.testing.assert_array_equal(bad_record.scores[:, [0, 2]], good_record.scores[:, [0, 2]])
    for a, b in zip(bad.params, good.params):
        assert torch.equal(a[others], b[others])
        assert not torch.equal(a[1], b[1])


def test_same_call_same_numbers():
    """Training twice gives the same bits."""
    (a, first), (b, second) = trained(block([0.05, 0.1])), trained(block([0.05, 0.1]))

    np.testing.assert_array_equal(first.losses, second.losses)
    assert all(torch.equal(p, q) for p, q in zip(a.params, b.params))


def test_threads_change_no_number():
    """Blocks on two threads give the bits that they give one after the other."""
    records = []
    for threads in (1, 2):
        cut = blocks_of(DIGITS, SGD(), tuple(range(12)), *two_tables(), marks=(50,))
        work = [(b, Record.of(b)) for _, _, b in cut]
        train_side_by_side(work, threading.Event(), lambda: None, threads=threads)
        records.append(np.concatenate([r.losses for _, r in work]))

    assert len(work) > 1
    np.testing.assert_array_equal(*records)


def two_tables(copies=8, steps=50):
    lr = np.linspace(0.01, 0.1, copies)[:, None] * np.ones(steps)
    return lr, np.full_like(lr, 0.9)


def test_blocks_cover_every_run_once():
    """However the work is cut, every seed meets every copy exactly once, at its own rates."""
    for seeds, copies in [(1, 1), (3, 5), (17, 8), (2, 700), (100, 3)]:
        lr, momentum = two_tables(copies, steps=2)
        seen = np.zeros((seeds, copies), int)
        for s, c, made in blocks_of(DIGITS, SGD(), tuple(range(seeds)), lr, momentum, (2,)):
            seen[s, c] += 1
            assert made.seeds == tuple(range(seeds))[s]
            np.testing.assert_array_equal(made.lr, lr[c])
            assert len(made.seeds) * len(made.lr) <= 256

        assert (seen == 1).all()


def test_blocks_do_not_depend_on_the_machine():
    """The size of a block follows from the task and the number of runs alone."""
    small, large = runs_in_a_block(DIGITS, 64), runs_in_a_block(DIGITS, 1024)

    assert small == 32
    assert 64 < large <= 256


def test_a_large_network_has_eight_runs_a_block():
    """Where two runs are more than the cache holds, eight are trained together all the same."""
    large = replace(DIGITS, model=lambda: digits_mlp_of(3000))

    assert runs_in_a_block(large, 500) == 8


def digits_mlp_of(width):
    return torch.nn.Sequential(
        torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)
    )


def test_a_computed_task_is_trained_like_the_others():
    """A block of the quadratic has its expected losses: before each update, and at the marks."""
    task, rates = task_named("quadratic"), [0.05, 0.2]
    record = trained(block(rates, 30, task))[1]
    losses = task.losses(block(rates, 30, task).lr, np.full((2, 30), 0.9), SGD())

    assert record.done == 30
    np.testing.assert_allclose(record.losses[0], losses[:, :-1], rtol=1e-6)
    np.testing.assert_array_equal(record.scores[0, :, 0], losses[:, 30])
    np.testing.assert_array_equal(record.used[0], [[0.05] * 30, [0.2] * 30])


def test_the_rate_recorded_is_the_rate_that_moved_the_weights():
    """Without momentum, the step divided by the gradient is the rate that `used` says."""
    schedule = np.array([0.1, 0.02, 0.3, 0.0, 0.05])
    lr = np.stack([schedule, 2 * schedule])

    def after(steps):
        rates = lr[:, :steps]
        made = Block(DIGITS, SGD(momentum=0.0), (7,), rates, 0 * rates, (steps,), torch.float64)
        return trained(made)

    for t in range(1, 5):
        (before, _), (models, record) = after(t), after(t + 1)
        *_, (x, y) = DIGITS.batches(7, t + 1, torch.float64)
        grads = {}
        before.backward(x[None], y[None], lambda i, g, to=grads: to.update({i: g.clone()}))
        for i, (old, new) in enumerate(zip(before.params, models.params)):
            grad = grads[i]
            for copy in (0, 1):
                moved = record.used[0, copy, t] * grad[copy]
                torch.testing.assert_close(old[copy] - new[copy], moved, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(record.used[0], lr)


def test_batches_depend_on_the_seed_alone():
    """The batches of a seed are the same for any budget, and others for another seed."""
    short = list(DIGITS.batches(5, 3))
    long = list(DIGITS.batches(5, CHUNK + 3))
    other = next(DIGITS.batches(6, 1))

    for (x, y), (x_again, y_again) in zip(short, long):
        assert torch.equal(x, x_again) and torch.equal(y, y_again)
    assert not torch.equal(short[0][0], other[0])
    assert not torch.equal(long[0][0], long[CHUNK][0])


def test_weights_and_batches_are_drawn_apart():
    """The numbers that a seed's batches are made of are not those that its weights are made of.

    From one series, a network's first weights would return in its first inputs.
    """
    zeros = torch.zeros(40, 64), torch.zeros(40, dtype=torch.long)
    noise = lambda x, y, g: (torch.randn(x.shape, generator=g), y)  # noqa: E731
    task = replace(DIGITS, data=zeros, model=NormalWeights, noise=noise)
    for seed in (0, 1, 12345):
        weights = set(task.build(seed).weights.tolist())
        x, _ = next(task.batches(seed, 1))

        assert len(weights & set(x.flatten().tolist())) < 10  # of 2,048, by chance
        torch.manual_seed(seed)
        assert weights == set(torch.randn(4096).tolist())


class NormalWeights(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.randn(4096))


def test_the_batches_of_a_seed_do_not_depend_on_its_neighbours():
    """Drawn for many seeds at once, the batches of each are those it has alone, for every task."""
    for name in ("digits", "digits_conv", "spirals", "wells"):
        task = task_named(name)
        x, y = next(task.chunks((5, 0, 9), torch.float32))
        alone_x, alone_y = next(task.chunks((9,), torch.float32))

        assert torch.equal(x[:, 2], alone_x[:, 0]) and torch.equal(y[:, 2], alone_y[:, 0])


def test_torch_is_left_as_it_was():
    """Neither the number of threads, the random state nor tiny numbers are touched."""
    torch.manual_seed(123)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    made = block([0.05], steps=5)
    train_side_by_side([(made, Record.of(made))] * 2, threading.Event(), lambda: None)

    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert (torch.tensor(1e-40) * 1.0).item() > 0


def test_threads_come_back_after_overlapping_races():
    """Two races that overlap leave torch its threads, whichever ends last."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first, second = one_thread_each(), one_thread_each()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_num_threads() == 1
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_weights_built_in_many_threads_are_not_mixed_up():
    """The initial weights of a seed are the same, even when threads build at once."""
    alone = [DIGITS.build(seed)[0].weight for seed in range(20)]
    built = [None] * 20

    def build(seed):
        for _ in range(5):
            built[seed] = DIGITS.build(seed)[0].weight

    threads = [threading.Thread(target=build, args=(seed,)) for seed in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    assert all(torch.equal(a, b) for a, b in zip(alone, built))


@pytest.mark.parametrize("optimizer", [SGD(), SGD(ema=0.9)], ids=["plain", "averaged"])
def test_what_done_counts_is_written(optimizer):
    """Who looks at a record while it trains finds a score at every mark that `done` has reached."""
    held = []

    def looking(outputs, targets):
        reached = np.array(made.marks) <= record.done
        held.append(np.isfinite(record.scores[:, :, reached]).all())
        if optimizer.ema:
            held.append(np.isfinite(record.averaged[:, :, reached]).all())
        return torch.nn.functional.cross_entropy(outputs, targets)

    made = block([0.05, 0.1], steps=30, task=replace(DIGITS, score=looking), optimizer=optimizer)
    made = replace(made, marks=(10, 20, 30))
    record = Record.of(made)
    train(made, record)
    assert record.done == 30
    assert len(held) > 6
    assert all(held)


def test_an_error_in_a_block_is_raised():
    """What goes wrong in a thread is raised where the race was called, at once."""

    calls = []

    def breaking(outputs, targets):
        calls.append(1)
        if len(calls) > 100:  # after the trial
            raise RuntimeError("a loss of my own, broken")
        return torch.nn.functional.mse_loss(outputs, outputs * 0)

    made = block([0.05], steps=400, task=replace(DIGITS, loss=breaking, score=breaking))
    slow = block([0.05] * 30, steps=20_000)
    half_done = Record.of(slow)
    with pytest.raises(RuntimeError, match="a loss of my own, broken"):
        train_side_by_side(
            [(made, Record.of(made)), (slow, half_done)],
            threading.Event(),
            lambda: None,
            threads=2,
        )

    assert half_done.done < 20_000


def test_threads_are_never_more_than_there_are():
    """At least one thread, and never more than torch was told to use."""
    before = torch.get_num_threads()
    try:
        for most in (1, 2):
            torch.set_num_threads(most)
            assert 1 <= threads_to_use() <= most
    finally:
        torch.set_num_threads(before)
