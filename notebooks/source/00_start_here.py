# %% [markdown]
# # Start here: what a learning rate does
#
# **You will do.** Check the installation, move one slider, and meet the tools of the course. ·
# **You will learn.** What "too small" and "too large" mean, and where the border lies. · **You
# need.** To have trained a network once. About 20 minutes.
#
# Run a cell with Shift+Enter. Run them in order. Nothing here asks the network, and you cannot
# break anything: this is your own copy.
#
# ## Is everything installed?

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import numpy as np

import lrcourse

import torch

for name, version in {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "matplotlib": matplotlib.__version__,
    "lrcourse": lrcourse.__version__,
}.items():
    print(f"{name:12}{version}")

# %% [markdown]
# ## The question
#
# Training moves each weight downhill, a little at a time:
#
# $$w \leftarrow w - \eta \cdot \text{slope}$$
#
# The learning rate $\eta$ says how far. One number. Why should it ever change?
#
# ## Predict first
#
# A ball lies on the side of the bowl $w^2/2$. At a rate of 1 it lands on the bottom in one step.
# What happens at a rate of 1.9?

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
# Too small: anything below about 0.11. In one step: 1. Flies away: above 2. For a bowl of
# curvature $h$ the last two are $1/h$ and $2/h$: a bowl twice as steep halves them both.
# </details>
#
# ## Write it yourself
#
# Five lines of gradient descent, and the numbers behind the picture:


# %%
def distance_after(rate, steps=20, start=1.0, curvature=1.0):
    w = start
    for _ in range(steps):
        w = w - rate * curvature * w  # the slope of the bowl is curvature * w
    return w


for rate in (0.01, 0.1, 1.0, 1.9, 2.0, 2.1):
    print(f"rate {rate:<4}  distance after 20 steps {distance_after(rate):8.3f}")

# %% [markdown]
# Step through an overshoot: a rate of 1.9. The ball crosses the bottom at every step, and comes
# closer all the same.

# %%
path = [1.0]
for _ in range(20):
    path.append(path[-1] - 1.9 * path[-1])
lrcourse.play(path, loss=lambda w: w**2 / 2, schedule=lrcourse.Constant(lr=1.9))

# %% [markdown]
# ## So why change it?
#
# Because a real slope is noisy: it comes from a few images, not from all. A large rate gets near
# the bottom quickly and then jumps about there. A small rate settles, but takes its time. Here is
# the bowl again, with noise, over 1,000 balls:


# %%
def typical_distance(rate, steps):
    random = np.random.default_rng(0)
    w = np.full(1000, 10.0)
    for t in range(steps):
        w = w - rate(t) * (w + random.standard_normal(1000))
    return np.sqrt((w**2).mean())


print("                   10 steps  200 steps")
for name, rate in {
    "small, 0.01": lambda t: 0.01,
    "large, 0.5": lambda t: 0.5,
    "falling": lambda t: 1 / (t + 2),
}.items():
    print(f"{name:<18}{typical_distance(rate, 10):10.2f}{typical_distance(rate, 200):11.2f}")

# %% [markdown]
# The large rate is quick and stays noisy. The small one is slow. The falling one is quick first
# and quiet later. That is all that a schedule is: *large while far, small when near*. The rest of
# the course is about how to fall, when, and whether you can tell the difference.
#
# ## How the course works
#
# - **Predict** before you see. Your guesses are kept, on this computer only.
# - **The rate you see is the rate that trained.** `lrcourse.trace` writes down the rate of every
#   update, and every lesson draws planned against used.
# - **No claim from one seed.** Each comparison is over seeds, with a 95 % interval. "No difference
#   shown" is an answer.
# - **Opened a notebook again?** Its widgets stand as you left them. To move them again, choose
#   *Run All Cells* from the *Run* menu; your guesses and answers are kept.
# - **Read the code.** `lrcourse/schedules.py` is the formulas, in the order of the lessons.
#
# | notebook | minutes |
# |---|---|
# | `01_step_decay` | 35 |
# | `02_exponential_decay` | 35 |
# | `03_cosine_annealing` | 40 |
# | `04_cyclical_lr` | 45 |
# | `05_one_cycle` | 50 |
# | `06_warmup_stable_decay` | 60 |
# | `07_training_lab` | 70 |
#
# Each lesson has a sheet of graded exercises in the folder `exercises`. `lrcourse.check` tells you
# at once what is right, and where you went wrong. What you have reached so far:

# %% slideshow={"slide_type": "skip"}
lrcourse.progress()

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
