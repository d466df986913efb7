# %% [markdown]
# # Exponential decay: a little less at every step
#
# **You will do.** Turn `k` into `gamma` and back, train with `ExponentialLR`, and test the advice
# "for long runs". · **You will learn.** Why one formula has two faces, why its end depends on its
# length, and when it wins. · **You need.** Lesson 1. About 35 minutes.
#
# ## The question
#
# A book writes $\eta_0 e^{-kt}$. PyTorch writes `ExponentialLR(optimizer, gamma=0.95)`. Are these
# the same schedule? And what is the right `gamma` for a run of 300 updates?

# %%
import math

import numpy as np
import pandas as pd

import lrcourse
from lrcourse import CosineAnnealing, ExponentialDecay, Polynomial, StepDecay, lab
from lrcourse.digits import train

import torch
from torch import nn

# %% [markdown]
# ## Predict first

# %%
lrcourse.choose("exponential_decay")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_0\,e^{-kt} = \eta_0\,\gamma^t, \qquad \gamma = e^{-k}$$
#
# In PyTorch's names: $\eta_0$ is `lr`, and $\gamma$ is `gamma`. PyTorch has no `k`; you convert.
# Both say the same: every step keeps the share `gamma` of the rate, and loses about `k` of it.
#
# ## Write it yourself
#
# Then the numbers, before any picture: both faces side by side, and how many steps each takes
# down to a half, and to 1 %.


# %%
def exponential_decay(t, lr=0.1, k=0.0513):
    return lr * math.exp(-k * t)


schedule = ExponentialDecay(lr=0.1, k=0.0513)
assert schedule == ExponentialDecay(lr=0.1, gamma=np.exp(-0.0513))
assert all(math.isclose(exponential_decay(t), schedule(t)) for t in range(100))

gamma = np.array([0.5, 0.9, 0.95, 0.99, 0.999])
k = -np.log(gamma)
steps = {"steps to a half": np.log(2) / k, "steps to 1 %": np.log(100) / k}
pd.DataFrame({"gamma": gamma, "k": k.round(5), **steps}).round({name: 1 for name in steps})

# %% [markdown]
# Near 1, `k` is almost `1 - gamma`. That makes them easy to confuse, and the price is high: give
# 0.05 as `gamma` and a twentieth of the rate is left after one step.
#
# ## Move it
#
# 1. Which `gamma` brings the rate to 1 % of its start at step 300? (The readout names the first
#    step below 1 % of the peak.)
# 2. With that `gamma`, what is left after 30 steps? So where does most of the fall happen?
# 3. Set `gamma` to 1. What is this schedule called?

# %%
lrcourse.explore(ExponentialDecay(lr=0.1, gamma=0.95))

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. $\gamma = 0.01^{1/300} \approx 0.985$. For any length: `0.01 ** (1 / steps)`.
# 2. About 63 %. The fall is steep all along if you look at the share, and early if you look at
#    the amount: half of the rate is gone after 45 of 300 steps.
# 3. Constant.
# </details>
#
# Draw one before you see it: `gamma=0.9`, from 0.1, for 50 steps. (How far down is it at 22?)

# %%
lrcourse.draw("exponential_decay.ninety", ExponentialDecay(lr=0.1, gamma=0.9), steps=50)

# %% [markdown]
# ## Train: planned against used
#
# The network, the data and the loop of lesson 1, word for word: `train` in `lrcourse/digits.py`.
# The plan reaches 1 % of its start at the end.

# %% alt="Planned and used rates over 300 updates lie on one curve, which falls ever more slowly from 1 to 0.01."
plan = ExponentialDecay(lr=1.0, gamma=0.01 ** (1 / 300))
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

