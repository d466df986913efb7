# %% [markdown]
# # Step decay: drop suddenly, then stay
#
# **You will do.** Predict a schedule, write it, move it, train with it, and find the bug in a
# run that went wrong. · **You will learn.** What `StepLR` does, what a drop does to the loss, and
# *when* it should come. · **You need.** To have trained a network once. About 40 minutes.
#
# ## The question
#
# You have seen this line, perhaps copied it:
#
# ```python
# scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
# ```
#
# What rate does the optimizer use in each of 90 epochs? And when is the right moment to drop?

# %%
import numpy as np
import pandas as pd
from IPython.display import display

import lrcourse
from lrcourse import Constant, CosineAnnealing, MultiStepDecay, StepDecay, digits, lab

import torch

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
# the updates (or epochs) *already made*, so the first one uses $t = 0$. The brackets
# $\lfloor\ \rfloor$ round down. They make the stairs: for 30 steps the exponent is 0, then for 30
# steps it is 1.

# %%
schedule = StepDecay(lr=0.1, step_size=30, gamma=0.1)

t = [0, 29, 30, 59, 60, 89]
pd.DataFrame({"rate": schedule(t).round(6)}, index=pd.Index(t, name="t"))

# %% [markdown]
# The drop applies *at* `t = 30`: epochs 0 to 29 are the first 30 epochs, and epoch 30 is the 31st.
#
# ## Write it yourself
#
# A scheduler does not evaluate a formula. It stands beside the loop, and now and then multiplies the
# rate. Write that: one line or two are missing. The answer comes at once; run the cell until it says
# *Right*.


# %%
def stairs(updates=90, rate=0.1):
    rates = []
    for t in range(updates):
        ...  # yours: when does the rate drop, and to what?
        rates.append(rate)
    return rates


lrcourse.match(stairs(), schedule)

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# ```python
# if t > 0 and t % 30 == 0:
#     rate = rate * 0.1
# ```
# Without `t > 0` the first drop comes at once.
# </details>
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
# ## The scale: how good is good?
#
# You are about to train a small network on handwritten digits, 8 x 8 pixels, made noisy on purpose:
# every image gets fresh pixel noise each time it is used, and **one label in five is replaced by a
# random one**. So no network can predict every label, and the loss of a batch hovers above 0.87
# even for one that knows all there is to know.
#
# What the course reports is the *excess risk*: how much more the predictions cost, on 500 images kept
# apart, than those of somebody who knows the true chances. The unit is the nat, that of
# cross-entropy with the natural logarithm.
#
# | who answers | excess risk | clean images named right |
# |---|---|---|
# | a guess | 1.44 | 10 % |
# | after 200 updates | 0.22 | 94 % |
# | after 1,000 updates | 0.14 | 97 % |
# | after a million examples | 0.084 | 99 % |
#
# Lower is better. Some 0.09 this network keeps whatever the schedule. So 0.01 is a seventh of what there
# is to win between the second row and the third.
#
# ## Train: the rate you see is the rate that trained
#
# Here is the loop of the whole course, with the scheduler that PyTorch ships. `lrcourse.trace` writes
# down the rate that *each update really used*.


# %%
def train(schedule, seed, updates=300):
    model, losses = digits.network(seed), []  # weights and batches come from the seed
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = schedule.scheduler(optimizer)  # PyTorch's own
    with lrcourse.trace(optimizer) as used:
        for _ in range(updates):
            images, labels = digits.noisy_batch()
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return digits.Run(used, np.array(losses), digits.excess_risk(model))


# %%
plan = StepDecay(lr=0.7, step_size=100, gamma=0.1)
runs = [train(plan, seed) for seed in range(5)]
assert all(run.used.against(plan).equal for run in runs)

