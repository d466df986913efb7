# %% [markdown]
# # Step decay: drop suddenly, then stay
#
# **You will do.** Predict a schedule, write it, move it, train with it, and find the bug in a
# run that went wrong. · **You will learn.** What `StepLR` does, when the drop comes, what it does
# to the loss, and what it does not do. · **You need.** To have trained a network once. About 35
# minutes.
#
# ## The question
#
# You have seen this line, perhaps copied it:
#
# ```python
# scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
# ```
#
# What rate does the optimizer use in each of 90 epochs? And does the drop help, or does it only
# look busy?

# %%
import warnings

import numpy as np
import pandas as pd
import torch
from torch import nn

import lrcourse
from lrcourse import Constant, CosineAnnealing, MultiStepDecay, StepDecay, lab
from lrcourse.digits import excess_risk, noisy_batch
from lrcourse.lab import stats

# %% [markdown]
# ## Predict first
#
# Choose before you read on. Your guess is kept, and shown beside the answer.

# %%
lrcourse.choose("step_decay")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_0\,\gamma^{\lfloor t/s \rfloor}$$
#
# In PyTorch's names: $\eta_0$ is `lr`, $\gamma$ is `gamma`, $s$ is `step_size`. And `t` counts
# the updates (or epochs) *already made*, so the first one uses $t = 0$.
#
# The brackets $\lfloor\ \rfloor$ round down. They make the stairs: for 30 steps the exponent is
# 0, then for 30 steps it is 1.
#
# ## Write it yourself
#
# Two lines, and the same numbers as the course's formula. Then look at the edges, before any
# picture: does epoch 30 still use 0.1?


# %%
def step_decay(t, lr=0.1, step_size=30, gamma=0.1):
    drops = t // step_size
    return lr * gamma**drops


schedule = StepDecay(lr=0.1, step_size=30, gamma=0.1)
assert np.allclose(step_decay(np.arange(90)), schedule(np.arange(90)), rtol=1e-12)

t = [0, 29, 30, 59, 60, 89]
pd.DataFrame({"rate": schedule(t).round(6)}, index=pd.Index(t, name="t"))

# %% [markdown]
# The drop applies *at* `t = 30`: epochs 0 to 29 are the first 30 epochs, and epoch 30 is the 31st.
#
# ## Move it
#
# Every control is a field of the schedule. Find out:
#
# 1. How small must `gamma` be for the rate to be below 1 % of its start at `t = 60`?
# 2. Set `step_size` to 1. Which other schedule have you made?
# 3. Which of the controls changes the height of the stairs, and which the width?

# %%
lrcourse.explore(schedule)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. Two drops have passed at 60, so `gamma` squared must be below 0.01: anything below 0.1.
# 2. A drop at every step is exponential decay.
# 3. `lr` and `gamma` the height, `step_size` the width.
# </details>
#
# Now draw one yourself, before you see it: drops of a half, every 20 steps.

# %%
lrcourse.draw("step_decay.halves", StepDecay(lr=0.1, step_size=20, gamma=0.5), steps=90)

# %% [markdown]
# ## Train: the rate you see is the rate that trained
#
# A real network on real digits, with noise that never goes away (`lrcourse/digits.py` says how),
# and the scheduler that PyTorch ships. `lrcourse.trace` writes down the rate that *each update
# really used*. The result is the excess risk: how far the predictions are from the best possible
# ones. Lower is better, 0 is perfect.


# %%
def train(schedule, seed, updates=300):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = schedule.scheduler(optimizer)  # PyTorch's own
    with lrcourse.trace(optimizer) as used:
        for _ in range(updates):
            images, labels = noisy_batch()
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
    return used, excess_risk(model)


# %% alt="Planned and used rates over 300 updates, one stair under the other: 0.7, from update 100 on 0.07, from 200 on 0.007."
plan = StepDecay(lr=0.7, step_size=100, gamma=0.1)
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

