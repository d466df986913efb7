# %% [markdown]
# # Exponential decay: a little less at every step
#
# **You will do.** Turn `k` into `gamma` and back, train with `ExponentialLR`, and test the advice
# "for long runs". · **You will learn.** Why one formula has two faces, why the share that is left at
# the end is its one real choice, and what a factor is. · **You need.** Lesson 1. About 40 minutes.
#
# ## The question
#
# A book writes $\eta_0 e^{-kt}$. PyTorch writes `ExponentialLR(optimizer, gamma=0.95)`. Are these
# the same schedule? And what is the right `gamma` for a run of 300 updates?

# %%
import numpy as np
import pandas as pd
from IPython.display import display

import lrcourse
from lrcourse import Constant, Custom, ExponentialDecay, Polynomial, digits, lab, plots

import torch
from torch import nn
from torch.optim import lr_scheduler

# %% [markdown]
# ## Predict first
#
# Choose. Then draw one yourself: `gamma=0.9`, from 0.1, for 50 steps. (How far down is it at 22?)

# %%
lrcourse.choose("exponential_decay")

# %%
lrcourse.draw("exponential_decay.ninety", ExponentialDecay(lr=0.1, gamma=0.9), steps=50)

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_0\,e^{-kt} = \eta_0\,\gamma^t, \qquad \gamma = e^{-k}$$
#
# In PyTorch's names: $\eta_0$ is `lr`, and $\gamma$ is `gamma`. PyTorch has no `k`; you convert.
# Both say the same: every step keeps the share `gamma` of the rate, and loses about `k` of it. The
# numbers, before any picture: how many steps does each take down to a half, and to 1 %?

# %%
schedule = ExponentialDecay(lr=0.1, k=0.0513)
assert schedule == ExponentialDecay(lr=0.1, gamma=np.exp(-0.0513))

gamma = np.array([0.5, 0.9, 0.95, 0.99, 0.999])
k = -np.log(gamma)
steps = {"steps to a half": np.log(2) / k, "steps to 1 %": np.log(100) / k}
pd.DataFrame({"gamma": gamma, "k": k.round(5), **steps}).round({name: 1 for name in steps})

# %% [markdown]
# Near 1, `k` is almost `1 - gamma`. That makes them easy to confuse, and the price is high: give
# 0.05 as `gamma` and a twentieth of the rate is left after one step.
#
# ## Write it yourself
#
# As the scheduler lives it: each rate from the one before. One line is missing.


# %%
def shrinking(updates=300, rate=0.1, gamma=0.985):
    rates = []
    for t in range(updates):
        rates.append(rate)
        ...  # yours: the rate of the next update
    return rates


lrcourse.match(shrinking(), ExponentialDecay(lr=0.1, gamma=0.985))

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# `rate = rate * gamma`, or `rate *= gamma`. There is no `t` in it: exponential decay is the only one
# whose next rate depends on the present one alone.
# </details>
#
# ## Move it
#
# This explorer trains what it shows, at every position of the control that you touch.
#
# 1. Which `gamma` brings the rate to 1 % of its start at step 300? (The readout names the first
#    step below 1 % of the peak.)
# 2. With that `gamma`, what is left after 30 steps? So where does most of the fall happen?
# 3. Set `gamma` to 1. What is this schedule called?
# 4. What does training say? At which `gamma` is the risk at the end lowest, and which share of the rate is left
#    there?

# %%
lrcourse.explore(ExponentialDecay(lr=0.1, gamma=0.98), task="digits", steps=320)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. $\gamma = 0.01^{1/300} \approx 0.985$. For any length: `0.01 ** (1 / steps)`.
# 2. About 63 %. The fall is steep all along if you look at the share, and early if you look at
#    the amount: half of the rate is gone after 45 of 300 steps.
# 3. Constant.
# 4. Far above 0.985: near 0.995, which leaves some 20 % at the end. With every position at its own best
#    peak a steeper fall does as well, from a higher peak.
# </details>
#
# ## Train: planned against used
#
# The network, the data, the scale and the loop of lesson 1, word for word: `train` in
# `lrcourse/digits.py`. The plan keeps 10 % of its start at the end.

