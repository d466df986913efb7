# %% [markdown]
# # Cyclical rates: let the rate breathe
#
# **You will do.** Size a cycle for a data set, watch a ball leave a narrow well, and measure how
# often a cyclical rate escapes. · **You will learn.** What `CyclicLR` moves besides the rate, and
# what "helps escape local minima" means once it is measured. · **You need.** Lessons 1 to 3.
# About 45 minutes.
#
# ## The question
#
# ```python
# scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.001, max_lr=0.1)
# ```
#
# So far, a warm-up apart, the rate of a run only fell. Why would it go up again? And what did this line set that
# you did not write?

# %%
import numpy as np
import pandas as pd

import lrcourse
from lrcourse import Constant, CosineAnnealing, Cyclical, Polynomial, lab, plots
from lrcourse.digits import train

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
# $\eta_{\max}$ is `max_lr`. The optimizer's own `lr` is overwritten.
#
# ## Write it yourself
#
# Then the numbers, before any picture. Momentum breathes too, the other way.


# %%
def cyclical(t, base_lr=0.001, max_lr=0.1, step_size=2000):
    position = t % (2 * step_size)  # where in the cycle
    height = 1 - abs(position / step_size - 1)
    return base_lr + (max_lr - base_lr) * height


schedule = Cyclical(base_lr=0.001, max_lr=0.1, step_size_up=2000)
assert all(np.isclose(cyclical(t), schedule(t), rtol=1e-12) for t in range(0, 10_000, 7))

t = [0, 500, 1000, 2000, 3000, 4000, 6000]
columns = {"rate": schedule(t).round(5), "momentum": schedule.momentum(t).round(4)}
pd.DataFrame(columns, index=pd.Index(t, name="t"))

# %% [markdown]
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
# Draw one before you see it: `step_size_up=20`, `step_size_down=60`, from 0 to 0.1.

# %%
lopsided = Cyclical(base_lr=0.0, max_lr=0.1, step_size_up=20, step_size_down=60)
lrcourse.draw("cyclical_lr.lopsided", lopsided, steps=160)

# %% [markdown]
# ## Train: planned against used
#
# Three cycles in 300 updates, with the loop of lesson 1. Its optimizer was built without momentum;
# look at what it got.

# %% alt="Planned and used rates over 300 updates lie on one zigzag: three triangles from 0.01 up to 0.1 and back."
plan = Cyclical(base_lr=0.01, max_lr=0.1, step_size_up=50)
runs = [train(plan, seed) for seed in range(5)]
assert all(used.against(plan).equal for used, _ in runs)

used, _ = runs[0]
used.plot(plan)
print(plan.code())
print(used.against(plan))
print("momentum used, from", used.momentum.max().round(3), "to", used.momentum.min().round(3))
print("excess risk, five seeds:", *(f"{risk:.2f}" for _, risk in runs))

# %% [markdown]
# ## "Helps escape local minima": from what, and compared with what?
#
# First the law behind it. At the bottom of a well of curvature $h$, one step of gradient descent
# multiplies the distance by $1 - \eta h$. Above $\eta = 2/h$ that grows: *the well cannot hold the
# ball*. Here a narrow well ($h = 50$, so $2/h = 0.04$) lies beside a wide one ($h = 1$).


# %%
def loss(x):
    return np.minimum(25 * (x + 0.5) ** 2 + 0.3, 0.5 * (x - 1.5) ** 2)


def in_narrow(x):
    return 25 * (x + 0.5) ** 2 + 0.3 < 0.5 * (x - 1.5) ** 2


def slope(x):
    return 50 * (x + 0.5) if in_narrow(x) else x - 1.5


path, breathing = [-0.52], Cyclical(base_lr=0.01, max_lr=0.08, step_size_up=20)
for lr in breathing(np.arange(80)):
    path.append(path[-1] - lr * slope(path[-1]))
out = next(t for t, x in enumerate(path) if not in_narrow(x))
print(f"starts at {path[0]}, is out of the narrow well after {out} updates, ends at {path[-1]:.2f}")
print(f"the rate of the update that took it out: {breathing(out - 1):.3f}")
lrcourse.play(path, loss=loss, schedule=breathing)

# %% [markdown]
# Step through it: above a rate of 0.04 the ball swings wider, below it falls back. At the top of
# the first climb, after 20 updates, it is still inside: it leaves on the way down, while the rate
# is above 0.04, and then the wide well keeps it. So far the claim stands. But *any* schedule that
# stays above 0.04 for a while would do the same.
#
# Now with noise, and many balls: 20,000 of them start in the shallow well of a double well, and
# the deep one is on the other side of a hill. The share that ends in the deep well:


