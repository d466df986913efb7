# %% [markdown]
# # One-cycle: a single rise and fall
#
# **You will do.** Predict momentum, train with `OneCycleLR`, and measure "faster, and to better
# minima". · **You will learn.** What the rise is for, what the fall is for, and the two ways in
# which this scheduler breaks a loop. · **You need.** Lessons 1 to 4. About 50 minutes.
#
# ## The question
#
# ```python
# scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=1000)
# ```
#
# The rate starts low, climbs to a maximum, and falls to nearly nothing. Which of the three does
# the work?

# %%
import numpy as np
import pandas as pd

import lrcourse
from lrcourse import Constant, CosineAnnealing, OneCycle, Polynomial, lab
from lrcourse.digits import train

import torch

# %% [markdown]
# ## Predict first
#
# Not the rate this time: the *momentum*.

# %%
lrcourse.choose("one_cycle")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \begin{cases}
# \text{from } \eta_{\max}/25 \text{ up to } \eta_{\max} & \text{for the first 0.3 of the run}\\
# \text{from } \eta_{\max} \text{ down to } \eta_{\max}/250{,}000 & \text{for the rest}
# \end{cases}$$
#
# In PyTorch's names: $\eta_{\max}$ is `max_lr`, 25 is `div_factor`, the further 10,000 is
# `final_div_factor`, 0.3 is `pct_start`. Both moves follow half a cosine wave, or a straight
# line with `anneal_strategy="linear"`. The optimizer's own `lr` is overwritten.
#
# ## Write it yourself
#
# Then the numbers, before any picture.


# %%
def one_cycle_by_hand(t, max_lr=0.1, total_steps=100):
    top, last = 0.3 * total_steps - 1, total_steps - 1
    rising = t <= top
    start, end = (max_lr / 25, max_lr) if rising else (max_lr, max_lr / 250_000)
    done = t / top if rising else (t - top) / (last - top)
    return end + (start - end) / 2 * (1 + np.cos(np.pi * done))


one_cycle = OneCycle(max_lr=0.1, total_steps=100)
assert all(np.isclose(one_cycle_by_hand(t), one_cycle(t), rtol=1e-12) for t in range(100))

t = [0, 10, 20, 29, 50, 75, 98, 99]
columns = {"rate": [f"{lr:.7f}" for lr in one_cycle(t)], "momentum": one_cycle.momentum(t).round(4)}
pd.DataFrame(columns, index=pd.Index(t, name="t"))

# %% [markdown]
# The peak is at `t = 29`, the thirtieth update, and the last update of 100 is `t = 99`.
#
# ## Move it
#
# 1. Set `total_steps` to 11. What is the largest rate now? Why is it not `max_lr`?
# 2. Make it the shape of the paper: two equal slopes and then a decay, in straight lines.
# 3. Make `pct_start` very small. What does the explorer say, and what would PyTorch have said?

# %%
lrcourse.explore(one_cycle)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. 0.09797: the peak would be at t = 0.3 x 11 - 1 = 2.3, between two updates.
# 2. `three_phase=True` and `anneal_strategy="linear"`.
# 3. That the rise would have no step. PyTorch says "float division by zero", or nothing.
# </details>
#
# Draw one before you see it: `max_lr=0.1`, `total_steps=80`, `pct_start=0.5`.

# %%
lrcourse.draw("one_cycle.half", OneCycle(max_lr=0.1, total_steps=80, pct_start=0.5), steps=80)

# %% [markdown]
# ## Train: planned against used
#
# The loop of lesson 1 again. Its SGD was built without momentum; one-cycle brings its own.

# %% alt="Planned and used rates over 300 updates lie on one curve: up from 0.004 to 0.1 at update 89, then down to almost 0."
plan = OneCycle(max_lr=0.1, total_steps=300)
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

