# %% [markdown]
# # Cyclical rates: let the rate breathe
#
# **You will do.** Size a cycle for a data set, watch a ball leave a narrow well, and stop a run
# at moments that nobody planned. · **You will learn.** What `CyclicLR` moves besides the rate, what
# "escapes local minima" means once it is measured, and when cycles pay. · **You need.** Lessons
# 1 to 3. About 45 minutes.
#
# ## The question
#
# ```python
# scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.001, max_lr=0.1)
# ```
#
# So far the rate of a run only fell. Why would it go up again? And what did this line set that
# you did not write?

# %%
import numpy as np
import pandas as pd
from IPython.display import display

import lrcourse
from lrcourse import Constant, CosineAnnealing, Cyclical, Polynomial, digits, lab, plots

import torch

# %% [markdown]
# ## Predict first
#
# The line above, as it stands, in a run of 500 updates. (What is `step_size_up`, if you do not
# give it?)

# %%
lrcourse.choose("cyclical_lr")

# %% [markdown]
# ## The formula
#
# $$\eta(t) = \eta_{\mathrm{base}} + (\eta_{\max} - \eta_{\mathrm{base}})\;h(t)$$
#
# where $h(t)$, the height, climbs from 0 to 1 in `step_size_up` updates, in a straight line, and
# falls back to 0 in `step_size_down`. In PyTorch's names: $\eta_{\mathrm{base}}$ is `base_lr`,
# $\eta_{\max}$ is `max_lr`. The optimizer's own `lr` is overwritten. The numbers, before any picture;
# momentum breathes too, the other way:

# %%
schedule = Cyclical(base_lr=0.001, max_lr=0.1, step_size_up=2000)

t = [0, 500, 1000, 2000, 3000, 4000, 6000]
columns = {"rate": schedule(t).round(5), "momentum": schedule.momentum(t).round(4)}
pd.DataFrame(columns, index=pd.Index(t, name="t"))

# %% [markdown]
# ## Write it yourself
#
# Only the height is missing. (`t % 4000` is where in its cycle update `t` is.)


# %%
def triangle(t, base_lr=0.001, max_lr=0.1):
    where = t % 4000
    height = where / 4000  # yours: 0 at 0, 1 at 2000, 0 again at 4000
    return base_lr + (max_lr - base_lr) * height


lrcourse.match(triangle, schedule, steps=9000)

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# `height = 1 - abs(where - 2000) / 2000`
# </details>
#
# ## Move it
#
# 1. Your data set has 50,000 images, your batch is 100, and a climb should last 4 epochs. What is
#    `step_size_up`?
# 2. Choose `triangular2`. What happens to each next peak? Where does momentum go at that peak?
# 3. Make the climb ten times as long as the fall. Which field does that?

# %%
lrcourse.explore(schedule)

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. 500 batches an epoch, four epochs: 2,000. That is where the common value comes from.
# 2. Each peak is half as high above `base_lr`; momentum dips half as deep.
# 3. `step_size_down`: PyTorch uses `step_size_up` for both if you leave it out.
# </details>
#
# ## Train: planned against used, and a trap
#
# Three cycles in 300 updates, with the scale and the loop of lesson 1. Its optimizer was built *without*
# momentum. Look at what it got: you attached a scheduler for the rate, and it owns your momentum. Give
# `cycle_momentum=False` if you want the one that you asked for. (On Adam it moves beta1.)

# %%
plan = Cyclical(base_lr=0.01, max_lr=0.1, step_size_up=50)
runs = [digits.train(plan, seed) for seed in range(5)]
assert all(run.used.against(plan).equal for run in runs)

used = runs[0].used
digits.draw(runs, plan)
print(plan.code(), used.against(plan), sep="\n")
print("momentum used, from", used.momentum.max().round(3), "to", used.momentum.min().round(3))
print("excess risk, five seeds:", *(f"{run.risk:.2f}" for run in runs))