digits.draw(runs, plan)
print(plan.code(), runs[0].used.against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{run.risk:.2f}" for run in runs))

# %% [markdown]
# ## "Sudden drops": does the loss drop, too?
#
# If the saying is more than a picture, the risk must fall sharply after a drop, and must not fall like
# that without one. So every run is made twice, with the drop and without, *from the same initial
# weights over the same batches*. That is a **pair**: luck hits both alike, and cancels in the
# difference. The course compares in pairs throughout. Two of them, seen:

# %%
plain = lab.SGD(momentum=0.0)
plans = {"stairs": plan, "no drop": Constant(lr=0.7)}
plans["one drop"] = MultiStepDecay(lr=0.7, milestones=[100])
runs = lab.race(plans, steps=300, seeds=64, tune=False, points=30, optimizer=plain)
digits.draw_pairs(runs, "one drop", "no drop")


# %% tags=["after-the-drop"]
def change(name, t, updates):
    before, after = np.searchsorted(runs.marks, [t, t + updates])
    return runs.curves[name][:, after] - runs.curves[name][:, before]


for drop, without, t in (("first", "no drop", 100), ("second", "one drop", 200)):
    for n in (20, 100):
        more = lab.interval(change("stairs", t, n) - change(without, t, n))
        print(f"{drop} drop, {n} updates later: {more}")

# %% [markdown]
# The first drop does what it says: **the risk falls by 0.092 more within 20 updates than without
# it.** At a high rate the noise shakes the weights about, and the small rate lets them settle. Some of
# that is only *earlier*: after 100 updates less of the advantage is left. The second drop does the
# opposite: **over 100 updates the risk falls by 0.009 less than without it.** There is little noise
# left to settle, and more progress to make.
#
# ## When to drop
#
# So a drop settles the noise, and ends the progress. When should it come? Move it yourself: touch
# `step_size`, and the network trains at every position of it at once. Under the rate you see what became of the
# risk; on the right the risk at the end, against the position.
#
# 1. Drag `step_size` from 30 to 300. Where is the risk at the end lowest?
# 2. Below 150 there is a second drop. What does it do?
# 3. Switch to every position at its own best peak. Does the answer change?

# %%
lrcourse.explore(StepDecay(lr=0.1, step_size=150), task="digits", steps=300)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. Somewhere from 210 to 240: the explorer shades what it cannot tell from the best. With no drop at
#    all (300) the run ends far above.
# 2. It comes when there is little left to settle: the earlier both come, the higher the end.
# 3. Hardly: early drops want a higher peak, and end no lower for it.
# </details>
#
# And by the procedure of the lab: each schedule at its own best peak, found by `lab.race`, over 64
# seeds, with the plain SGD of the loop above:

# %% tags=["when-to-drop"]
race = lab.race(
    {
        "constant": Constant(),
        "stairs, 100 and 200": StepDecay(step_size=100),
        "drop at 150": MultiStepDecay(milestones=[150]),
        "drop at 240": MultiStepDecay(milestones=[240]),
        "cosine": CosineAnnealing(T_max=300),
    },
    steps=300,
    seeds=64,
    optimizer=plain,
)
display(race.plot_differences())
for drops in ("drop at 240", "stairs, 100 and 200"):
    print(race.compare(drops, "constant", planned=True))

# %% [markdown]
# *When* the drop comes decides. **One late drop beats the constant rate by 0.063**, about a fifth of
# its risk. **Stairs in equal thirds beat it by 0.027 only**: they spend two thirds of the run at
# rates too small to move. **Cosine, which falls smoothly, is ahead of the late drop by 0.008.**
#
# An earlier version of this lesson said that stairs are *no better* than a constant rate. It had 16
# seeds, and an interval with zero in it; that was told as equality. Somebody ran it again, at the same
# peaks, on 256 other seeds: the stairs were ahead, by 0.015 ± 0.004, and 16 seeds see a difference of that
# size only half the time. Worse, the lesson had tuned the rate and never asked *when to drop*, which
# matters more. Remember both: "not shown" is not "equal", and a rival whose shape nobody tuned is no
# rival.
#
# So let the stairs choose, too. `lab.families` has six staircases and five straight lines; each
# family runs at its best shape, chosen on seeds that are not judged. And AdamW beside SGD:

# %% tags=["families"]
families = lab.families(300, cycle_momentum=False)
entries = {name: families[name] for name in ("step", "linear")}
best_stairs = lab.race(entries, steps=300, optimizer=plain)
two = {"constant": Constant(), "drop at 160": MultiStepDecay(milestones=[160])}
adamw = lab.race(two, steps=200, optimizer="adamw")
display(best_stairs.plot_differences(), adamw.plot_differences())
print(best_stairs.verdict(), f"AdamW: {adamw.verdict()}", sep="\n")

# %% [markdown]
# **At their best stairs are behind a straight line to nearly zero by 0.008**: a tenth of what a badly
# timed drop costs. And the story is the same for AdamW: **the late drop beats the constant rate by
# 0.038.**
#
# **What this shows.** Drop late: after three quarters or four fifths of the run, by 5 or 10.
# **What it does not show.** That this holds for your network. With clean data differences can vanish
# (lesson 7).
#
# ## Find the bug
#
# A widely read book plots this schedule, then trains with it for 30 epochs. Its text says that
# the drop "can produce ever slightly better solutions". This is what its cells do. What does the
# training really use, and why? Decide: the next cell then shows it.

# %%
plan = MultiStepDecay(lr=0.5, milestones=[15, 30], gamma=0.5)
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
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
lrcourse.decide(
    "step_decay.bug",
    f"plotted: {curve[0]} ... {curve[-1]}",
    used.against(plan),
    question="What does the training really use, and why?",
)

# %% [markdown]
# <details><summary>What to remember</summary>
#
# A scheduler is a thing with a memory: looking at its curve uses it up. A schedule of this course
# is a formula: looking costs nothing.
# </details>
#
# ## Check yourself

# %%
lrcourse.quiz("step_decay")

# %% [markdown]
# ## In practice
#
# **Type**, once per epoch, after the epoch's last `optimizer.step()`:
#
# ```python
# # SGD: one drop by 10 after four fifths; with AdamW the same line, from its own, smaller peak
# scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[int(0.8 * epochs)], gamma=0.1)
# ```
#
# - **Per batch or per epoch?** `milestones` and `step_size` count calls of `scheduler.step()`. Called
#   after every batch, milestones are in batches: epoch 30 is `30 * len(loader)`. (Check with
#   `MultiStepDecay(...)(t)`.)
# - **Resume with the same length.** Save and load both: `optimizer.state_dict()` *and*
#   `scheduler.state_dict()`. With only one of them the rates part, silently.
# - **Resume with another length.** A loaded `state_dict` brings the *old* milestones with it. Build the
#   new scheduler, load, then set `scheduler.milestones` anew (it is a `collections.Counter`).
# - **Parameter groups.** A drop multiplies each group's own rate, so their ratios stay.
# - **When not.** If you do not know when progress ends: a schedule that falls smoothly needs no milestones
#   (lesson 3). If you do not know the length: lessons 4 and 6.
#
# ## Further reading
#
# - He et al. (2015), *Deep Residual Learning for Image Recognition*, arXiv 1512.03385: divide by
#   10, twice.
# - Ge et al. (2019), *The Step Decay Schedule*, arXiv 1904.12838: when stairs are near the best
#   that can be done.
# - `lrcourse/schedules.py`, `StepDecay` and `MultiStepDecay`: the formulas of this lesson.