# %%
plan = ExponentialDecay(lr=1.0, gamma=0.1 ** (1 / 300))
runs = [digits.train(plan, seed) for seed in range(5)]
assert all(run.used.against(plan).equal for run in runs)

digits.draw(runs, plan)
print(plan.code(), runs[0].used.against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{run.risk:.2f}" for run in runs))

# %% [markdown]
# ## "Gradual slowdown": does the slow end do anything?
#
# Let the same run follow the plan for a while, and then *hold* the rate to the end. If slowing down
# gradually is what helps, holding must cost something: the more, the earlier. In pairs, 32 seeds:

# %% tags=["slowdown"]
plain = lab.SGD(momentum=0.0)
ends = {f"held from {at}": plan.then(Constant(lr=plan(at)), at=at) for at in (100, 200)}
slow = lab.race({"slowing down": plan} | ends, steps=300, tune=False, optimizer=plain)
display(slow.plot())
for name in ends:
    print(slow.compare(name, "slowing down"))

# %% [markdown]
# It does: **held from 100 on, the run ends 0.040 worse; held from 200 on, still 0.012.** The saying
# stands.
#
# ## "For long runs": is it so?
#
# You meet this advice often. It predicts a *crossing*: worse than others in short runs, better in long
# ones. First on a problem that can be computed exactly, without seeds: a **bowl** with 100
# directions, the steepest curved 100 times as much as the shallowest, with noise in every gradient.
# (*Curvature* is how fast the slope changes: lesson 0 draws it.) The picture shows the loss of a
# straight line to zero, relative to exponential decay: above 1, exponential is ahead.


# %% tags=["bowl"]
def contestants(steps):
    ends = {s: ExponentialDecay(gamma=s ** (1 / steps)) for s in (0.3, 0.1, 0.03, 0.01, 0.003)}
    return {"linear": Polynomial(total_iters=steps), "to 1 %": ends[0.01], "its best end": ends}


bowl = lab.race(contestants, task="quadratic", steps=(25, 100, 400, 1600))
loss = bowl.table("mean").xs("mean", axis=1, level=1)
ratio = pd.DataFrame({n: loss.loc["linear"] / loss.loc[n] for n in ("to 1 %", "its best end")})
fig, ax = plots.panels()
ax.plot(ratio, marker="o", label=list(ratio))
ax.axhline(1, color="0.5", lw=1)
ax.set(xscale="log", xlabel="length of the run, updates", ylabel="loss, linear / exponential")
ax.legend()
fig.say("Over exponential to 1 %, linear goes from below 1 to above. Over its best end: above 1.")
ratio.round(3)

# %% [markdown]
# With its end fixed at 1 % there is the crossing: **linear wins the short run, and exponential the
# long one.** That is what an earlier version of this lesson showed, under the words "on this bowl the
# advice holds". But it had tuned the peak of both and the end of neither. **With its end chosen as
# carefully as its peak, exponential is ahead at every length**: the longer the run, the lower
# the end. There was no crossing, only a shape that nobody had tuned.
#
# And the network? Families again: exponential decay at the best of four ends, a straight line at the
# best of five. A short run and one six times as long; then AdamW.


# %% tags=["network"]
def both(steps):
    return {name: lab.families(steps)[name] for name in ("exponential", "linear")}


races = lab.race(both, steps=(100, 600), optimizer=plain)
adamw = lab.race(both(200), steps=200, optimizer="adamw", seeds=32)
display(*(race.plot_differences() for race in (*races.values(), adamw)))

# %% [markdown]
# **After 100 updates the best exponential decay is behind the best straight line by 0.018, after 600
# by 0.008.** So "for long runs" is not what this network says. **With AdamW it is behind, too, by
# 0.007.** Both families want to end *above* zero.
#
# **What this shows.** A gradual slowdown pays, and its end share decides: tune it. On a bowl it is the
# best of these at any length; on this network the straight line is. **What it does not show.** That
# runs a thousand times as long behave like these.
#
# ## A factor, not a rate: `LambdaLR` and `MultiplicativeLR`
#
# Many tutorials begin with these two. Both multiply. `LambdaLR` takes a function of $t$, and uses
# `lr * function(t)`. `MultiplicativeLR` takes a function, too, and multiplies *the present rate* by it. Here
# is one schedule in three ways, and two mistakes that everybody makes once: giving a *rate* where a factor
# is due, and a log line behind `scheduler.step()`. It prints the rate of the *next* update.


# %%
def five_updates(make):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, logged = make(optimizer), []
    with lrcourse.trace(optimizer) as used:
        for _ in range(5):
            optimizer.step()
            scheduler.step()
            logged.append(round(scheduler.get_last_lr()[0], 5))  # after step(): one ahead
    return used, np.array(logged)


# %%
plan = Custom(lr=0.1, factor=lambda t: 0.5**t)
makers = {
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.5),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.5**t),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.5),
    "LambdaLR given rates": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.1 * 0.5**t),
}
traces = {name: five_updates(make) for name, make in makers.items()}
for name, (used, _) in traces.items():
    print(f"{name:21}used {used.lr.round(5)}")
