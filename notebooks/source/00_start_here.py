# %% [markdown]
# # Start here: what a learning rate does
#
# **You will do.** Move a rate, watch what it does, and meet the tools of the course. · **You will
# learn.** What "too small" and "too large" mean, where the border lies, and why a rate should change. ·
# **You need.** To have trained a network once. About 25 minutes.
#
# Run a cell with Shift+Enter, in order; this is your own copy, you cannot break anything. **Five hundred
# balls roll down a long valley, and every slope they feel is noisy. Press Run, and drag the rate while they
# roll. How low can you end? First try any rate that stays as it is; then change it on the way.**

# %%
import numpy as np

import lrcourse
from lrcourse import Constant, ExponentialDecay, StepDecay, plots

import torch

lrcourse.cloud()

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# A high rate brings the cloud along the valley quickly, and keeps it wide. A low rate narrows it, and
# leaves it where it is. The best *constant* rate ends at 0.061. Whoever stays high until the cloud has
# arrived, and then comes down, ends ten times lower.
# </details>
#
# That is the whole subject. The learning rate says how far a weight moves downhill at each update:
#
# $$w \leftarrow w - \eta \cdot \text{slope}$$
#
# One number, $\eta$. Why should it ever change? That is the question of the course.
#
# ## Is everything installed?

# %% tags=["nbval-ignore-output"]
for module in (lrcourse, torch, np):
    print(f"{module.__name__:12}{module.__version__}")

# %% [markdown]
# ## Predict first
#
# One ball now, no noise, on the side of the bowl $w^2/2$. At a rate of 1 it lands on the bottom in one
# step. What happens at a rate of 1.9? (Your guess is kept, on this computer only.)

# %%
lrcourse.choose("start_here")

# %% [markdown]
# ## One slider
#
# Move the rate, and watch the path of the ball. Find:
#
# 1. a rate at which it is still far from the bottom after all the steps (too small);
# 2. the rate at which it arrives in one step;
# 3. the smallest rate at which it flies away (too large).

# %%
lrcourse.ball()

# %% [markdown]
# <details><summary>Answers</summary>
#
# Too small: anything below about 0.11. In one step: 1. Flies away: above 2.
# </details>
#
# Step through a rate of 1.9. The ball crosses the bottom at every step, and comes closer all the same.

# %%
path = [(-0.9) ** t for t in range(21)]  # times 1 - 1.9
lrcourse.play(
    path,
    loss=lambda w: w**2 / 2,
    schedule=Constant(lr=1.9),
)

# %% [markdown]
# ## Curvature: how steep a bowl gets
#
# The slope of the bowl $h\,w^2/2$ is $h\,w$: it grows with the distance, and $h$ says how fast. This
# number is the **curvature**. One step takes the ball from $w$ to $w - \eta h w = (1 - \eta h)\,w$. So at
# $\eta = 1/h$ it lands on the bottom, and above $\eta = 2/h$ each step takes it further away. *A bowl twice
# as steep allows a rate half as large.* Here are three bowls, and one step at a rate of 0.4 in each:

# %%
fig, axes = plots.panels(1, 3, sharey=True)
w = np.linspace(-1.6, 1.6, 100)
fig.say("Three bowls of curvature 1, 2.5 and 6, and one step in each, from w = 1 at a rate of 0.4.")
for ax, h in zip(axes, (1, 2.5, 6)):
    after = (1 - 0.4 * h) * 1.0
    ax.plot(w, h * w**2 / 2)
    ax.plot([1, after], [h / 2, h * after**2 / 2], "o:")
    ax.set(title=f"h = {h}, 2/h = {2 / h:.2f}", xlabel="w", ylim=(-0.3, 6.5))
    print(f"curvature {h}: from 1 to {after:.2f}, loss {h / 2:.2f} to {h * after**2 / 2:.2f}")

# %% [markdown]
# ## Write it yourself
#
# Gradient descent on the bowl of curvature 1, at a rate of 0.1. One line is missing. The answer
# comes at once; run the cell until it says *Right*. (The places are those of a schedule that you will meet
# in lesson 2.)


# %%
def places(rate=0.1, steps=30, w=1.0, h=1.0):
    visited = []
    for _ in range(steps):
        visited.append(w)
        ...  # yours: one step downhill; the slope is h * w
    return visited


lrcourse.match(places(), ExponentialDecay(lr=1.0, gamma=0.9))

# %% [markdown]
# <details><summary>One way to write it</summary>
#
# `w = w - rate * h * w`
# </details>
#
# ## So why change it?
#
# Because a real slope is *noisy*: it comes from a few images, not from all. A large rate gets near
# the bottom quickly and then jumps about there. A small rate settles, but takes its time. Here is
# the bowl with noise, for 1,000 balls from $w = 10$, at three plans. The *typical distance* is the square root of
# the mean of $w^2$ over the balls.


