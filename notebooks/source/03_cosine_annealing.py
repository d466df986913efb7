# %% [markdown]
# # Cosine annealing: slow, fast, slow
#
# **You will do.** Predict what happens after the end, train with `CosineAnnealingLR`, and measure
# what a wrong `T_max` costs. · **You will learn.** The shape, its one number that matters, and
# what the slow end is good for. · **You need.** Lessons 1 and 2. About 40 minutes.
#
# ## The question
#
# This is the line you meet most often today:
#
# ```python
# scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
# ```
#
# What is 100? And what does the scheduler do at step 150?

# %%
import math

import pandas as pd

import lrcourse
from lrcourse import Constant, CosineAnnealing, LinearWarmup, Polynomial, StepDecay, lab
from lrcourse.digits import train

import torch
from torch import nn

# %% [markdown]
# ## Predict first
#
# The run is twice as long as `T_max`.

# %%
lrcourse.choose("cosine_annealing")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_{\min} + \frac{\eta_{\max} - \eta_{\min}}{2}
# \left(1 + \cos\frac{t\,\pi}{T_{\max}}\right)$$
#
# In PyTorch's names: $\eta_{\max}$ is the `lr` of the optimizer, $\eta_{\min}$ is `eta_min`, and
# $T_{\max}$ is `T_max`. The cosine goes from 1 to -1 in half a turn, $\pi$; the rest of the
# formula stretches that to the range between the two rates.
#
# ## Write it yourself
#
# Then the numbers, before any picture.


# %%
def cosine_annealing(t, lr=0.1, T_max=100, eta_min=0.0):
    wave = math.cos(t * math.pi / T_max)
    return eta_min + (lr - eta_min) / 2 * (1 + wave)


cosine = CosineAnnealing(lr=0.1, T_max=100)
assert all(math.isclose(cosine_annealing(t), cosine(t), abs_tol=1e-15) for t in range(300))

t = [0, 25, 50, 75, 99, 100, 101, 150, 200]
pd.DataFrame({"rate": cosine(t).round(6)}, index=pd.Index(t, name="t"))

# %% [markdown]
# In the first quarter of the run the rate loses 15 %, in the last quarter the same. In the two
# quarters between it loses 70 %. Zero is reached at `t = 100`: a run of 100 updates, `t` from 0
# to 99, never uses it.
#
# ## Move it
#
# 1. Your run has 1,000 updates. What must `T_max` be, so that the rate ends at (nearly) zero?
# 2. Set `T_max` to half of your run. Where is the rate at the end?
# 3. Raise `eta_min`. Which part of the curve changes most?

# %%
lrcourse.explore(cosine)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. 1,000: the number of times that `scheduler.step()` is called.
# 2. Back at the top: you end the run at the largest rate.
# 3. The end. The start stays at `lr`.
# </details>
#
# Now draw one with a floor: `T_max=60`, from 0.1 down to `eta_min=0.04`.

# %%
lrcourse.draw("cosine_annealing.floor", CosineAnnealing(lr=0.1, T_max=60, eta_min=0.04), steps=60)

# %% [markdown]
# ## Train: planned against used
#
# The loop of lesson 1, in `lrcourse/digits.py`, with this lesson's scheduler.

# %% alt="Planned and used rates over 300 updates lie on one curve: half a cosine, from 1 down to almost 0."
plan = CosineAnnealing(lr=1.0, T_max=300)
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

