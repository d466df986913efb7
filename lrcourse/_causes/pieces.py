"""A part of the run is as planned, or has a story of its own; the other part is told as it looks."""

import numpy as np

from lrcourse._causes.looks import looks, times_planned
from lrcourse._causes.run import Finding, Run

WHO = "look for what sets the rate there: a line that writes param_groups, a second scheduler"
ENOUGH = 3  # updates that make a piece worth a word


def one_blip(run: Run) -> Finding | None:
    """Few updates differ, and all that comes after is as planned."""
    begin, end = run.parted, _planned_from(run)
    if end is None or not _says_something(run, end):
        return None
    if (begin, end) == (0, 1):
        own = ", the optimizer's own rate," if not run.driven else ""
        return Finding(
            f"only the first update differs: it used {run.used[0]:.6g}{own} since nothing set "
            f"the rate before the first update",
            "set the rate before the first update, too",
            "",
            "optimizer.step()\nset_rate(plan(t + 1))",
            "set_rate(plan(t))\noptimizer.step()",
        )
    if begin <= 1:  # a warm-up often begins as planned
        return _first_updates(run, end)
    which = f"update {begin}" if end == begin + 1 else f"updates {begin} to {end - 1}"
    return Finding(
        f"only {which} differ{'s' * (end == begin + 1)}: there the rate {looks(run.used[begin:end])}; "
        f"from update {end} on the rates are as planned",
        WHO,
    )


def _planned_from(run: Run) -> int | None:
    """From which update on all rates are as planned."""
    off = np.flatnonzero(~run.near(run.planned))
    return None if not len(off) or off[-1] + 1 >= run.count else int(off[-1]) + 1


def _says_something(run: Run, begin: int) -> bool:
    """Whether it is no accident that the rates from `begin` on are as planned."""
    rest = run.planned[begin:]
    if len(rest) < ENOUGH or np.isnan(rest).any():
        return False
    return bool(np.ptp(rest) > 0) or begin <= run.count // 10 or run.parted > run.count // 10


def _first_updates(run: Run, end: int) -> Finding:
    """Another beginning: a warm-up of another length, or another hand."""
    joint = run.plan.stretches[1][0] if len(run.plan.stretches) > 1 else None
    another = f" The warm-up is planned until update {joint}" if joint else ""
    return Finding(
        f"the first {end} updates followed something else: until update {end - 1} the rate "
        f"{looks(run.used[:end])}; from update {end} on the rates are as planned.{another}".rstrip(
            "."
        ),
        f"{WHO}, such as a warm-up of another length",
    )


def shifted_from(run: Run) -> Finding | None:
    """From some update on the plan's rates come early or late."""
    begin = run.parted
    for at in _beginnings(run):
        k = _shift(run, at)
        if not k:
            continue
        at = _back(run, at, k)
        return _shifted(run, begin, at, k)
    return None