# %% tags=["noise"]
def noisy_run(rate, steps=200):
    random, w = np.random.default_rng(0), np.full(1000, 10.0)
    places = [w]
    for t in range(steps):
        places.append(places[-1] - rate(t) * (places[-1] + random.standard_normal(1000)))
    return np.stack(places)


plans = {
    "small, 0.01": lambda t: 0.01,
    "large, 0.5": lambda t: 0.5,
    "falling": lambda t: 1 / (t + 2),
}
balls = {name: noisy_run(rate) for name, rate in plans.items()}

# %%
fig, ax = plots.panels()
for name, places_of in balls.items():
    typical = np.sqrt((places_of**2).mean(1))
    ax.plot(typical, label=name)
    print(
        f"{name:12} typical distance {typical[10]:5.2f} after 10 steps, {typical[200]:.2f} after 200"
    )
ax.set(yscale="log", xlabel="steps", ylabel="typical distance from the bottom")
ax.yaxis.set_major_formatter("{x:g}")
ax.legend()
fig.say("Large falls in ten steps and stays; small is slow all along; falling is quick, then low.")

# %% [markdown]
# The large rate is quick and stays noisy. The small one is slow. **The falling one is quick first and
# quiet later.** That is all that a schedule is: *large while far, small when near*. The rest of
# the course is about how to fall, when, how far, and whether you can tell the difference.
#
# ## In PyTorch: three lines
#
# The *optimizer* holds the rate and makes the update: `optimizer.step()`. The *scheduler* stands beside
# it and writes a new rate into it: `scheduler.step()`. It holds the first rate of the plan from the
# start, so the scheduler comes *after* the optimizer. `lrcourse.trace` writes down what each update really
# used:

# %%
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
with lrcourse.trace(optimizer) as used:
    for _ in range(6):
        optimizer.step()
        scheduler.step()
print("used:", used.lr)
print(used.against(StepDecay(lr=1.0, step_size=2, gamma=0.1)))

# %% [markdown]
# ## How the course works
#
# - **Predict** before you see. Your guesses are kept, on this computer only.
# - **The rate you see is the rate that trained.** Every lesson draws planned against used.
# - **No claim from one seed.** Each comparison is over 32 seeds or more (16 where a run takes long), with a 95 %
#   interval, and stands in a lesson only if it came out on two other sets of seeds, too. "Not shown" is an answer, and not the same as "equal". The
#   ledger is `notebooks/claims.toml`; `make claims` runs all of it again on seeds that nobody has seen.
# - **Opened a notebook again?** Its widgets stand as you left them. To move them again, choose
#   *Run All Cells* from the *Run* menu; your guesses and answers are kept.
# - **Read the code.** `lrcourse/schedules.py` is the formulas, in the order of the lessons.
#
# | notebook | minutes |
# |---|---|
# | `01_step_decay` | 40 |
# | `02_exponential_decay` | 40 |
# | `03_cosine_annealing` | 45 |
# | `04_cyclical_lr` | 45 |
# | `05_one_cycle` | 50 |
# | `06_warmup_stable_decay` | 60 |
# | `06_warmup_stable_decay` | 60 |
# | `07_training_lab` | 70 |
#
# Each lesson has a sheet of graded exercises in the folder `exercises`. `lrcourse.check` tells you
# at once what is right, and where you went wrong.
#
# ## I want to ...
#
# | ... | look under *In practice* of |
# |---|---|
# | choose a schedule for tomorrow | `docs/recipes.md`: one page, with the evidence |
# | call `scheduler.step()` at the right place, per batch or per epoch | 01 |
# | resume a run | 01; with another length: 03, 06 |
# | train without knowing how long | 04, 06 |
# | accumulate gradients, or train on several processes | 05, 06 |
# | use parameter groups, layer-wise rates | 02, 05 |
# | know what weight decay does when the rate falls | 02 |
# | warm up, and for how long | 06 |
# | find the peak | 07 |
# | lower the rate when the loss stops falling (`ReduceLROnPlateau`) | 06 |
# | use `LambdaLR` or `MultiplicativeLR`; log the rate rightly | 02 |
# | write a schedule of my own | 03 |
# | see which rate really trained | 01, and every lesson |
# | use AdamW | every lesson races it beside SGD |
# | race my own model | 07 |
#
# What is next, and what you have reached (`lrcourse.progress()` has all of it):

# %% slideshow={"slide_type": "skip"}
lrcourse.progress().head(5)

# %% [markdown]
# ## Check yourself

# %%
lrcourse.quiz("start_here")

# %% [markdown]
# ## Further reading
#
# - Robbins & Monro (1951), *A Stochastic Approximation Method*: where falling rates come from.
# - Goodfellow, Bengio & Courville (2016), *Deep Learning*, chapter 8.
#
# Next: `01_step_decay`.