runs[0][0].plot(plan)
print(plan.code(), runs[0][0].against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## "Exponential for long runs": is it so?
#
# You meet this advice often. It predicts a *crossing*: worse than others in short runs, better in
# long ones. Here is a problem small enough to compute exactly, with no seeds: a bowl with 100
# directions, from steep to shallow, and noise in every gradient. `spread` is the expected squared
# distance from the bottom in each direction. Every schedule gets the best of 100 peaks.


# %%
def best_loss(schedule, steps):
    curvature, peaks, spread = 1 / np.arange(1, 101), np.geomspace(0.05, 2, 100)[:, None], 1
    for share in schedule(np.arange(steps)):
        lr = share * peaks
        spread = (1 - lr * curvature) ** 2 * spread + lr**2 * curvature
    return (spread @ curvature).min() / 2


# %%
def compare(steps):
    ends = {
        share: ExponentialDecay(lr=1, gamma=share ** (1 / steps)) for share in (0.1, 0.03, 0.01)
    }
    exponential = {share: best_loss(schedule, steps) for share, schedule in ends.items()}
    linear = best_loss(Polynomial(lr=1, total_iters=steps), steps)
    return {
        "linear / exponential to 1 %": linear / exponential[0.01],
        "linear / best exponential": linear / min(exponential.values()),
        "it ends at": min(exponential, key=exponential.get),
    }


# %%
lengths = [25, 100, 400, 1600, 6400]
table = pd.DataFrame([compare(steps) for steps in lengths], index=pd.Index(lengths, name="steps"))
table.round(3)

# %% [markdown]
# Below 1, linear is better; above 1, exponential is. The first column has the crossing: exponential
# loses the short runs and wins the long ones. But its end was fixed, at 1 %, and linear had no such
# burden. Choose the end as carefully as the peak, and exponential is ahead at *every* length: the
# longer the run, the lower its end. There was no crossing, only a shape that nobody had tuned.
#
# And the network? The same plain SGD, a short run and a longer one. Exponential decay is now a
# *family*: four ends, of which the best is chosen on seeds that are not judged. Cosine and stairs
# have one shape each. A second saying, "high at first, smooth cool-down", predicts that the smooth
# fall beats the stairs.

# %%
for steps in (100, 800):
    ends = {
        f"to {100 * s:g} %": ExponentialDecay(gamma=s ** (1 / steps))
        for s in (0.3, 0.1, 0.03, 0.01)
    }
    schedules = {
        "exponential": ends,
        "cosine": CosineAnnealing(T_max=steps),
        "stairs": StepDecay(step_size=steps // 3 + 1, gamma=0.1),
    }
    race = lab.race(schedules, steps=steps, optimizer=lab.SGD(momentum=0.0))
    print(f"{steps} updates", *race.verdict().splitlines(), sep="\n  ")

# %% [markdown]
# **What this shows.** In the short run exponential decay, at its best end, is not told from cosine;
# in the longer one cosine is ahead, and so "exponential for long runs" is not what this network
# says. Smooth beats these stairs in both. **What it does not show.** That no stairs would do as well:
# theirs is one shape, and lesson 1 had a better one.
#
# ## A trap: `gamma` for epochs, stepped per batch
#
# `gamma=0.95` was meant for each of 10 epochs. The loop steps it after each of 100 batches.

# %%
plan = ExponentialDecay(lr=0.1, gamma=0.95)  # t counts epochs
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
scheduler = plan.scheduler(optimizer)
with lrcourse.trace(optimizer) as used:
    for _ in range(10 * 100):
        optimizer.step()
        scheduler.step()
print(f"planned for the last epoch: {plan(9):.4f}, used by the last update: {used.lr[-1]:.1e}")
print(used.against(plan, steps_per_epoch=100, unit="epoch"))

# %% [markdown]
# ## Find the bug
#
# A well-known book draws its exponential schedule over 100,000 steps, and the curve comes down to
# a hundred-thousandth of its start. Then it trains, with the right loop. Its run is 10 epochs of 1,719
# batches. Something in the picture is not true of the training. What? Decide, then run the next
# cell.

# %%
plan = ExponentialDecay(lr=0.01, gamma=0.1 ** (1 / 20_000))
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
scheduler = plan.scheduler(optimizer)
with lrcourse.trace(optimizer) as used:
    for _ in range(10 * 1719):
        optimizer.step()
        scheduler.step()

# %%
drawn = plan(np.arange(100_000))
print(f"drawn at the end: {drawn[-1]:.0e}; last used: {used.lr[-1]:.1e}")
print(used.against(drawn))

# %% [markdown]
# No line of that code is wrong, and every rate is as planned. But the run ends where the picture
# has hardly begun. Draw the steps that you train, no more and no fewer.
#
# ## Check yourself

# %%
lrcourse.quiz("exponential_decay")

# %% [markdown]
# ## On your own
#
# You like `StepLR(step_size=30, gamma=0.1)` but want no sudden drops: the same rate at 0, 30 and
# 60, and a smooth fall between. Which `gamma` do you give `ExponentialLR`? Check it in Python.
#
# <details><summary>Answer</summary>
#
# Thirty steps must multiply to 0.1: `gamma = 0.1 ** (1 / 30)`, about 0.926. Then
# `ExponentialDecay(lr=0.1, gamma=0.1 ** (1 / 30))(30)` is 0.01. Its average rate is lower than
# the stairs', since it begins to fall at once.
# </details>
#
# ## In practice
#
# `gamma` has no meaning without a length: choose the rate you want at the end, and compute
# `gamma = end_share ** (1 / steps)`. If you change the length of the run, compute it again. For a
# run whose length you know, a schedule that reaches zero was at least as good on everything that we
# measured, except the longer runs on the bowl.
#
# ## Further reading
#
# - Ge et al. (2019), *The Step Decay Schedule*, arXiv 1904.12838: geometric decay is near the best
#   possible for the last iterate of noisy least squares.
# - Zhang et al. (2019), arXiv 1907.04164: the noisy bowl as a model of training.
# - `lrcourse/schedules.py`, `ExponentialDecay`: both faces of the formula.
