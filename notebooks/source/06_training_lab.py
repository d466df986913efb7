# %% [markdown]
# # The training lab: compare fairly, and distrust one seed
#
# **You will do.** Watch one seed deceive you, race the schedules of the course at three budgets
# and under three conditions, run races of your own, and try to beat the best. · **You will
# learn.** How many seeds a comparison needs, what makes it fair, and what a toy can tell. · **You need.** Lessons 1
# to 5. About 70 minutes.
#
# ## The question
#
# "I tried linear decay and cosine, and cosine was better." How often is a sentence like this true
# of the next seed?

# %%
from itertools import combinations

import numpy as np
import pandas as pd

import lrcourse
from lrcourse import Constant, OneCycle, lab

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
# better than cosine, and the interval leaves zero out by far. Yet on 36 of the 128 seeds cosine or
# one-cycle won. Whoever runs a single seed has better than one chance in four of meeting such a one.
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
# At the low peak for all, warmup-stable-decay and constant lead: they stay high. At the high one,
# linear, cosine and one-cycle lead, which fall all the way, and constant is last. Choose the peak,
# and you choose the winner.
#
# ## The five schedules, at a short, a medium and a long budget
#
# The five of the lessons, with constant and linear beside them. Every budget is a race of its own:
# the schedules are fitted to it, and each peak is tuned for it. Mean and 95 % interval over 16 seeds:

# %%
five = ["step", "exponential", "cosine", "cyclical", "one-cycle"]
entries, wide = [*five, "constant", "linear"], np.geomspace(0.025, 0.8, 11)
at = {T: lab.race(entries, steps=T, seeds=16, peaks=wide) for T in (100, 300, 1000)}
assert not any(race.table()["at edge"].any() for race in at.values())  # no peak at the grid's edge
risk, peak = {}, {}
for T, race in at.items():
    risk[T] = {name: f"{lab.interval(s)}" for name, s in race.scores.items()}
    peak[T] = race.table()["peak"]
    alike = [f"{a} and {b}" for a, b in combinations(five, 2) if not race.compare(a, b).shown]
    print(f"{T} updates, no difference shown:", "; ".join(alike) or "none")
tables = {"excess risk": pd.DataFrame(risk), "tuned peak": pd.DataFrame(peak).round(3)}
pd.concat(tables, axis=1, names=["", "updates"])

# %% [markdown]
# Lower is better. The lines above the table name the pairs *of the five* that 16 seeds do not tell
# apart. All other pairs differ; but these are 30 comparisons, and one or two of so many can look
# like a difference by chance.
#
# - *Short.* One-cycle and cosine are lowest, and not told apart. Step is last, and told apart from
#   the other four.
# - *Medium.* Cosine is lowest, and told apart from the other four. Step has caught up with cyclical.
# - *Long.* One-cycle and cosine again, not told apart. Cyclical is last, and told apart from the
#   other four. Step has caught up with exponential. From first to last of the five there is now
#   0.02, where it was 0.06 at the short budget.
#
# So "which of the five?" has no answer without the budget. Beside the five: constant has the highest
# mean at every budget, at the short one together with step; linear has the lowest at the medium and
# at the long one. The tuned peaks differ, too: at every budget constant has the lowest of all, and
# exponential the highest.
#
# ## Large peaks, seen
#
# Why can a schedule that falls use a peak that a constant rate cannot? On a ravine, where the
# curvature is 20, no constant rate above 2 / 20 = 0.1 holds. Here is one-cycle with a peak above:

# %%
one_cycle = OneCycle(max_lr=0.14, total_steps=60, cycle_momentum=False)
print(lab.landscape({"constant": Constant(lr=0.14), "one-cycle": one_cycle}, "ravine").verdict())
lrcourse.explore_landscape(one_cycle, "ravine")

