# %% [markdown]
# # One-cycle: a single rise and fall
#
# **You will do.** Predict momentum, train with `OneCycleLR`, take it apart into rise and fall, and
# hold five sayings against their evidence. · **You will learn.** What the rise is for, how long it
# should be, what the fall is for, and how this scheduler breaks a loop. · **You
# need.** Lessons 1 to 4. About 50 minutes.
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
from IPython.display import display

import lrcourse
from lrcourse import Constant, CosineAnnealing, LinearWarmup, OneCycle, Polynomial, digits, lab

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
# line with `anneal_strategy="linear"`. The optimizer's own `lr` is overwritten. The numbers, before any
# picture:

# %%
one_cycle = OneCycle(max_lr=0.1, total_steps=100)

t = [0, 10, 20, 29, 50, 75, 98, 99]
columns = {"rate": [f"{lr:.7f}" for lr in one_cycle(t)], "momentum": one_cycle.momentum(t).round(4)}
pd.DataFrame(columns, index=pd.Index(t, name="t"))

# %% [markdown]
# The peak is at `t = 29`, the thirtieth update, and the last update of 100 is `t = 99`.
#
# ## Write it yourself
#
# In straight lines one-cycle has three corners: the start, the peak, the end. `np.interp(t, xs, ys)`
# draws a straight line through corners. Which ones?


# %%
def corners(t, max_lr=0.1):
    xs = [0, 50, 99]  # yours: when?
    ys = [0, max_lr, 0]  # yours: which rates?
    return np.interp(t, xs, ys)


lrcourse.match(corners, OneCycle(max_lr=0.1, total_steps=100, anneal_strategy="linear"))

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# `xs = [0, 29, 99]` and `ys = [max_lr / 25, max_lr, max_lr / 250_000]`: the end is counted from
# the *start* rate, divided by 10,000 again.
# </details>
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
# ## Train: planned against used
#
# The scale and the loop of lesson 1. Its SGD was built without momentum; one-cycle brings its own.

# %%
plan = OneCycle(max_lr=0.1, total_steps=300)
runs = [digits.train(plan, seed) for seed in range(5)]
assert all(run.used.against(plan).equal for run in runs)

