"""Correct uses of the course, as a learner writes them: this file only has to type-check."""

import numpy as np
import torch
from matplotlib import pyplot as plt

import lrcourse
from lrcourse import (
    Constant,
    CosineAnnealing,
    Custom,
    Cyclical,
    ExponentialDecay,
    InverseSqrt,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    OneMinusSqrt,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    Sequential,
    StepDecay,
    WarmRestarts,
    check,
    explore,
    lab,
    plots,
    trace,
    warmup_stable_decay,
)

# Every schedule, with and without its fields

step = StepDecay(lr=0.1, step_size=30)
schedules: list[Schedule] = [
    StepDecay(),
    step,
    MultiStepDecay(lr=0.1, milestones=[30, 60], gamma=0.1),
    ExponentialDecay(lr=0.1, gamma=0.95),
    ExponentialDecay(lr=0.1, k=0.05),
    CosineAnnealing(lr=0.1, T_max=100, eta_min=1e-3),
    WarmRestarts(lr=0.1, T_0=10, T_mult=2),
    Cyclical(base_lr=0.01, max_lr=0.1, step_size_up=10, mode="triangular2", step_size_down=None),
    OneCycle(max_lr=0.1, total_steps=100, pct_start=0.3, three_phase=True),
    LinearWarmup(lr=0.1, start_factor=0.01, total_iters=5),
    Constant(lr=1),
    Polynomial(lr=0.1, total_iters=100, power=2),
    OneMinusSqrt(lr=0.1, total_iters=100, eta_min=0.01),
    InverseSqrt(lr=0.1, timescale=100),
    Custom(lr=0.1, factor=lambda t: 0.5 ** (t // 10)),
    warmup_stable_decay(lr=0.1, total_steps=100, warmup_steps=0, shape="1-sqrt"),
]

# A rate, a curve, a row of schedules

rate: float = step(30)
last: float = step(np.int64(89))
curve: np.ndarray = step(np.arange(90))
few: np.ndarray = step([0, 30, 60])
print(round(step(0), 3), curve.max(), few.shape, step.code(), step.peak)
both: Sequential = LinearWarmup(lr=0.1, total_iters=5).then(CosineAnnealing(lr=0.1, T_max=95), at=5)
whole = both.then(Constant(lr=0.1), at=100)
print(whole.milestones[-1], whole.schedules[0].horizon, both.with_peak(0.3), both.end)
print(round(OneCycle().momentum(3), 2))
plateau = ReduceOnPlateau(lr=0.1, factor=0.5, patience=2)
print(plateau([1.0, 0.8, 0.8]).min())

# Its PyTorch twin, and what a run really used

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = step.scheduler(optimizer)
with trace(optimizer) as used:
    for _ in range(90):
        optimizer.step()
        scheduler.step()
report = used.against(step)
print(report, report.equal, report.cause, used.lr.shape, bool(report))
used.plot(step)
print(used.against(step, steps_per_epoch=30, unit="epoch").message)

# Explorers, drawings, races, exercises

explorer = explore(StepDecay(), CosineAnnealing(), steps=200)
explorer.set(T_max=50)
print(explorer.schedule, explorer.readout, explorer.controls["A.lr"].value)
fig, ax = plt.subplots()
plots.draw_schedule(ax, step, steps=100, label="step")
race = lab.race(["cosine", "linear"], steps=100)
mine = lab.race({"step": step, "mine": lambda t: 0.1 / (1 + t)}, steps=100, seeds=16)
print(race, mine)
check("step_decay", lambda lr, step_size, gamma, t: lr * gamma ** (t // step_size))
lrcourse.quiz("step_decay")
lrcourse.progress()
lrcourse.decide("step_decay.bug", "It is stepped twice.").decide("the clock")
print([kind().horizon for kind in lrcourse.SCHEDULES])
