# %% [markdown]
# # Cosine annealing: slow, fast, slow
#
# **You will do.** Predict what happens after the end, train with `CosineAnnealingLR`, measure
# what a wrong `T_max` costs, and write a schedule of your own. · **You will learn.** The shape, its
# one number that matters, how far down a rate should go, and how long the fall should be. · **You
# need.** Lessons 1 and 2. About 45 minutes.
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
import pandas as pd
from IPython.display import display

import lrcourse
from lrcourse import Constant, CosineAnnealing, Custom, LinearWarmup, Polynomial, digits, lab

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
# formula stretches that to the range between the two rates. The numbers, before any picture:

# %%
cosine = CosineAnnealing(lr=0.1, T_max=100)

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
# ## Train: planned against used
#
# The scale and the loop of lesson 1, with this lesson's scheduler.

# %%
plan = CosineAnnealing(lr=1.0, T_max=300)
runs = [digits.train(plan, seed) for seed in range(5)]
assert all(run.used.against(plan).equal for run in runs)

digits.draw(runs, plan)
print(plan.code(), runs[0].used.against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{run.risk:.2f}" for run in runs))

# %% [markdown]
# ## "Smooth cool-down": how much of it does the work?
#
# Let the same run follow the cosine up to a point, and *hold* the rate there to the end. Same peak for
# all, in pairs, 64 seeds:


# %% tags=["held"]
def held(at):
    return plan.then(Constant(lr=plan(at)), at=at)


plain = lab.SGD(momentum=0.0)
ends = {"whole cosine": plan} | {f"held from {at}": held(at) for at in (150, 225, 270)}
cool = lab.race(ends, steps=300, seeds=64, tune=False, optimizer=plain)
display(cool.plot())
for at in (150, 225, 270):
    print(f"at {plan(at):.3f},", cool.compare(f"held from {at}", "whole cosine"))

# %% [markdown]
# **Held from the half-way point, the run ends 0.046 worse**: the noise goes on throwing the weights
# about. From 225 on, at 15 % of the peak, there is little left to win. And of the last tenth, which the eye is
# drawn to, nothing is left at all: **held from 270 on, at 2.4 % of the peak, the two stay within
# 0.004 of each other.** At rates that small, little moves.
#
# ## How far down, and for how long?
#
# So must a cosine end at zero? Let it end at 0, 10 and 20 % of its peak, each at its own best
# peak: in a short run and in one six times as long.


# %% tags=["how-far"]
def how_far(steps):
    floors = {f"to {share} %": share / 100 * 0.1 for share in (0, 10, 20)}
    return {n: CosineAnnealing(lr=0.1, T_max=steps, eta_min=low) for n, low in floors.items()}


down = lab.race(how_far, steps=(100, 600), optimizer=plain)
display(*(race.plot_differences() for race in down.values()))
print(down.verdict())

# %% [markdown]
# It depends on how long the run is. **In 100 updates a cosine that ends at 20 % of its peak beats one
# that ends at zero by 0.012; in 600 updates it is behind it by 0.009.** A short run cannot afford to
# spend its last updates at rates that move nothing; a long run has time to settle. In between, some
# 10 % is a safe end: **after 600 updates it is within 0.006 of zero.**
#
# An earlier version of this lesson said "what counts is that it ends at zero". It had compared zero
# with nothing between it and a constant rate. What counts is to get *low*, below some 15 % of the
# peak, and not to dwell near nothing.
#
# ## Is it the *cosine* that does it?
#
# A straight line falls, too. Families, each at its best end; and then AdamW with fixed shapes:

# %% tags=["shape"]
families = lab.families(300)
falls = {name: families[name] for name in ("cosine", "linear", "constant")}
race = lab.race(falls, steps=300, optimizer=plain)

shapes = {"cosine": CosineAnnealing(T_max=200), "linear": Polynomial(total_iters=200)}
adamw = lab.race(shapes | {"constant": Constant()}, steps=200, optimizer="adamw")
display(race.plot_differences(), adamw.plot_differences())
print(race.verdict(), f"AdamW: {adamw.verdict()}", sep="\n")

# %% [markdown]
# **The fall counts: cosine beats the constant rate by 0.070. Its shape hardly does: cosine and a
# straight line are within 0.01 of each other**, and if one is ahead it is the line. **With AdamW cosine beats
# the constant rate by 0.031.** What is special about cosine is not its shape but that everybody uses
# it: it is the schedule of the recipes of many vision and language models (DINO, GPT-3, Llama 2, under
# *Further reading*), so what is written about other numbers was tried with it.
#
# **What this does not show.** A ranking for your problem.
#
# ## A trap: `T_max` is not the length of the run
#
# Only one number must be right. Touch `T_max`, and watch what the risk does, in a run of 300 updates:
#
# 1. Set it to 150. What happens to the risk in the second half?
# 2. Set it to 100. Why is the end better than at 150?
# 3. Is there a `T_max` above 300 that is better than 300?

# %%
lrcourse.explore(CosineAnnealing(lr=0.1, T_max=300), task="digits", steps=300)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. It bounces: down to the middle, then up with the rate.
# 2. The rate came down, went up, and came down again: it is low at the end once more.
# 3. Some, up to about 375: the rate then ends a little above zero.
# </details>
#
# By the procedure of the lab: half of the run, the run, a tenth more, and double, each at its own best peak, so that a
# wrong `T_max` cannot be blamed on the rate.

# %% tags=["T_max"]
lengths = {f"T_max={T_max}": CosineAnnealing(T_max=T_max) for T_max in (300, 150, 330, 600)}
length = lab.race(lengths, steps=300, optimizer=plain)
display(length.plot())
print(length.verdict())

# %% [markdown]
# **With half, the run ends 0.152 behind**: the rate comes down, goes back up, and what the small rates had settled is
# shaken up again. **With double it ends 0.028 behind**: it stops at half of the rate. **A tenth too long does
# no harm at all.** If you must err, err on that side.
#
# ## Write it yourself: a schedule of your own
#
# Any function of $t$ that returns a *factor* is a schedule: `LambdaLR` takes it, and so does
# `Custom`, which draws it, races it and compares it with what was used. Write the straight line from 1 to
# 0.1 in 300 updates:


# %%
def mine(t):
    return 1.0  # yours: 1 at t = 0, and a tenth at t = 300


own = Custom(lr=0.5, factor=mine)
runs = [digits.train(own, seed) for seed in range(3)]
digits.draw(runs, own)
print(own.code(), runs[0].used.against(own), sep="\n")
lrcourse.match(own, Polynomial(lr=0.5, total_iters=300, eta_min=0.05), steps=300)

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# `return 1 - 0.9 * t / 300`. In PyTorch: `LambdaLR(optimizer, mine)`.
# </details>
#
# ## Find the bug
#
# A widely read book warms up for 5 epochs and then follows a cosine. Its loop sets the rate by
# hand, after each epoch. The text praises the first 5 epochs. What did they really use?
# Decide: the cell after the loop then shows it.

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
lrcourse.decide(
    "cosine_annealing.bug",
    f"planned: {plan(range(6)).round(3)}",
    f"used:    {used.lr[:6].round(3)}",
    used.against(plan),
    question="What did the first 5 epochs really use?",
)

# %% [markdown]
# <details><summary>What to remember</summary>
#
# `.then` joins two schedules: here a *warm-up*, a climb from nearly nothing (lesson 6 is about it), and the cosine.
# The first epoch ran at the peak, the second at nearly zero, and all later ones were late by
# one. The warm-up that the text praises was never used.
# </details>
#
# ## Check yourself

# %%
lrcourse.quiz("cosine_annealing")

# %% [markdown]
# ## In practice
#
# **Type**, and step it after every update:
#
# ```python
# updates = epochs * len(loader)  # and // accumulate, if you gather gradients over several batches
# scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=updates, eta_min=0.1 * peak)
# ```
#
# The same line for SGD and AdamW; the peak is what differs (0.1 to 1 against 0.001 to 0.03 here).
#
# - **Set `T_max` from the loop**, in code, so that they cannot drift apart. It counts calls of
#   `scheduler.step()`.
# - **How far down?** To a tenth. To zero if the run is long.
# - **Parameter groups.** `eta_min` is absolute: with groups at 0.1 and 1.0 it is the end of both, and
#   their ratio is lost. For layer-wise rates take `LambdaLR` with a factor.
# - **Resume with another length.** Past `T_max` the rate climbs back. A loaded `state_dict` brings the
#   old `T_max`: set `scheduler.T_max` after loading and see what `trace` says, or start a new, short
#   decay from where you are (lesson 6).
# - **When not.** If you may stop early or train on: it is at its best only at its end.
#
# ## Further reading
#
# - Loshchilov & Hutter (2016), *SGDR*, arXiv 1608.03983, equation 5: the formula, with restarts.
# - In recipes: Brown et al. (2020), *GPT-3*, arXiv 2005.14165, appendix B: cosine down to 10 %; Touvron et al.
#   (2023), *Llama 2*, arXiv 2307.09288, section 2.2: the same; Caron et al. (2021), *DINO*, arXiv 2104.14294.
# - Li et al. (2020), *Budgeted Training*, arXiv 1905.04753, and Defazio et al. (2023), arXiv
#   2310.07831: the straight line to zero. Bergsma et al. (2025), arXiv 2502.15938: why zero, in long runs.
# - `lrcourse/schedules.py`, `CosineAnnealing` and `Polynomial`.
