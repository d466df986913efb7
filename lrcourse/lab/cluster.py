"""The same work on a Dask cluster: one block, one task.

A block carries its own seeds, so it does not matter where it is trained, when, or how often. When
a worker dies, Dask gives its blocks to another, and the numbers are the same.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lrcourse.lab.train import Block, Record, train_side_by_side


def train_alone(block: Block) -> Record:
    """Train one block here, on one core: what a worker of the cluster does."""
    record = Record.of(block)
    train_side_by_side([(block, record)], threading.Event(), lambda: None, threads=1)
    return record


def train_on(
    client: Any, work: list[tuple[Block, Record]], stop: threading.Event, tick: Callable[[], None]
) -> None:
    """Train all blocks on the cluster of `client`; a record is filled when its block comes back.

    `tick()` is called a few times a second. When `stop` is set, what has not come back is
    cancelled, and what has is kept.
    """
    from distributed import as_completed

    race = uuid.uuid4().hex[:8]
    futures = {
        client.submit(train_alone, block, key=f"lrcourse-block-{race}-{i}", pure=False): record
        for i, (block, record) in enumerate(work)
    }
    try:
        arrivals = as_completed(futures)
        while not arrivals.is_empty() and not stop.is_set():
            for future in arrivals.next_batch(block=False):
                _copy(future.result(), futures[future])
            tick()
            time.sleep(0.02)
    finally:
        client.cancel([future for future in futures if not future.done()])


def _copy(arrived: Record, record: Record) -> None:
    record.losses[:] = arrived.losses
    record.scores[:] = arrived.scores
    record.used[:] = arrived.used
    record.averaged[:] = arrived.averaged
    if record.accuracy is not None and arrived.accuracy is not None:
        record.accuracy[:] = arrived.accuracy
    record.done = arrived.done


@contextmanager
def local_cluster(workers: int | None = None) -> Iterator[Any]:
    """A Dask cluster on this machine, a process for every core, closed at the end.

    with lab.local_cluster() as client:
        race = lab.race(..., client=client)

    One process trains on all cores without it, and faster: this is for trying out what will run
    on a real cluster. In a script, call it under `if __name__ == "__main__":`.
    """
    dask, distributed = _dask()
    # One thread a worker, for torch too. And Dask tells its workers to give memory back to the
    # system at once, which costs a thousand page faults in every update here.
    plain_malloc = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
    environment = {"OMP_NUM_THREADS": "1", **plain_malloc}
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": environment}),
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _dask() -> tuple[Any, Any]:
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ValueError(
            'a cluster needs Dask, which is not installed: pip install "lrcourse[dask]"'
        ) from error
    return dask, distributed


def checked_client(client: Any) -> Any:
    """`client`, if it can take work."""
    _, distributed = _dask()
    if not isinstance(client, distributed.Client):
        raise ValueError(
            f"client must be a dask.distributed.Client, got {client!r}: "
            f"write Client(address), or use lab.local_cluster()"
        )
    return client
