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

import lrcourse
from lrcourse import Constant, CosineAnnealing, MultiStepDecay, StepDecay, lab
from lrcourse.digits import excess_risk, noisy_batch

import torch
from torch import nn

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
    return lr * gamma ** (t // step_size)


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
# fall like that without one. So compare the updates after a drop with the same updates at the rate
# before it, seed by seed: 20 of them, and 100.

# %%
plain = lab.SGD(momentum=0.0)
one_drop = MultiStepDecay(lr=0.7, milestones=[100])
runs = lab.race(
    {"stairs": plan, "no drop": Constant(lr=0.7), "one drop": one_drop},
    steps=300,
    seeds=64,
    tune=False,
    points=15,
    optimizer=plain,
)


def change(name, t, updates):
    before, after = np.searchsorted(runs.marks, [t, t + updates])
    return runs.curves[name][:, after] - runs.curves[name][:, before]


# %%
for drop, without, t in (("first", "no drop", 100), ("second", "one drop", 200)):
    for updates in (20, 100):
        alone = change("stairs", t, updates) - change(without, t, updates)
        print(f"{drop} drop, {updates} updates later: {lab.interval(alone)}")

# %% [markdown]
# The first drop does what it says: at a high rate the noise shakes the weights about, and the
# small rate lets them settle within a few updates. A part of that is only earlier, not more: after
# 100 updates less of the advantage is left. The second drop does the opposite: the risk falls
# *further without it*. There is little noise left to settle, and more progress to make.
#
# Is it worth it? `lab.race` trains each schedule with the same plain SGD as above, at the peak rate
# that suits it best. One has a single drop, late in the run.

# %%
race = lab.race(
    {
        "constant": Constant(),
        "step": StepDecay(step_size=100),
        "one late drop": MultiStepDecay(milestones=[240]),
        "cosine": CosineAnnealing(T_max=300),
    },
    steps=300,
    seeds=64,
    optimizer=plain,
)
print(race.verdict())
print(race.compare("step", "constant"))
race.table()[["mean", "behind", "±", "peak"]].round(3)

# %% [markdown]
# The numbers are *excess risk*: what the network's predictions cost, in nats, above the least that
# anybody's could. One label in five is random here, so that least is not nothing, and is subtracted.
# A guess has 1.44; 0.22 goes with 94 % of the clean images named right, 0.14 with 97 %. Below 0.09
# this network hardly gets, however long it trains. *Seed by seed* means: both start from the same
# weights and see the same batches, so that luck hits both alike.
#
# **What this shows.** Stairs beat a constant rate that was chosen as carefully. *When* the
# drop comes decides: a single late one does most of what a smooth fall does, without its two thirds
# of a run at rates too small to move. The smooth fall is still a little better. **What it does not
# show.** That this holds for your network. With clean data differences can vanish (lesson 7).
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