runs[0][0].plot(plan)
print(plan.code(), runs[0][0].against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## "A single rise and fall": what is the rise for?
#
# If the rise lets you use a larger rate, there must be a problem where the same peak is stable
# with it and diverges without it. Here is the smallest: two weights, the loss $(uv - 1)^2 / 2$,
# and a start where its curvature is 16. (And a millionth of noise in every gradient: without it
# the ball can come to rest exactly on a bottom that is too steep to hold it.) At a constant rate
# nothing above about $4/16 = 0.25$ survives. What is the largest peak that each schedule survives,
# out of 200 tried?


# %%
def weights(schedule, peaks):
    """u and v before every update, one column for each peak."""
    random, u, v = np.random.default_rng(0), np.full(len(peaks), 4.0), np.zeros(len(peaks))
    for share in schedule.with_peak(1.0)(np.arange(2000)):
        yield u, v
        error, noise = u * v - 1, 1e-6 * random.standard_normal((2, len(peaks)))
        slopes = error * v + noise[0], error * u + noise[1]
        u, v = u - share * peaks * slopes[0], v - share * peaks * slopes[1]


def largest_peak(schedule):
    peaks = np.geomspace(0.05, 16, 200)
    *_, (u, v) = weights(schedule, peaks)
    arrived = np.abs(u * v - 1) < 0.1
    return peaks[: arrived.argmin()].max()


# %%
with np.errstate(all="ignore"):  # what diverges, overflows
    print(f"constant       {largest_peak(Constant()):.2f}")
    print(f"cosine         {largest_peak(CosineAnnealing(T_max=2000)):.2f}")
    print(f"linear to zero {largest_peak(Polynomial(total_iters=2000)):.2f}")
    print(f"one-cycle      {largest_peak(OneCycle(total_steps=2000)):.2f}")

rise = OneCycle(max_lr=0.8, total_steps=2000)
for t, (u, v) in enumerate(weights(rise, np.array([rise.max_lr]))):
    if t in (60, 120, 160, 200, 400, 600, 1999):
        rate, h = rise(t), (u**2 + v**2).item()
        print(f"t = {t:4}   rate {rate:.2f}   h = {h:5.2f}   2/h = {2 / h:.2f}")

# %% [markdown]
# The fall alone changes next to nothing: by the time it comes, the run has diverged. The rise
# multiplies the largest peak. How? The lines below the peaks are one run with a peak of 0.8; at a
# bottom of this loss the curvature $h$ is $u^2 + v^2$. While the rate is small, the weights arrive
# at the nearest bottom, a steep one. When the rising rate passes $2/h$, that bottom cannot hold them
# any more, and they swing out to a flatter one; and again, until $2/h$ is above the peak. A run that
# starts at the peak swings too far at once. So the rise matters *when the start is steep*.
#
# ## "Converges faster, to better minima"
#
# Faster than what? Each with its own best peak, at three budgets, 16 seeds. `cycle_momentum=False`,
# so that all use the same plain SGD.


# %%
def contestants(steps):
    return {
        "constant": Constant(),
        "step": lrcourse.StepDecay(step_size=steps // 3),
        "exponential": lrcourse.ExponentialDecay(gamma=0.01 ** (1 / steps)),
        "cosine": CosineAnnealing(T_max=steps),
        "cyclical": lrcourse.Cyclical(
            max_lr=0.1, base_lr=0.01, step_size_up=steps // 8, cycle_momentum=False
        ),
        "one-cycle": OneCycle(total_steps=steps, cycle_momentum=False),
        "linear to zero": Polynomial(total_iters=steps),
    }


# %%
races = lab.race(contestants, steps=(100, 200, 400), optimizer=lab.SGD(momentum=0.0))
for steps, race in races.items():
    print(f"{steps} updates.", race.verdict().splitlines()[0])
    for rival in ("constant", "linear to zero"):
        print("  ", race.compare("one-cycle", rival))
races.table("mean").round(3)

# %% [markdown]
# The table has the mean excess risk: lower is better, ≈ marks the best of a column and what is not
# told from it. Read a column to compare schedules. Compare
# one-cycle at 200 updates with constant at 400 to see what "faster" means.
#
# **What this shows.** Against a constant rate, one-cycle needs far fewer updates for the same
# risk: "faster" is true. But a plain fall to zero, without any rise, is faster still: on this
# task the work is done by the fall. "Better minima" than others that fall to zero: not seen.
# **What it does not show.** A steep start. Deep or badly initialised networks have one, and
# there the rise pays, as in the model with two weights.
#
# ## A trap: past the end
#
# `total_steps` is a promise. One step more, and PyTorch raises; on the last step before that, it
# has already set a rate that belongs to no phase.

# %%
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], momentum=0.9)
short = OneCycle(max_lr=1.0, total_steps=10, anneal_strategy="linear", three_phase=True)
scheduler = short.scheduler(optimizer)
try:
    for _ in range(12):
        optimizer.step()
        scheduler.step()
        rate = scheduler.get_last_lr()[0]