runs[0][0].plot(plan)
print(plan.code(), runs[0][0].against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## "Drops suddenly at intervals": does the loss drop too?
#
# If the claim is more than a picture, the risk must fall sharply just after a drop, and must not
# fall like that without one. So compare 20 updates across the drop with the same 20 updates at a
# constant rate, seed by seed.


# %%
def change(schedule, before, after):
    risks = [[train(schedule, seed, n)[1] for seed in range(16)] for n in (before, after)]
    return np.subtract(risks[1], risks[0])


# %%
without = {"first": Constant(lr=0.7), "second": MultiStepDecay(lr=0.7, milestones=[100])}
for drop, t in (("first", 100), ("second", 200)):
    with_drop, no_drop = change(plan, t, t + 20), change(without[drop], t, t + 20)
    print(f"{drop} drop: {stats.interval(with_drop)}, without it: {stats.interval(no_drop)}")
    print(f"   the drop alone, seed by seed: {stats.interval(with_drop - no_drop)}")

# %% [markdown]
# The first drop does what it says: at a high rate the noise shakes the weights about, and the
# small rate lets them settle within a few updates. The second drop does the opposite: in the same
# 20 updates the risk falls further without it. There is little noise left to settle, and more
# progress to make.
#
# Is that worth it? `lab.race` trains all of them with the same plain SGD as above, and gives each
# schedule the peak rate that suits it best, chosen on other seeds than the 16 it is judged on.

# %%
race = lab.race(
    {
        "constant": Constant(),
        "step": StepDecay(step_size=100),
        "cosine": CosineAnnealing(T_max=300),
    },
    steps=300,
    seeds=16,
    optimizer=lab.SGD(momentum=0.0),
)
print(race.verdict())
print(race.compare("step", "constant").verdict("step", "constant", "excess risk"))
race.table()[["mean", "low", "high", "peak"]].round(3)

# %% [markdown]
# **What this shows.** The sudden fall is real, and yet it proves little: in 300 updates the stairs
# are no better than a constant rate that was chosen as carefully. What the drop gives back, the
# high rate had withheld, and two thirds of the run are spent at rates too small to move. A smooth
# fall beats both. **What it does not show.** That this holds for your network. In longer runs the
# stairs do pull ahead of a constant rate (lesson 5), and with clean data differences can vanish.
#
# ## A trap: the wrong order
#
# `scheduler.step()` belongs *after* `optimizer.step()`. Here it comes first. PyTorch warns once,
# and trains on.

# %%
plan = StepDecay(lr=1.0, step_size=2, gamma=0.1)
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
scheduler = plan.scheduler(optimizer)
with lrcourse.trace(optimizer) as used, warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the one warning that PyTorch gives
    for _ in range(6):
        scheduler.step()
        optimizer.step()
print("planned:", plan([0, 1, 2, 3, 4, 5]).round(3), "\nused:   ", used.lr.round(3))
print(used.against(plan))

# %% [markdown]
# ## Find the bug
#
# A widely read book plots this schedule, then trains with it for 30 epochs. Its text says that
# the drop "can produce ever slightly better solutions". This is what its cells do. What does the
# training really use, and why? Decide, then run the next cell.

# %%
plan = MultiStepDecay(lr=0.5, milestones=[15, 30], gamma=0.5)
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
scheduler = plan.scheduler(optimizer)

curve = []
for _ in range(30):  # the cell that plots
    curve.append(scheduler.get_last_lr()[0])
    optimizer.step()
    scheduler.step()

with lrcourse.trace(optimizer) as used:
    for _ in range(30):  # the cell that trains
        optimizer.step()
        scheduler.step()

# %%
print("plotted:", curve[0], "...", curve[-1])
print(used.against(plan))

# %% [markdown]
# A scheduler is a thing with a memory: looking at its curve uses it up. A schedule of this course
# is a formula: looking costs nothing.
#
# ## Check yourself

# %%
lrcourse.quiz("step_decay")

# %% [markdown]
# ## On your own
#
# A recipe says: 90 epochs, divide by 10 after 30 and after 80, start at 0.1. Your data set has
# 50,000 images, your batch is 128, and you call `scheduler.step()` after *every batch*. Write the
# line of PyTorch. Then check it with `MultiStepDecay(...)`: what is `schedule(391 * 30)`?
#
# <details><summary>Answer</summary>
#
# An epoch has 391 batches (50,000 / 128, rounded up), so the milestones are 391 times larger:
# `MultiStepLR(optimizer, milestones=[11730, 31280], gamma=0.1)`. At update 11,730 the rate is
# 0.01; at 11,729 it is still 0.1.
# </details>
#
# ## In practice
#
# Step decay asks you to know when to drop. It is easy to read off a plot, easy to resume, and the
# recipe of many classic vision results. If you have no reason for these milestones, a schedule
# that falls smoothly to zero needs no milestones at all: that is lesson 3.
#
# ## Further reading
#
# - He et al. (2015), *Deep Residual Learning for Image Recognition*, arXiv 1512.03385: divide by
#   10, twice.
# - Ge et al. (2019), *The Step Decay Schedule*, arXiv 1904.12838: when stairs are near the best
#   that can be done.
# - `lrcourse/schedules.py`, `StepDecay` and `MultiStepDecay`: the formulas of this lesson.
