# %% [markdown]
# # Warm-up, stable, decay: when you do not know how long
#
# **You will do.** Branch off one run at three budgets, count updates as a loop makes them, find how long a
# warm-up must be, and predict races before they are run. · **You will learn.** Why a cosine must know its
# length, what to train with when you do not, and how to resume. · **You need.** Lessons 1 to 5. About 60
# minutes.
#
# ## The question
#
# Every schedule that did well so far ends at a small rate, and has to be told when. Often you do not know:
# more data may come, or more time, or less. Most large language models are trained today with one of two
# answers: a cosine whose length was fixed beforehand, or this:
#
# ```python
# schedule = lrcourse.warmup_stable_decay(lr=0.1, total_steps=400, shape="1-sqrt")
# ```
#
# ## Predict first
#
# The middle of it is a constant rate, which was behind in every race so far. What can a few updates at its end
# still do?

# %%
import numpy as np
import pandas as pd

import lrcourse
from lrcourse import Constant, CosineAnnealing, LinearWarmup, Polynomial, lab, plots
from lrcourse.digits import train, train_by_loss

import torch

# %%
lrcourse.choose("warmup_stable_decay")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_{\max} \cdot \begin{cases}
# \text{from } 1/W \text{ up to } 1, \text{ in a line} & \text{for } t < W\\
# 1 & \text{up to } T - D\\
# 1 - \sqrt{x}, \quad x = (t - (T - D)) / D & \text{for the last } D \text{ updates}
# \end{cases}$$
#
# $\eta_{\max}$ is `lr`, $W$ is `warmup_steps`, $T$ is `total_steps`, and $D$ is `decay_share` times $T$. With
# `shape="linear"` the last part is $1 - x$, with `"cosine"` half a wave.
#
# ## Write it yourself
#
# Three parts in a row, and the numbers before any picture.
#
# ## Move it
#
# 1. At which update does the fall begin? Let it begin at 200, and make it as long as what is left.
# 2. Make the fall as short as it gets. Which schedule is it now?
# 3. Which of the controls would you have to know when the run begins?


# %%
def cool_down(t, lr=0.1, total=400, down=80):
    done = max(0, t - (total - down)) / down
    return lr * (1 - done**0.5)


wsd = lrcourse.warmup_stable_decay(lr=0.1, total_steps=400, warmup_steps=20, shape="1-sqrt")
assert all(np.isclose(cool_down(t), wsd(t)) for t in range(20, 400))
pd.Series({t: wsd(t) for t in (0, 10, 20, 319, 320, 325, 340, 380, 399)}, name="rate").round(4)

# %%
lrcourse.explore(wsd)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. At 320. With `at` of the third part at 200, its `total_iters` must be 200.
# 2. A warm-up and then a constant rate.
# 3. The rate and the warm-up. Where the third part begins, and how long it is, can wait until it does.
# </details>
#
# A quarter of the cool-down, 20 of its 80 updates, takes half of the rate away.
#
# ## Train: planned against used
#
# The loop of lesson 1 again. PyTorch has no scheduler of this name; it has the three parts, and
# `SequentialLR`.

# %% alt="Planned and used rates over 300 updates lie on one curve: up within 15 updates, flat to update 240, then down, steep first."
plan = lrcourse.warmup_stable_decay(lr=0.5, total_steps=300, shape="1-sqrt")
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

runs[0][0].plot(plan)
print(plan.code(), runs[0][0].against(plan), sep="\n")
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## One trunk, and branches at any length
#
# You plan for a long run, and may have to stop any time. The **trunk** holds its rate after a warm-up; a **branch**
# leaves it and comes down to zero. Stop the run where you like:
#
# 1. Keep the branches at 200, 400 and 800. How many updates did they cost in all? And three runs of their own?
# 2. Where is a branch furthest behind a run that was made for its length? Where is it nearest?
#
# Then the same as a race, with a cosine of 800 that has to be stopped at 200 or at 400, as nobody told it. Each at a
# peak that was best for it, found beforehand. The column `averaged` is a moving average of the weights, kept beside
# them and scored in their place.

# %%
lrcourse.trunk_and_branches()


# %% tags=["branches"]
def ways(T):
    wsd = lrcourse.warmup_stable_decay(lr=0.07, total_steps=T, warmup_steps=20, shape="1-sqrt")
    return {
        "own linear": Polynomial(lr=0.16, total_iters=T),
        "own cosine": CosineAnnealing(lr=0.14, T_max=T),
        "branch": wsd,
        "trunk": LinearWarmup(lr=0.07, start_factor=0.05, total_iters=20),
        "cosine of 800": CosineAnnealing(lr=0.14, T_max=800),
    }


