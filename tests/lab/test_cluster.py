"""Races on a real Dask cluster, with workers that die."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from lrcourse import lab

pytest.importorskip("distributed", reason="dask is missing: pip install --editable '.[dask]'")

SCHEDULES = ["constant", "linear", "cosine", "one-cycle"]


@pytest.fixture(scope="module")
def client():
    with lab.local_cluster(workers=2) as client:
        yield client


def make(client=None, **options):
    options = {"steps": 100, "seeds": 160, "tune": False} | options
    return lab.Race(SCHEDULES, "digits", client=client, **options)


@pytest.fixture(scope="module")
def without():
    return make().run()


def assert_same(race, other):
    for name in SCHEDULES:
        np.testing.assert_array_equal(race.scores[name], other.scores[name])
        np.testing.assert_array_equal(race.losses[name], other.losses[name])
        np.testing.assert_array_equal(race.used[name], other.used[name])


def test_same_numbers_as_without(client, without):
    """A race on a cluster gives the bits of the same race in this process, progress included."""
    shares = []
    race = make(client).run(on_progress=lambda r: shares.append(r.progress))

    assert_same(race, without)
    assert shares == sorted(shares) and shares[-1] == 1
    assert race.verdict() == without.verdict()


def test_averages_and_accuracy_come_back(client):
    """The scores of averaged weights, and the accuracy, are those of this process, to the bit."""
    options = {"optimizer": lab.SGD(ema=0.9), "steps": 40, "seeds": 8}
    far, near = make(client, **options).run(), make(**options).run()

    for name in SCHEDULES:
        assert np.isfinite(far.averages[name]).all() and np.isfinite(far.accuracies[name]).all()
        np.testing.assert_array_equal(far.averages[name], near.averages[name])
        np.testing.assert_array_equal(far.accuracies[name], near.accuracies[name])


def test_a_killed_worker_loses_nothing(client, without):
    """A worker is killed in mid-race: the race ends all the same, with the same numbers."""
    workers = {w: info["id"] for w, info in client.scheduler_info()["workers"].items()}
    pids = client.run(os.getpid)
    killed = []

    def kill_one(race):
        if not killed and race.progress > 0:
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            killed.append(race.progress)

    race = make(client).run(on_progress=kill_one)

    assert len(workers) == 2 and 0 < killed[1] < 1
    assert race.progress == 1 and not race.stopped
    assert_same(race, without)
    assert killed[0] not in client.run(os.getpid).values()


def test_tuning_on_the_cluster(client):
    """Both stages, tuning and judging, go to the cluster, schedules of one's own included."""
    schedules = {"mine": lambda t: 1.0 / (1 + t), "cosine": lab.shapes(60)["cosine"]}
    options = {"steps": 60, "seeds": 8, "peaks": [0.05, 0.1]}
    there, here = (lab.Race(schedules, client=c, **options).run() for c in (client, None))

    np.testing.assert_array_equal(there.scores["mine"], here.scores["mine"])
    assert there.plans["cosine"].peak == here.plans["cosine"].peak


def test_stop_keeps_what_came_back(client, without):
    """After a stop the blocks that came back are judged, and running on completes the rest."""
    race = make(client)
    race.run(on_progress=lambda r: r.stop() if r.progress > 0 else None)

    assert race.stopped and 0 < race.progress < 1
    assert race.verdict().startswith("Stopped after ")
    race.run()
    assert_same(race, without)


def test_a_task_of_ones_own_travels(client):
    """A model written in the notebook, as a lambda, trains on the workers."""
    import torch
    from torch import nn

    x = torch.linspace(-1, 1, 50).unsqueeze(1)
    task = lab.Task(
        name="line", model=lambda: nn.Linear(1, 1), data=(x, 3 * x), test=(x, 3 * x),
        loss=lambda a, b: ((a - b) ** 2).mean(),
    )  # fmt: skip
    race = lab.race(
        {"a": lambda t: 0.05}, task, steps=200, seeds=4, tune=False, client=client, progress=False
    )

    assert race.scores["a"].max() < 0.01


def test_an_error_on_a_worker_is_raised_here(client):
    """What goes wrong on a worker is raised where the race was called."""
    import torch
    from torch import nn

    home = os.getpid()

    def loss(a, b):
        if os.getpid() != home:
            raise RuntimeError("only at home")
        return ((a - b) ** 2).mean()

    x = torch.linspace(-1, 1, 50).unsqueeze(1)
    task = lab.Task(name="line", model=lambda: nn.Linear(1, 1), data=(x, x), test=(x, x), loss=loss)
    with pytest.raises(RuntimeError, match="only at home"):
        lab.race(
            {"a": lambda t: 0.05}, task, steps=5, seeds=4, tune=False, client=client, progress=False
        )


def test_local_cluster_leaves_nothing_behind():
    """The cluster's processes end with the block, and its settings with it."""
    import dask

    before, threads = dask.config.get("distributed.nanny.pre-spawn-environ"), _ours()
    with lab.local_cluster(workers=1) as client:
        (pid,) = client.run(os.getpid).values()
        assert client.run(lambda: os.environ["MALLOC_TRIM_THRESHOLD_"]).popitem()[1] == "1000000000"
    deadline = time.time() + 60
    while _alive(pid) and time.time() < deadline:
        time.sleep(0.1)

    assert not _alive(pid)
    assert dask.config.get("distributed.nanny.pre-spawn-environ") == before
    assert _ours() <= threads


def _ours() -> set[threading.Thread]:
    """The course's threads. Of an answer that nothing could stop there may be one at rest."""
    return {t for t in threading.enumerate() if "lrcourse" in t.name}


def _alive(pid):
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