# %%
def escaped(schedule, updates=400, balls=20_000, noise=1.5):
    random = np.random.default_rng(0)
    x = np.full(balls, 0.9)  # the bottom of the shallow well
    for lr in schedule(np.arange(updates)):
        x = x - lr * (x**3 - x + 0.2 + noise * random.standard_normal(balls))
    return (x < 0).mean()


# %% alt="Share in the deep well against the peak rate, three lines: constant leads up to a peak of 0.1, cosine and cyclical lead at 0.2. The table has the shares."
peaks = np.array([0.02, 0.05, 0.1, 0.2])
shares = {
    "constant": [escaped(Constant(lr=lr)) for lr in peaks],
    "cyclical": [escaped(Cyclical(base_lr=lr / 10, max_lr=lr, step_size_up=50)) for lr in peaks],
    "cosine": [escaped(CosineAnnealing(lr=lr, T_max=400)) for lr in peaks],
}
fig, ax = plots.panels()
for (name, share), marker in zip(shares.items(), "osD"):
    half = 1.96 * np.sqrt(np.multiply(share, np.subtract(1, share)) / 20_000)
    ax.errorbar(peaks, share, half, label=name, marker=marker, capsize=3)
ax.set(xlabel="peak rate", ylabel="share in the deep well", title="Escaped after 400 updates")
ax.legend()
pd.DataFrame(shares, index=pd.Index(peaks, name="peak")).round(3)

# %% [markdown]
# The bars are 95 % intervals; the table above has the same numbers. Read it two ways:
#
# - A cyclical rate with its peak at 0.1 against a *small constant* rate of 0.02: a huge
#   difference. This is the comparison that the claim is usually made from.
# - Against a constant rate *of the same peak*: up to 0.1 the constant escapes more, for it is
#   always at the top. At 0.2 fewer of its balls are in the deep well: what throws them out throws
#   them back. And cosine, which starts at the top and never climbs, escapes a little more often
#   than cyclical from 0.05 on.
#
# What gets you out is the size of the rate, not its going up and down. Does the network gain?

# %%
schedules = {
    "cyclical": Cyclical(step_size_up=50, cycle_momentum=False, base_lr=0.01, max_lr=0.1),
    "constant": Constant(),
    "linear to zero": Polynomial(total_iters=400),
}
race = lab.race(schedules, steps=400, optimizer=lab.SGD(momentum=0.0))
print(race.verdict())
print(race.compare("cyclical", "constant"))
race.table()[["mean", "behind", "±", "peak"]].round(3)

# %% [markdown]
# **What this shows.** A cyclical rate beats the best constant rate, and loses to a plain fall to
# zero: it spends its last updates where it spent its first. **What it does not
# show.** That cycles generalise better; on this task we saw no sign of it.
#
# ## A trap: it owns your momentum
#
# Momentum was 0, in an optimizer that you built so. Then you attached a scheduler for the *rate*.

# %%
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0)
before = dict(optimizer.param_groups[0])
torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.001, max_lr=0.1)
after = optimizer.param_groups[0]
pd.DataFrame({"before": before, "after": after}).loc[["lr", "momentum"]]

# %% [markdown]
# Give `cycle_momentum=False` if you want the momentum that you asked for. On Adam it moves beta1.
#
# ## Find the bug
#
# A public training script steps `CyclicLR` once per epoch, for 50 epochs of 20 batches, with
# `step_size_up=500` "so that the run is one cycle". The loss falls slowly, and nobody knows why.

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
print(f"largest rate used: {used.lr.max():.4f} of {plan.max_lr}")
print(used.against(plan, steps_per_epoch=20))

# %% [markdown]
# ## Check yourself

# %%
lrcourse.quiz("cyclical_lr")

# %% [markdown]
# ## On your own
#
# Find the smallest peak at which a cyclical rate (`step_size_up=20`, `base_lr=0.01`) frees the
# ball from the narrow well within 80 updates. Then do the same for a constant rate. Which is
# closer to 0.04, and why?
#
# <details><summary>Answer</summary>
#
# The constant rate frees it at 0.041, if you wait. The cyclical one needs a peak of 0.08, twice
# the threshold: while the rate is low the ball falls back (at 0.02 = 1/h a single step takes it to
# the very bottom), and what it gained above 0.04 is lost again.
# </details>
#
# ## In practice
#
# Cycles can be useful where you do not know the length of the run, or want several moments to stop
# in, the low ends of the cycles: at `base_lr` here, at `eta_min` with warm restarts (lesson 3). For one run of known length, a single fall to zero is the better default.
#
# ## Further reading
#
# - Smith (2015), *Cyclical Learning Rates for Training Neural Networks*, arXiv 1506.01186.
# - Loshchilov & Hutter (2016), *SGDR*, arXiv 1608.03983: restarts, and good results at any time.
# - `lrcourse/schedules.py`, `Cyclical`.