lengths = lab.race(ways, steps=(200, 400, 800), tune=False, optimizer=lab.SGD(ema=0.97))
lengths[400].plot()
print(lengths[400].verdict())
columns = {c: lengths.table(c).xs(c, axis=1, level=1) for c in ("mean", "averaged")}
pd.concat(columns, axis=1).round(3)

# %% [markdown]
# (The answers: 920 and 1,400; furthest behind at the shortest length, nearest at the longest.)
#
# **What this shows.** A cosine that is stopped early is still at a large rate, with all its noise. At 200 updates
# it is behind the branch by 0.085, at 400 by 0.042. The trunk alone is no good anywhere. But its *branches*
# are close behind runs that knew their length: linear is ahead by 0.018 at 200 and by 0.009 at 400. They cost 640
# updates for the trunk and 40 + 80 + 160 for the cool-downs: 920, where three runs of their own cost
# 1,400. And a next branch, at 1,600, goes on from the trunk.
#
# **Averaging does it, too.** What a cool-down takes away is noise, and one can average over it instead. The
# average of the trunk's weights is about where the branch is, at every length (at 400 and 800 within 0.02),
# for no update more. It saves the stopped cosine as well. It adds little to a run that comes down by itself, less than 0.005. (In PyTorch: `torch.optim.swa_utils.AveragedModel`. Schedule-free
# optimizers, arXiv 2405.15682, build such an average into the update; they are beyond this lesson.)
#
# **What it does not show.** That a branch is as good as a run whose length was known.
#
# ## A trap: how many updates is that?
#
# A length counts calls of `scheduler.step()`. With gradients accumulated over 4 batches, the
# [example of a widely used library](https://github.com/huggingface/diffusers/issues/4387) multiplied the
# updates by 4, as if the scheduler got a call for every batch. It got one for every update:

# %% alt="Planned: half a cosine from 0.1 down to 0 over 100 updates. Used: it falls to 0.085 only."
updates, accumulation = 100, 4
plan = CosineAnnealing(lr=0.1, T_max=updates)
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
scheduler = CosineAnnealing(lr=0.1, T_max=updates * accumulation).scheduler(optimizer)
with lrcourse.trace(optimizer) as used:
    for batch in range(updates * accumulation):
        if (batch + 1) % accumulation == 0:
            optimizer.step()
            scheduler.step()

used.plot(plan)
print(used.against(plan))

# %% [markdown]
# The run ends at 85 % of its peak: a cosine that is stopped early, without anybody wanting it. Count what the
# loop does, epoch by epoch:
#
# $$\text{updates} = \text{epochs} \cdot \left\lceil \frac{1}{\text{accumulation}} \left\lceil
# \frac{\text{examples}}{\text{batch} \cdot \text{processes}} \right\rceil \right\rceil$$
#
# And ask what wraps your scheduler: some libraries call `step()` once for every process, some skip it between
# two updates. Ten updates under `lrcourse.trace` tell.
#
# ## The warm-up: what for, and how long?
#
# Lesson 5 had one reason: a start so steep that no rate above $2/h$ holds. Adam has another. It divides each
# gradient by its usual size, and in the first update "usual" is this one gradient. So every weight moves by
# the whole rate, however small its gradient is, as the first line below shows. Then three lengths of
# warm-up for AdamW, each before a straight line to zero, each at its own best peak:

# %% tags=["warm-up"]
weights = torch.nn.Parameter(torch.zeros(3))
adam = torch.optim.AdamW([weights], lr=0.1)
weights.grad = torch.tensor([1e-5, 1.0, 1000.0])
adam.step()
print("gradients 0.00001, 1 and 1000 moved their weights by", *(f"{w:.3f}" for w in weights))

climbs = {"0 updates up": Polynomial(total_iters=200)}
for W in (10, 60):
    rise, fall = LinearWarmup(start_factor=1 / W, total_iters=W), Polynomial(total_iters=200 - W)
    climbs[f"{W} updates up"] = rise.then(fall, at=W)
warm = lab.race(climbs, steps=200, seeds=64, optimizer=lab.AdamW())
warm.plot_differences()
print(warm.verdict())

