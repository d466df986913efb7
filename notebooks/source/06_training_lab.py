# %% [markdown]
# # The training lab: compare fairly, and distrust one seed
#
# **You will do.** Watch one seed deceive you, race the schedules of the course under three
# conditions, run races of your own, and try to beat the best. · **You will learn.** How many
# seeds a comparison needs, what makes it fair, and what a toy can tell. · **You need.** Lessons 1
# to 5. About 60 minutes.
#
# ## The question
#
# "I tried linear decay and cosine, and cosine was better." How often is a sentence like this true
# of the next seed?

# %%
import numpy as np
import pandas as pd

import lrcourse
from lrcourse import lab

# %% [markdown]
# ## Predict first

# %%
lrcourse.choose("training_lab")

# %% [markdown]
# ## One seed deceives
#
# Four schedules, 128 seeds, the digits of the lessons. `lab.race` trains all of these runs side by
# side, so that it takes seconds. Each schedule has its own best peak, tuned on other seeds.

# %%
pool = lab.race(["constant", "cosine", "linear", "one-cycle"], steps=200, seeds=128)
print(pool.verdict())
pool.table()[["mean", "low", "high", "wins", "peak"]].round(3)

# %% [markdown]
# Look at `wins`: on how many of the 128 seeds each schedule was the best of the four. Linear is
# better than cosine, the interval leaves no doubt, and yet whoever runs a single seed has a fair
# chance of meeting one on which cosine or one-cycle wins.
#
# So how many seeds does it take? Draw a few from the pool, as a careful person would who has only
# those, and see how often the paired comparison shows the difference that is there:


# %%
def shown(a, b, seeds, trials=400):
    random = np.random.default_rng(0)
    picks = [random.choice(128, seeds, replace=False) for _ in range(trials)]
    return np.mean([lab.paired(pool.scores[a][p], pool.scores[b][p]).shown for p in picks])


seeds = pd.Index([2, 3, 5, 8, 16, 32], name="seeds")
power = {
    "linear and cosine": [shown("linear", "cosine", n) for n in seeds],
    "linear and constant": [shown("linear", "constant", n) for n in seeds],
}
pd.DataFrame(power, index=seeds).round(2)

# %% [markdown]
# Five seeds nearly always tell linear from constant. Three seldom tell linear from cosine: the
# smaller the difference, the more seeds it takes. "No difference shown" after three seeds says
# more about the three than about the schedules.
#
# ## Fair is: each at its own best peak
#
# The same schedules, all with one and the same peak. First a low one, then a high one:

# %%
ranks = {}
for peak in (0.05, 0.15):
    same = {name: shape.with_peak(peak) for name, shape in lab.shapes(200).items()}
    race = lab.race(same, steps=200, seeds=16, tune=False)
    ranks[f"all at {peak}"] = race.table()["mean"]
ranks["each at its best"] = lab.race(list(same), steps=200, seeds=16).table()["mean"]
pd.DataFrame(ranks).sort_values("each at its best").round(3)

# %% [markdown]
# A low peak for all favours schedules that stay high, a high one favours those that fall early.
# Choose the peak, and you choose the winner. In papers, this is where most surprises come from.
#
# ## Three conditions, and no winner of all three
#
# Is there one best schedule? Three tasks, each standing for a condition that training can be in:
#
# - `digits`: noise that never goes away. Only a small rate averages it out.
# - `spirals`: a curve that is far from learned when the budget ends. Progress is all.
# - `digits_clean`: the same digits without noise, and time enough to fit them all.

# %%
budgets = {"digits": 300, "spirals": 300, "digits_clean": 1000}
peaks = np.geomspace(0.025, 0.8, 11)
races = {
    task: lab.race(list(lab.shapes(steps)), task=task, steps=steps, seeds=16, peaks=peaks)
    for task, steps in budgets.items()
}
means = pd.DataFrame({task: race.table()["mean"] for task, race in races.items()})
means.sort_values("digits").round(3)

# %%
for task, race in races.items():
    print(task, *race.verdict().splitlines(), sep="\n  ")

# %% [markdown]
# Read the sentences, not only the means. Under noise, a fall to zero wins. Where progress counts,
# schedules that stay high for long, such as warmup-stable-decay and one-cycle, are ahead or cannot
# be told apart, and exponential decay, which spends its budget on small rates, is at the end. With
# clean data and time, a constant rate cannot be told from the rest; only exponential decay is behind.
#
# There is no league table of schedules. There is a question to ask first: *what limits this run?*
#
# ## Look at a race
#
# The curves, and beneath them the rates that were used: every one equal to the plan.

# %%
race = races["digits"]
assert all((used == race.plans[name].lr).all() for name, used in race.used.items())
race.plot()
marks = pd.Index(race.marks, name="updates")
pd.DataFrame({name: curve.mean(0) for name, curve in race.curves.items()}, index=marks).round(3)

# %% [markdown]
# Until late in the run, the schedules that win at the end are behind some that lose. If you stop a
# run early to compare, you compare something else.
#
# ## Your bench
#
# Choose schedules, a task, a budget; press Start. The curves grow while it trains. Keep a race,
# change one thing, and race again. Write a schedule of your own: a function of `t`, with `steps`
# as the budget, and `np` and the schedules of the course at hand.
#
# 1. At which budget can 16 seeds no longer tell linear from cosine on `digits`?
# 2. On `spirals`, untune the peak. How far can you raise it until one-cycle diverges? And constant?
# 3. Write linear decay to a tenth instead of zero. What does the last tenth cost?

# %%
lrcourse.bench()

# %% [markdown]
# ## Challenge: beat the course
#
# The best schedule of the course on this task falls in a straight line to zero. Write a better
# one. Same budget of 200 updates, 32 seeds that neither was tuned on, each at its own best peak.


# %%
def mine(t):
    return 1 - t / 200  # yours: any function of t = 0, 1, ..., 199


course = lab.shapes(200)["linear"]
challenge = lab.race({"mine": mine, "linear": course}, steps=200, seeds=range(1000, 1032))
print(challenge.verdict())

# %% [markdown]
# Beaten means: the interval leaves zero out. If you tried twenty functions and one of them won,
# run that one again on seeds that you have not looked at, such as `seeds=range(2000, 2032)`.
#
# ## What a toy can tell, and what it cannot
#
# It can show *that* an effect exists, why, and how large it must be to be seen. It can show that a
# claim is not true in general. It cannot rank schedules for a large model: there, other things
# limit the run. What is reported from there, at the time of writing, agrees with the column of
# `digits`: linear to zero (Bergsma et al., 2025, arXiv 2502.15938) and warmup-stable-decay (Hu et
# al., 2024, arXiv 2404.06395; Hägele et al., 2024, arXiv 2405.18392) have joined cosine as common
# choices for language models.
#
# ## Check yourself

# %%
lrcourse.quiz("training_lab")

# %% [markdown]
# ## In practice
#
# - Fix the budget first. Tune the peak of each candidate on it.
# - Compare in pairs: same weights, same batches, at least 16 seeds, or say that you cannot tell.
# - Ask what limits the run. If it is noise, fall to zero. If it is progress, stay high for longer.
#
# ## Further reading
#
# - Schaipp et al. (2025), arXiv 2501.18965: theory that predicts such rankings without training.
# - Li et al. (2020), *Budgeted Training*, arXiv 1905.04753.
# - `lrcourse/lab/`: how a thousand runs train side by side, in a few dozen lines.