# %% [markdown]
# 1. Step back to the updates at which the rate is above 0.1. What does the path do there?
# 2. Raise `max_lr`. From where on does the path leave the picture? From where on does it not
#    come back?
# 3. Choose `two wells`. It starts in a sharp well, curvature 50. From which `max_lr` on does it end
#    in the wide one?
#
# <details><summary>Answers</summary>
#
# 1. The rate is above 0.1 from update 11 to update 32. The swings across the ravine grow from too
#    small to see to 0.91. After that they die out.
# 2. It leaves from 0.15 on, and comes back up to 0.2. At 0.22 it diverges.
# 3. From 0.06 on: above 2 / 50 = 0.04 for long enough, and it is thrown out.
# </details>
#
# A fall forgives updates above the threshold, if they are few. That is how it can afford them.
#
# ## Can a short test find the peak?
#
# A *range test* tries rates before you train. The classic way is one run whose rate grows at every
# update, a ramp, and a rule that reads a rate off its loss. `lab` can also train a run at every
# rate, all side by side:

# %% alt="Above, the excess risk after training at each rate, lowest near 0.06; below, the loss along one ramp, with a line at the rate of each rule."
test = lab.range_test("digits")
test.plot()
print(test.verdict())
test.table().round(3)

# %% [markdown]
# Same ramp, same losses, and the rules differ by a factor of 16. `minimum` lies above the largest
# rate at which training ended better than it began. `minimum / 10` came closest to the best of all
# rates tried, on this task. Use the test to find the range, and then try rates within it.
#
# And it is a test of *constant* rates, 0.06 for 100 updates. In the race over 100 updates the tuned
# peak of constant was 0.071, close to that; the one of exponential was 0.4.
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
fair = {"seeds": 16, "peaks": np.geomspace(0.025, 1.6, 13), "tune_seeds": 16}
races = {
    task: lab.race(list(lab.shapes(steps)), task=task, steps=steps, **fair)
    for task, steps in budgets.items()
}
means = pd.DataFrame({task: race.table()["mean"] for task, race in races.items()})
means.sort_values("digits").round({"digits": 3, "spirals": 2, "digits_clean": 3})

# %%
for task in ("digits", "digits_clean"):
    print(task, *races[task].verdict().splitlines(), sep="\n  ")

best, *others = races["spirals"].table().index
behind = [name for name in others if races["spirals"].compare(best, name).shown]
print("spirals, 95 % intervals over 16 seeds")
print("  no difference to", best, "shown:", ", ".join(n for n in others if n not in behind))
print("  behind it, the last one last:", ", ".join(behind))

# %% [markdown]
# Processors round differently, and training makes so much of it that on `spirals` and
# `digits_clean` the third decimal can be another on yours, on `spirals` by more: so it has fewer
# digits here. `races["spirals"].verdict()` has all the intervals.
#
# Read the sentences, not only the means. Under noise, linear and cosine are ahead, not told apart,
# and constant is last. Where progress counts, constant and linear are the two that cannot be told
# from the best, warmup-stable-decay; step and exponential are at the end. With clean data and time,
# these 16 seeds do not tell cyclical, constant and one-cycle from the best, warmup-stable-decay
# again; exponential decay is last.
#
# One thing the intervals do not know: they count the seeds, not the choice of the peak. On `spirals`
# and `digits_clean` another grid of peaks can change the order of the first few. Try it: put
# `np.geomspace(0.035, 1.12, 11)` into the cell above, and see which sentences stay.
#
# There is no league table of schedules. There is a question to ask first: *what limits this run?*
#
# ## Look at a race
#
# The curves, and beneath them the rates that were used: every one equal to the plan.

# %% alt="Above, the mean excess risk of every schedule, update by update, with its band; below, the rates they used. The table has the means."
race = races["digits"]
assert all((used == race.plans[name].lr).all() for name, used in race.used.items())
race.plot()
marks = pd.Index(race.marks, name="updates")
pd.DataFrame({name: curve.mean(0) for name, curve in race.curves.items()}, index=marks).round(3)

# %% [markdown]
# From update 90 to update 240 exponential decay is ahead of linear; at the end it is behind. If you
# stop a run early to compare, you compare something else.
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
# claim is not true in general. It cannot rank schedules for a large model: there, other things may
# limit the run. What is reported from there, at the time of writing: linear to zero (Bergsma et
# al., 2025, arXiv 2502.15938) and warmup-stable-decay (Hu et al., 2024, arXiv 2404.06395; Hägele et
# al., 2024, arXiv 2405.18392) have joined cosine as common choices for language models. The first
# agrees with the column of `digits`; the second is behind there, and ahead on `spirals`.
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