# %% [markdown]
# **Ten updates of warm-up pay: 0.011 lower than with none.** It is not a lower peak that does it: each has its
# own. **Sixty are too many: they end behind ten by 0.008.** (An earlier version of this lesson raced 32 seeds,
# and said 0.015. On 32 fresh ones it was 0.005 ± 0.006: not shown. Of 64 seeds, five sets of five show both.)
# So give it in updates, not as a share of the run, and find it by experiment: a few lengths, each at its own
# peak.
#
# ## Which will win? A bound says it before
#
# For convex losses there is a bound on where SGD ends, for any schedule. One part of it shrinks with the sum
# of the rates; the other is noise that the last rates leave behind. Its best peak is known in closed form, so
# nothing has to be trained. Networks are not convex. Does it tell their races all the same?

# %% tags=["bound"]
shapes = lab.shapes(200, cycle_momentum=False)
foretold = lab.race(shapes, steps=200, seeds=16)
foretold.plot_bound()
told, run = lab.bound(ways(400)["branch"], 400).losses, lengths[400].curves["branch"].mean(0)
print(f"cool-down: {1 - told[-1] / told[319]:.0%} foretold, {1 - run[-1] / run[7]:.0%} measured")

# %% [markdown]
# From left to right the risk rises, nearly without exception. And the line below says what the branch gains in
# its cool-down, from update 320 to 400: foretold by the formula, and measured above. It knows nothing of digits or
# of networks, only when a rate falls. (`lab.bound(schedule, steps)` gives it for a schedule of yours.)
#
# ## Two regimes, and the batch
#
# When does it pay to stay high? Two bowls, computed exactly, 2,000 updates. In the first the error lies in all
# directions alike, and noise is what limits the run. In the second there is little noise, and most of the error
# lies far out in flat directions, where the way is long.

# %% tags=["regimes"]
names = ["exponential", "linear", "cosine", "warmup-stable-decay", "constant"]
bowls = {"noise": lab.Quadratic(), "way": lab.Quadratic(power=2.0, far=1.5, noise=0.01)}
plain = lab.SGD(momentum=0.0)
exact = {n: lab.race(names, bowl, steps=2000, optimizer=plain) for n, bowl in bowls.items()}
table = pd.DataFrame({name: race.table()["mean"] for name, race in exact.items()})
table = (table / table.min()).sort_values("noise")

figure, ax = plots.panels()
for name, row in table.iterrows():
    ax.plot(["noise limits", "the way limits"], row, marker="o")
    ax.annotate(f"  {name}", (1, row["way"]), va="center")
ax.set(ylabel="loss, times the best", xlim=(-0.2, 1.6))
figure.say(f"Loss, times the best of each bowl: {table.round(2).to_dict('index')}")
table.round(2)

# %% tags=["batch"]
batches = {
    B: lab.race(["linear"], lab.Quadratic(noise=1 / B), steps=3200 // B, optimizer=plain).table()
    for B in (1, 2, 4, 8, 16, 32, 64)
}
pd.concat(batches, names=["batch"])[["mean", "peak"]].round(3)

# %% [markdown]
# Where noise limits, the early falls win, and staying high loses. Where the way limits, the order is turned
# round. "What limits this run?" decides, and no name of a schedule does.
#
# The second table is the first bowl with batches of $B$, always 3,200 examples. Twice the batch, half the
# updates, twice the peak, and the same end: the *linear scaling rule*. It holds until the peak would be well
# above 2 / h = 2 here; from there on larger batches only make fewer updates.
#
# ## Going on after the end
#
# A cosine over 300 updates is done, and you are given 300 more. What now? Everything below has 600 updates,
# and from the third line on the first 300 are that same cosine.

# %% tags=["going-on"]
first = CosineAnnealing(lr=0.14, T_max=300)
rise = LinearWarmup(lr=0.14, start_factor=0.1, total_iters=15)
again = rise.then(CosineAnnealing(lr=0.14, T_max=285), at=15)
wsd = lrcourse.warmup_stable_decay(lr=0.07, total_steps=600, warmup_steps=20, shape="1-sqrt")
more = {
    "one cosine of 600": CosineAnnealing(lr=0.14, T_max=600),
    "trunk and cool-down": wsd,
    "warm and anneal again": first.then(again, at=300),
    "stay at 1 %": first.then(Constant(lr=0.0014), at=300),
    "let it climb": first,
}
later = lab.race(more, steps=600, tune=False)
later.plot()
print(later.verdict())

# %% [markdown]
# Staying at the small rate wastes the time. Warming up and annealing again loses at first what the first
# cool-down had won, and ends 0.015 lower than staying. Still it is behind: 0.014 above one cosine that had
# been planned for 600, and 0.006 above a trunk that was simply continued. And a scheduler that is left alone
# climbs back, and all is lost.
#
# ## Find the bug
#
# A first script is over. A second one shall train 100 updates more, along the second half of a cosine of 200. What
# does it use? Decide, then open the answer.

# %%
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
with lrcourse.trace(optimizer) as used:
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
    for t in range(200):
        if t == 100:  # the second script: it loads what the first one saved
            saved = scheduler.state_dict()
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)
            scheduler.load_state_dict(saved)
        optimizer.step()
        scheduler.step()