digits.draw(runs, plan)
print(plan.code(), runs[0].used.against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{run.risk:.2f}" for run in runs))

# %% [markdown]
# ## "Quick exploration": what is the rise for?
#
# If the rise lets you use a larger rate, there must be a problem where the same peak is stable
# with it and diverges without it. Here is the smallest: two weights, the loss $(uv - 1)^2 / 2$. Its
# bottom is a curve, steep at one place and flat at another, and the start is at a steep place of
# curvature 16. At a constant rate nothing above about $4/16 = 0.25$ survives. A bottom of curvature $h$ holds
# no rate above $2/h$, and the picture shows both, the rate and $2/h$, over the run:
#
# 1. A peak of 0.8, with no rise at all: when is it lost?
# 2. How long a rise makes it survive? Does 2/h stay where it was?
# 3. Which is the largest peak that you can bring through?

# %%
lrcourse.sharpness()

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. At update 3.
# 2. With 10 % it is lost, with 15 % it survives. When the rate passes 2/h the weights swing out to a flatter
#    bottom, and 2/h goes up before the rate.
# 3. About 2, with a rise of 30 %. No bottom is flatter than h = 2.
# </details>
#
# The same in numbers: the largest peak that each schedule survives, of 200 tried.


# %% tags=["two-weights"]
def rise(updates):
    return LinearWarmup(lr=1, start_factor=1 / updates, total_iters=updates)


survives = {
    "constant": Constant(),
    "fall alone": CosineAnnealing(T_max=2000),
    "rise alone, 600 of 2,000": rise(600).then(Constant(lr=1), at=600),
    "rise and fall, 100 of 2,000": OneCycle(total_steps=2000, pct_start=0.05),
    "rise and fall, 600 of 2,000": OneCycle(total_steps=2000, pct_start=0.3),
}
peaks = pd.Series({name: lab.largest_peak(schedule) for name, schedule in survives.items()})
pd.DataFrame(
    {"largest peak": peaks.round(2), "of constant's": (peaks / peaks["constant"]).round(1)}
)

# %% [markdown]
# **The fall alone changes nothing**: by the time it comes, the run has diverged. **The rise alone allows a peak
# 4.1 times as large, and with the fall 8.3 times.** *Its length matters*: **a rise of 100 updates in place of
# 600 allows 1.4 times only.** An earlier version of this lesson said "the rise multiplies the
# largest peak by 8", and left both the fall and the length out.
#
# How? While the rate is small, the weights arrive at the nearest bottom, a steep one. When the rising
# rate passes $2/h$, that bottom cannot hold them any more, and they swing out to a flatter one; and
# again, until $2/h$ is above the peak. A run that starts at the peak swings too far at once. So the
# rise pays *when the start is steep*.
#
# ## Rise, its length, and fall, told apart
#
# On the digits now, whose start is not steep. Neither, one, the other, or both; and the rise short or long. Each
# at its own best peak, with `cycle_momentum=False`, so that all use the same plain SGD:


# %% tags=["parts"]
def up(share):
    return OneCycle(total_steps=300, pct_start=share, cycle_momentum=False)


plain = lab.SGD(momentum=0.0)
parts = {
    "neither": Constant(),
    "rise alone, 10 %": rise(30).then(Constant(lr=1), at=30),
    "fall alone": CosineAnnealing(T_max=300),
    "rise of 10 %, and fall": up(0.1),
    "rise of 50 %, and fall": up(0.5),
}
apart = lab.race(parts, steps=300, optimizer=plain)
display(apart.plot_differences())
print(apart.verdict())

# %% [markdown]
# **The fall does the work: alone it brings 0.068.** **The rise alone brings nothing:
# it ends within 0.012 of a run with neither.** **A rise of 10 % before the fall costs at most 0.01, and one
# of a half of the run 0.012.** The longer the rise, the later the fall can begin.
#
# ## "Faster, better minima"
#
# Faster than what? With a short rise, against a constant rate and a straight line, at two budgets; then
# AdamW:


# %% tags=["faster"]
def contestants(steps):
    short = OneCycle(total_steps=steps, pct_start=0.1, cycle_momentum=False)
    return {"one-cycle": short, "constant": Constant(), "linear": Polynomial(total_iters=steps)}


races = lab.race(contestants, steps=(200, 400), optimizer=plain)
sooner = lab.paired(races[200].scores["one-cycle"], races[400].scores["constant"])
adamw = lab.race(contestants(200), steps=200, optimizer="adamw")
display(races[200].plot(), races[400].plot(), adamw.plot_differences())
print(races.verdict(), f"\nAdamW, 200 updates\n{adamw.verdict()}", sep="\n")
print("\none-cycle at 200 less constant at 400:", sooner.difference)

# %% [markdown]
# **One-cycle after 200 updates is within 0.03 of a constant rate after 400, and after 400 it is ahead by
# 0.06.** So "faster" is true, by about a factor of two. But **a straight line without any rise is ahead of it by 0.013 at 200
# updates.** "Better minima" than others that fall: not seen. **With AdamW one-cycle beats the constant rate by 0.043**;
# what the straight line does there, the verdict says.
#
# **What this does not show.** A steep start. Deep or badly initialised networks have one, and
# there the rise pays, as in the model with two weights.
#
# ## Find the bug
#
# From a public report: 10 epochs of 100 batches, `total_steps` computed with care, and a loss
# that hardly moves. What does the trace look like? Decide: the cell after the loop
# then shows it.

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
lrcourse.decide(
    "one_cycle.bug",
    f"largest rate used: {used.lr.max():.4f} of {plan.max_lr}",
    used.against(plan, steps_per_epoch=100),
    question="What does the trace look like, and why?",
)

# %% [markdown]
# ## Check yourself

# %%
lrcourse.quiz("one_cycle")

# %% [markdown]
# ## The five schedules, with the evidence
#
# What people say of each schedule, in five lines that you meet everywhere, and what came of it in these
# lessons. On the right two networks that take minutes to race, so that their races were run once and
# kept: a small **CNN** on the noisy digits, and a one-layer **transformer** that learns to write
# English, with AdamW. Each schedule at its own best peak, 16 seeds: how far it ended behind the best of
# six, and whether it was told from it (≈: not). `lab.recorded_again("text")` runs one anew.

# %% tags=["nets"]
pd.set_option("display.max_colwidth", None)  # show whole sentences
conv, text = lab.recorded("digits_conv"), lab.recorded("text")
for name, kept in {"CNN": conv, "transformer": text}.items():
    print(f"{name}: {kept.compare('cosine', 'constant')}")
lrcourse.summary({"CNN": conv, "transformer": text})

# %% [markdown]
# On these 16 seeds cosine ended ahead of the constant rate on both networks, and which of the five is the best they
# do not tell. It is one set of seeds: by the rule of this course a sight, and no claim yet. Run them on seeds of your
# own, `lab.recorded_again("digits_conv", range(100, 116))`. *Popular* is another matter: cosine and
# one-cycle are in the recipes and libraries named in lesson 3 and below.
#
# Each word of the sayings is true of *something*. What is left of them all: **get low, late, and in
# time.**
#
# ## In practice
#
# **Type**, and step it after every update:
#
# ```python
# updates = epochs * (len(loader) // accumulate)
# scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=updates, pct_start=0.1)
# # add cycle_momentum=False to keep your own momentum (SGD) or beta1 (AdamW)
# ```
#
# - **Accumulation and processes.** `total_steps` counts calls of `scheduler.step()`: after each
#   `optimizer.step()`, so `len(loader) // accumulate` an epoch, plus one if a last, smaller group makes
#   an update of its own. `len(loader)` of a sharded loader is already that of one process.
# - **Past the end.** One call of `scheduler.step()` more than `total_steps` raises an error, and the rate that
#   the last one but one sets belongs to no phase: with straight lines and three phases it is *negative*. A
#   resumed run or a dropped last batch changes the number; compute it from the loop that you run.
# - **Parameter groups.** `max_lr=[...]` has one peak for each group; a single number flattens your
#   layer-wise rates.
# - **Resume.** Load both `state_dict`s. With another length: `total_steps` comes with the old state;
#   lesson 6 has the way out.
# - **When.** Where training is unstable at its start. **When not:** compare it with a plain straight fall
#   before you believe it.
#
# ## Further reading
#
# - Smith & Topin (2017), *Super-Convergence*, arXiv 1708.07120. fastai's `fit_one_cycle` is this
#   schedule; its documentation is at docs.fast.ai.
# - Kalra & Barkeshli (2024), *Why Warmup the Learning Rate?*, arXiv 2406.09405.
# - Defazio et al. (2023), arXiv 2310.07831: why a linear fall is hard to beat.
# - `lrcourse/schedules.py`, `OneCycle`.