except ValueError as error:
    print(error)
print(f"the rate it had set for update 11 of 10: {rate:.4f}")

# %% [markdown]
# A negative rate climbs the loss. Gradient accumulation, a dropped last batch or a resumed run
# change the number of updates; compute `total_steps` from the loop that you run.
#
# ## Find the bug
#
# From a public report: 10 epochs of 100 batches, `total_steps` computed with care, and a loss
# that hardly moves. What does the trace look like? Decide, then run the next cell.

# %%
plan = OneCycle(max_lr=0.1, total_steps=10 * 100)
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], momentum=0.9)
scheduler = plan.scheduler(optimizer)
with lrcourse.trace(optimizer) as used:
    for epoch in range(10):
        for batch in range(100):
            optimizer.step()
        scheduler.step()

# %%
print(f"largest rate used: {used.lr.max():.4f} of {plan.max_lr}")
print(used.against(plan, steps_per_epoch=100))

# %% [markdown]
# ## Check yourself

# %%
lrcourse.quiz("one_cycle")

# %% [markdown]
# ## On your own
#
# You accumulate gradients over 4 batches: `optimizer.step()` is called once in 4. An epoch has 391
# batches, and you train for 10. What is `total_steps`, and where does `scheduler.step()` go?
#
# <details><summary>Answer</summary>
#
# It goes right after `optimizer.step()`, so it counts updates: 391 // 4 = 97 in an epoch, 970 in
# all, if the last 3 batches of an epoch are not used for an update of their own; 980 if they are.
# </details>
#
# ## The five schedules, with the evidence
#
# The first three columns are from the package. The last is from the runs above: the excess risk
# after 400 updates, and how far that is behind the best of the seven, linear to zero.

# %%
pd.set_option("display.max_colwidth", None)  # show whole sentences
table = races[400].table()
evidence = table["mean"].map("{:.3f}".format)
evidence += (
    table["behind"].map(", {:.3f}".format) + table["±"].map(" ± {:.3f} behind".format)
).where(table["±"].notna(), ", the best")
lrcourse.summary(evidence)

# %% [markdown]
# The evidence is for one small network whose data stay noisy for ever. That is one regime of
# three; in the training lab you meet the other two, and the order changes.
#
# ## In practice
#
# One-cycle wants three things: the number of updates, known in advance; `scheduler.step()` after
# every update; and momentum that you are willing to hand over. It is worth trying where training
# is unstable at the start. Otherwise compare it with a plain linear fall before you believe it.
#
# ## Further reading
#
# - Smith & Topin (2017), *Super-Convergence*, arXiv 1708.07120.
# - Kalra & Barkeshli (2024), *Why Warmup the Learning Rate?*, arXiv 2406.09405.
# - Defazio et al. (2023), arXiv 2310.07831: why a linear fall is hard to beat.
# - `lrcourse/schedules.py`, `OneCycle`.