runs[0][0].plot(plan)
print(plan.code(), runs[0][0].against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## "Gradually slows down to fine-tune at the end"
#
# If the slow end does the fine-tuning, then *not* slowing down must cost something. So let the
# same run follow the cosine up to a point, and hold the rate there to the end. Same peak for all,
# 64 seeds:


# %%
def held(at):
    return plan.then(Constant(lr=plan(at)), at=at)


plain = lab.SGD(momentum=0.0)
ends = {"whole cosine": plan} | {f"held from {at}": held(at) for at in (150, 225, 270)}
race = lab.race(ends, steps=300, seeds=64, tune=False, optimizer=plain)
for at in (150, 225, 270):
    print(race.compare("whole cosine", f"held from {at}"))

# %% [markdown]
# Most of the saying survives. Hold the rate at the half-way point, and the noise goes on throwing the
# weights about. From 225 on, at 15 % of the peak, there is still a little to settle. But the very
# end, which the eye is drawn to, does nothing: held from 270 on, at 2.4 % of the peak, the run ends
# no worse than the whole cosine, if not a hair better. At rates that small, little moves.
#
# Is it the *cosine* that does it, or just the fall? A straight line falls too; and a cosine can end
# above zero. Each with its own best peak:

# %%
schedules = {
    "cosine": CosineAnnealing(T_max=300),
    "cosine to 3 %": CosineAnnealing(lr=0.1, T_max=300, eta_min=0.003),
    "linear to zero": Polynomial(total_iters=300),
    "step": StepDecay(step_size=100),
    "constant": Constant(),
}
race = lab.race(schedules, steps=300, optimizer=plain)
print(race.verdict())
race.table()[["mean", "behind", "±", "peak"]].round(3)

# %% [markdown]
# **What this shows.** The fall counts, for more than ten times as much as its shape: a straight line is
# ahead of cosine by less than a tenth of what either gains over a constant rate. Nor must it end at
# zero: cosine to 3 % is, if anything, the better cosine. Get low, and do not dwell near nothing. Cosine
# is popular and a safe choice; nothing here says that its shape is special.
# **What it does not show.** A ranking for your problem.
#
# ## A trap: `T_max` is not the length of the run
#
# Only one number must be right. Here it is half of the run, and double. Again each has its own
# best peak, so a wrong `T_max` cannot be blamed on the rate.

# %%
lengths = {f"T_max={T_max}": CosineAnnealing(T_max=T_max) for T_max in (300, 150, 600)}
race = lab.race(lengths, steps=300, optimizer=plain)
print(race.verdict())
race.table()[["mean", "behind", "±", "peak"]].round(3)

# %% [markdown]
# With half, the rate comes down, goes back up, and the run ends at the top of the climb: what
# the small rates had settled is shaken up again. With double, it stops at half of the rate.
#
# `T_max` counts calls of `scheduler.step()`. If you call it once per batch, `T_max` is the number
# of batches in the whole run.
#
# ## Find the bug
#
# A widely read book warms up for 5 epochs and then follows a cosine. Its loop sets the rate by
# hand, after each epoch. The text praises the first 5 epochs. What did they really use?

# %%
plan = LinearWarmup(lr=0.3, start_factor=1e-9, total_iters=5).then(
    CosineAnnealing(lr=0.3, T_max=15, eta_min=0.01), at=5
)
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
with lrcourse.trace(optimizer) as used:
    for epoch in range(20):
        optimizer.step()  # a whole epoch of them, in the book
        optimizer.param_groups[0]["lr"] = plan(epoch)

# %%
print("planned:", plan(range(6)).round(3), "\nused:   ", used.lr[:6].round(3))
print(used.against(plan))

# %% [markdown]
# The first epoch ran at the peak, the second at nearly zero, and all later ones were late by
# one. The warm-up that the text praises was never used.
#
# ## Check yourself

# %%
lrcourse.quiz("cosine_annealing")

# %% [markdown]
# ## On your own
#
# You train for 10 epochs of 391 batches, call `scheduler.step()` after each batch, and want 400
# updates of warm-up before the cosine. Build it with `LinearWarmup(...).then(...)`, and print
# `.code()`. What must `T_max` be?
#
# <details><summary>Answer</summary>
#
# The run has 3,910 updates, and 400 are warm-up, so the cosine has 3,510:
# `LinearWarmup(lr=0.1, start_factor=0.01, total_iters=400).then(CosineAnnealing(lr=0.1,
# T_max=3510), at=400)`. With `T_max=3910` the run would end before the rate reaches zero.
# </details>
#
# ## In practice
#
# Choose cosine when you know the length of the run and want one number fewer to tune. Set `T_max`
# from that length, in code, so that they cannot drift apart. If you may stop early or train on,
# it is a poor choice: it is at its best only at its end.
#
# ## Further reading
#
# - Loshchilov & Hutter (2016), *SGDR*, arXiv 1608.03983, equation 5: the formula, with restarts.
# - Li et al. (2020), *Budgeted Training*, arXiv 1905.04753, and Defazio et al. (2023), arXiv
#   2310.07831: the straight line to zero.
# - `lrcourse/schedules.py`, `CosineAnnealing` and `WarmRestarts`.