# %% [markdown]
# ## "Escapes minima": from what, and compared with what?
#
# First the law behind it. At the bottom of a well of curvature $h$, one step of gradient descent
# multiplies the distance by $1 - \eta h$. Above $\eta = 2/h$ that grows: *the well cannot hold the
# ball*. Below, 500 noisy balls begin in a sharp well ($h = 50$, so $2/h = 0.04$) beside a wide one ($h = 1$),
# under a constant rate, step decay and a cyclical one with the same peak of 0.036, a little below the
# threshold: now and then the noise takes a ball over the edge.
#
# 1. Let it run. Under which of the three do most escape? Under which the fewest?
# 2. Raise the peak above 0.04. What happens to the difference?

# %%
lrcourse.wells()

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. Under the constant rate, 87 %: it is always at the top. Step decay is there for a third of the run,
#    51 %, the cyclical rate for moments, 6 %.
# 2. With a peak of 0.045 all are out under each of the three: above 2/h the well holds nobody.
# </details>
#
# So far the saying stands, for *any* rate that is high for a while. Now both wells are wide, and only the noise
# gets a ball across: 20,000 of them start in the shallow well of a double well, and
# the deep one is on the other side of a hill. The share that ends in the deep well:


# %% tags=["escape"]
def escaped(schedule, updates=400, balls=20_000, noise=1.5):
    random = np.random.default_rng(0)
    x = np.full(balls, 0.9)  # the bottom of the shallow well
    for lr in schedule(np.arange(updates)):
        x = x - lr * (x**3 - x + 0.2 + noise * random.standard_normal(balls))
    return (x < 0) * 1.0


shapes = {
    "constant": Constant(),
    "cyclical": Cyclical(base_lr=0.01, max_lr=0.1, step_size_up=50),
    "cosine": CosineAnnealing(T_max=400),
}
peaks = [0.02, 0.05, 0.1, 0.2]
balls = {name: {p: escaped(shape.with_peak(p)) for p in peaks} for name, shape in shapes.items()}

# %%
shares = pd.DataFrame(balls).map(np.mean).rename_axis("peak")
fig, ax = plots.panels()
ax.plot(shares, marker="o", label=list(shares))
ax.set(xlabel="peak rate", ylabel="share in the deep well", title="Escaped after 400 updates")
ax.legend()
fig.say("Up to a peak of 0.1 the constant rate frees most; at 0.2 cosine and cyclical free more.")
shares.round(3)

# %% [markdown]
# Read it two ways:
#
# - **Against a small constant rate**, 0.02, a cyclical one with its peak at 0.1 wins by far: **0.67
#   more of the balls are out.** This is the comparison that the saying is usually made from.
# - **Against a constant rate of the same peak it loses: 0.24 fewer.** The constant one is always at the
#   top. (At 0.2 it is otherwise: what throws the balls out throws them back.) And **cosine, which never
#   climbs, frees 0.02 more than the cycles do.**
#
# What gets you out is the size of the rate, not its going up and down.
#
# ## When you do not know how long
#
# Here is what cycles are good for. Suppose that the run may be stopped at any time. Whatever was
# planned for 400 updates, stop it at 100, at 200, at 300, and look. `WarmRestarts` is a cosine that starts
# over every 100 updates, `InverseSqrt` falls as $1/\sqrt{t}$ and has no end at all. Each at its own best
# peak:

# %% tags=["unknown"]
plain = lab.SGD(momentum=0.0)
entries = {
    "constant": Constant(),
    "inverse sqrt": lrcourse.InverseSqrt(timescale=50),
    "cyclical": Cyclical(base_lr=0.01, max_lr=0.1, step_size_up=50, cycle_momentum=False),
    "restarts": lrcourse.WarmRestarts(T_0=100),
    "linear, for 400": Polynomial(total_iters=400),
}
race = lab.race(entries, steps=400, points=16, optimizer=plain)
fig, ax = plots.panels(figsize=(7.0, 4.2))
race.plot(ax).set(ylim=(0.15, 0.6), xticks=range(0, 401, 100), xlabel="updates")
fig.say("At 100, 200 and 300 cyclical and restarts are lowest; between them, and at 400, linear.")

# %% tags=["known"]
ends = (100, 200, 300)
known = lab.race(lambda T: {"linear": Polynomial(total_iters=T)}, steps=ends, optimizer=plain)
print("linear, planned for each:", *(f"{r.scores['linear'].mean():.3f}" for r in known.values()))
for rival, stops in {"constant": ends, "linear, for 400": (100, 400)}.items():
    for t in stops:
        print(f"at {t}: cyclical less {rival}", race.compare("cyclical", rival, at=t).difference)