def _beginnings(run: Run) -> list[int]:
    """Where the last piece may begin, the longest first."""
    half = [run.parted + (run.count - run.parted) * n // 8 for n in (1, 2, 4)]
    later = [int(one) + 1 for one in run.changes[run.changes >= run.parted][:3]]
    return sorted({run.parted, *later, *half})


def _shift(run: Run, at: int) -> int | None:
    """The smallest k, ahead or late, for which the rates from `at` on are rate(t + k)."""
    piece = run.piece(at)
    if piece.count < ENOUGH + 1 or piece.flat:
        return None
    t, table = piece.t, run._table
    k = np.arange(-int(t[0]), min(len(table) - int(t[-1]), 20_000))
    for i in piece.samples[::-1]:
        k = k[run.alike(piece.used[i], table[t[i] + k])]
        if not len(k):
            return None
    for one in sorted(k.tolist(), key=abs)[:20]:
        rates = np.concatenate([run.used[:at], table[t + one]])
        if run.explained_by(rates, after=at):
            return int(one)
    return None


def _back(run: Run, at: int, k: int) -> int:
    """How far back the shift goes."""
    t = run.t[:at] + k
    fits = run.alike(run.used[:at], run.rate(np.maximum(t, 0))) & (t >= 0)
    off = np.flatnonzero(~fits)
    return max(run.parted, int(off[-1]) + 1 if len(off) else 0)


def _shifted(run: Run, begin: int, at: int, k: int) -> Finding:
    ones = f"{run.one}s" if abs(k) > 1 else run.one
    count = abs(k) if abs(k) > 1 else "one"
    before = (
        "" if at == begin else f"; from update {begin} until then it {looks(run.used[begin:at])}"
    )
    if begin > 0:
        before = f"{before}; until update {begin - 1} all is as planned"
    stretches = [start for start, _ in run.plan.stretches if start]
    if k > 0:
        own = ""
        if k in stretches and run.t[at] == k:
            own = ": the second part did not start from its own 0, its clock ran during the first"
        return Finding(
            f"from update {at} on every rate comes {count} {ones} early: the scheduler is {k} "
            f"{ones} ahead there{own}{before}",
            "look for a scheduler.step() too many just before, or for a t that counts from "
            "elsewhere: each part of a chain counts from its own start",
        )
    wait = "it was not stepped in between" if at > begin else "a rate was used twice"
    return Finding(
        f"from update {at} on every rate came {count} {ones} late: {wait}{before}",
        f"call scheduler.step() {run.when}, and see what happens just before update {begin}",
    )


def multiplied_from(run: Run) -> Finding | None:
    """From some update on, a constant multiple of the plan: what a recursion keeps of an edit."""
    for floor in dict.fromkeys((run.plan.eta_min, 0.0)):
        found = _factor_at_the_end(run, floor)
        if found:
            at, factor = found
            return Finding(
                f"something else set the rate until update {at}: it {looks(run.used[: at + 1])}. "
                f"From there on every rate is {times_planned(factor, floor)}, since the scheduler "
                f"takes each from the one before",
                "plan the warm-up as part of the schedule, warmup.then(decay, at=...), instead of "
                "writing param_groups beside the scheduler",
            )
    return None


def _factor_at_the_end(run: Run, floor: float) -> tuple[int, float] | None:
    above = run.planned - floor
    if np.isnan(above).any() or not above[-1]:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (run.used - floor) / above
    end = np.median(ratio[-max(ENOUGH, run.count // 4) :])
    off = np.flatnonzero(~(np.abs(ratio - end) <= 1e-8 * np.abs(end)))
    at = int(off[-1]) + 1 if len(off) else 0
    tail = run.used[at:]
    fine = 0 < at <= run.count - max(ENOUGH, run.count // 8) and np.ptp(tail) > 0
    return (at, float(end)) if fine and not np.isclose(end, 1, rtol=1e-8) else None


def stays_from(run: Run) -> Finding | None:
    """As planned, and from some update on the rate no longer moves."""
    at = run.parted
    rest = run.used[at:]
    if not at or len(rest) < ENOUGH or np.ptp(rest) > 1e-12 * np.abs(rest).max():
        return None
    last = run.same(rest[0], run.used[at - 1])
    how = "the scheduler was not stepped any more" if last else "something else set it"
    return Finding(
        f"until update {at - 1} the rates are as planned; from update {at} on the rate stays at "
        f"{rest[0]:.6g}: {how}",
        f"call scheduler.step() {run.when} to the end of the run; look for a condition, a break, or "
        f"an optimizer made anew there",
    )


def as_it_looks(run: Run) -> str:
    """What is known where no story is: how far it is as planned, and what the rates do then."""
    at, end = run.parted, _planned_from(run)
    until = f"Until update {at - 1} the rates are as planned; then" if at else "From the start"
    if end is not None and _says_something(run, end):
        back = f", and from update {end} on all is as planned again"
        return f"{until} the rate {looks(run.used[at:end])}{back}"
    return f"{until} the rate {looks(run.used[at:])}, where the plan {looks(_known(run, at))}"


def _known(run: Run, at: int) -> np.ndarray:
    rest = run.planned[at:]
    return rest[~np.isnan(rest)] if not np.isnan(rest).all() else np.zeros(1)