print(f"{'the log of the first':21}said {traces['ExponentialLR'][1]}")
print(traces["LambdaLR given rates"][0].against(plan))

# %% [markdown]
# ## Find the bug
#
# A well-known book draws its exponential schedule over 100,000 steps, and the curve comes down to
# a hundred-thousandth of its start. Then it trains, with the right loop. Its run is 10 epochs of 1,719
# batches. Something in the picture is not true of the training. What? Decide: the next cell
# then shows it.

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
lrcourse.decide(
    "exponential_decay.bug",
    f"drawn at the end: {drawn[-1]:.0e}; last used: {used.lr[-1]:.1e}",
    used.against(drawn),
    question="What in the picture is not true of the training?",
)

# %% [markdown]
# <details><summary>What to remember</summary>
#
# No line of that code is wrong, and every rate is as planned. But the run ends where the picture
# has hardly begun. Draw the steps that you train, no more and no fewer.
# </details>
#
# ## Check yourself

# %%
lrcourse.quiz("exponential_decay")

# %% [markdown]
# ## In practice
#
# **Type**, and step it after every update:
#
# ```python
# # SGD and AdamW alike: down to a tenth over the run, whatever its length
# scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.1 ** (1 / updates))
# ```
#
# - **`gamma` has no meaning without a length.** Choose the share that is left at the end, and compute
#   `gamma = share ** (1 / updates)`. If you change the length, compute it again.
# - **Per epoch?** Then `updates` is the number of epochs. From a recipe per epoch to one per batch:
#   `gamma ** (1 / len(loader))`.
# - **Anything that is a factor of $t$**: `LambdaLR(optimizer, lambda t: ...)`. Its `state_dict` does not
#   hold the lambda: write the same one when you resume.
# - **Layer-wise rates.** `LambdaLR(optimizer, [f, g])` has one factor for each parameter group; a single
#   function, and every other scheduler of this lesson, keeps the ratio of the groups.
# - **Weight decay with the rate.** AdamW multiplies the weights by `1 - lr * weight_decay`: as the rate
#   falls, so does the decay. To keep it steady, `weight_decay` has to rise as `1 / lr`.
# - **When not.** For a run of known length the straight line was better on everything that we
#   trained (lesson 3). For an unknown length: lessons 4 and 6.
#
# ## Further reading
#
# - Ge et al. (2019), *The Step Decay Schedule*, arXiv 1904.12838: geometric stairs are near the best
#   possible for the last iterate of noisy least squares.
# - Zhang et al. (2019), arXiv 1907.04164: the noisy bowl as a model of training.
# - `lrcourse/schedules.py`, `ExponentialDecay` and `Custom`.