adamw = lab.race({n: entries[n] for n in ("cyclical", "constant")}, steps=200, optimizer="adamw")
display(adamw.plot())
print("AdamW:", adamw.verdict())
means = {name: curve.mean(0) for name, curve in race.curves.items()}
stopped = pd.DataFrame(means, index=race.marks).loc[[*ends, 400]].T
stopped.rename_axis(columns="stopped at").round(3)

# %% [markdown]
# **Stopped at 100, the cyclical rate is ahead of the constant one by 0.09; at 200 by 0.05; at 300
# by 0.04.** **The straight line that was planned for 400 is behind it by 0.07 if it is stopped at 100**:
# it is still at three quarters of its peak. Cycles give a run several moments to stop in, the low ends. **With AdamW
# they beat the constant rate by 0.02.**
#
# The price: whoever knows the length does better. **At 400 the straight line is ahead of the cycles by
# 0.03.** And one cycle is better than many, which is lesson 5.
#
# ## "Generalises": does it?
#
# The excess risk *is* about images that were never trained on, so the saying has been tested all along.
# What is meant is more: that of two networks which fit their training data equally well, the one
# trained with cycles does better on new data. `digits_clean` can be fitted to the last image:

# %% tags=["generalises"]
two = {n: entries[n] for n in ("cyclical", "linear, for 400")}
clean = lab.race(two, task="digits_clean", steps=400)
display(clean.plot())
print(clean.verdict())

# %% [markdown]
# **On clean digits the cycles end behind the straight line by 0.02.** So not here: on this task a run
# that falls once generalises better, not worse.
#
# ## Find the bug
#
# A public training script steps `CyclicLR` once per epoch, for 50 epochs of 20 batches, with
# `step_size_up=500` "so that the run is one cycle". The loss falls slowly, and nobody knows why.
# Decide: the cell after the loop then shows it.

# %%
plan = Cyclical(base_lr=0.001, max_lr=0.1, step_size_up=500)
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
scheduler = plan.scheduler(optimizer)
with lrcourse.trace(optimizer) as used:
    for epoch in range(50):
        for batch in range(20):
            optimizer.step()
        scheduler.step()

# %%
lrcourse.decide(
    "cyclical_lr.bug",
    f"largest rate used: {used.lr.max():.4f} of {plan.max_lr}",
    used.against(plan, steps_per_epoch=20),
    question="Why does the loss fall slowly?",
)

# %% [markdown]
# ## Check yourself

# %%
lrcourse.quiz("cyclical_lr")

# %% [markdown]
# ## In practice
#
# **Type**, and step it after every update:
#
# ```python
# # SGD
# scheduler = lr_scheduler.CyclicLR(optimizer, base_lr=0.1 * peak, max_lr=peak,
#                                   step_size_up=2 * len(loader), cycle_momentum=False)
# # AdamW: the same line; without cycle_momentum=False it moves beta1
# ```
#
# - **Unknown length.** Cycles, and keep a checkpoint at each low end: you may stop at any of them. The
#   other ways out are warmup-stable-decay, which decays when you decide to stop, and averaging (lesson 6).
# - **Which?** `CosineAnnealingWarmRestarts(optimizer, T_0=..., T_mult=2)` gives cycles that grow longer.
#   Its lowest rate comes on the update *before* a restart. `InverseSqrt` is
#   `LambdaLR(optimizer, lambda t: (1 + t / 100) ** -0.5)`.
# - **Accumulation.** `step_size_up` counts calls of `scheduler.step()`: `2 * len(loader) // accumulate`.
# - **When not.** For one run of known length, a single fall is the better default.
#
# ## Further reading
#
# - Smith (2015), *Cyclical Learning Rates for Training Neural Networks*, arXiv 1506.01186.
# - Loshchilov & Hutter (2016), *SGDR*, arXiv 1608.03983: restarts, and good results at any time.
# - `lrcourse/schedules.py`, `Cyclical`, `WarmRestarts` and `InverseSqrt`.