# %% [markdown]
# <details><summary>Answer</summary>
#
# It climbs from 0 back to 0.1. `load_state_dict` brings back every number of the scheduler, `T_max=100` included,
# and the 200 in the code is forgotten without a word: `scheduler.T_max` is 100. Nor would 200 be good: the rate
# would jump from 0 to 0.05. A length cannot be changed once a cosine has begun. From a *stable* rate it can: load
# model and optimizer, and build the branch anew, `OneMinusSqrt(lr=0.1, total_iters=100).scheduler(optimizer)`. To
# resume with the *same* length, load all three states, and it goes on to the last bit.
# </details>
#
# ## When the loss decides: `ReduceLROnPlateau`
#
# It needs no length at all: after each epoch it is shown a loss, and when that has not improved for more than
# `patience` epochs, it multiplies the rate by `factor`. It is a function of the losses, so planned against used
# means: what it would do with the losses that this run had.

# %% tags=["plateau"]
plateau = lrcourse.ReduceOnPlateau(lr=0.1, factor=0.3, patience=1)
for seed in range(4):
    used, risks = train_by_loss(plateau, seed)
    assert (used.lr == plateau(risks)[:-1].repeat(20)).all()  # planned is used
    print(f"seed {seed}: cut before epochs", *(np.flatnonzero(np.diff(used.lr)) + 1) // 20)

linear, constant = Polynomial(lr=0.16, total_iters=400), Constant(lr=0.05)
plans = {"plateau": plateau, "linear": linear, "constant": constant}
followed = lab.race(plans, steps=400, tune=False)
followed.plot()
print(followed.verdict())

# %% [markdown]
# The rate follows the luck of the losses: the same run with another seed is cut at another time. It ends lower
# than the constant rate, and higher than a fall that knows its length. Show it a loss that says what you care about,
# on data that are not trained on; over many batches, or one lucky low makes all that follows look like a
# plateau. A log that prints the rate *after* `scheduler.step()` prints the next epoch's. And save its state: the
# count of bad epochs is in it.
#
# ## In practice
#
# - **The length is known:** a straight line to zero after a short warm-up, or a cosine, its length computed from
#   the loader, the accumulation and the processes, in code.
# - **It is not:** warm-up, then constant. Keep a checkpoint of the stable part; branch off when you need a model.
#   A fifth of the run, 1 - sqrt; or keep an average of the weights.
#
# ```python
# wsd = lrcourse.warmup_stable_decay(lr=0.1, total_steps=10_000, shape="1-sqrt")
# optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
# scheduler = wsd.scheduler(optimizer)
# ```
#
# ```python
# wsd = lrcourse.warmup_stable_decay(lr=1e-3, total_steps=10_000, shape="1-sqrt")
# optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
# scheduler = wsd.scheduler(optimizer)
# ```
#
# `wsd.code()` is the same without this package. In AdamW weight decay is multiplied by the rate: in a cool-down it
# fades, too. **When not:** a short run of known length, limited by noise.
#
# ## Further reading
#
# - Hu et al. (2024), arXiv 2404.06395, and Hägele et al. (2024), arXiv 2405.18392: warmup-stable-decay, branches,
#   1 - sqrt. Wen et al. (2024), arXiv 2410.05192: why the loss falls in the cool-down.
# - Defazio et al. (2023), arXiv 2310.07831, and Schaipp et al. (2025), arXiv 2501.18965: the bound.
# - Li et al. (2025), arXiv 2509.19189: the regimes. Ibrahim et al. (2024), arXiv 2403.08763: warming up again.
# - Goyal et al. (2017), arXiv 1706.02677: batch and rate, and gradual warm-up.
#
# ## Check yourself

# %%
lrcourse.quiz("warmup_stable_decay")
