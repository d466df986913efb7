# %% [markdown]
# # Exercises 7: the training lab
#
# These exercises go with the training lab. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import numpy as np
from scipy import stats

import lrcourse

# %% [markdown]
# {task training_lab.1}


# %%
def paired_interval(a, b):
    ### BEGIN SOLUTION
    gaps = np.array(a) - np.array(b)
    n = len(gaps)
    half = stats.t.ppf(0.975, n - 1) * gaps.std(ddof=1) / math.sqrt(n)
    return [gaps.mean() - half, gaps.mean() + half]
    ### END SOLUTION


# %% [markdown]
# {task training_lab.2}


# %%
def better(low, high):
    ### BEGIN SOLUTION
    if high < 0:
        return "a"
    return "b" if low > 0 else "no difference"
    ### END SOLUTION


# %% [markdown]
# {task training_lab.3}


# %%
def best_peak(peaks, risks):
    ### BEGIN SOLUTION
    means = {peak: sum(row) / len(row) for peak, row in zip(peaks, risks) if None not in row}
    return min(means, key=means.get)
    ### END SOLUTION


# %% [markdown]
# {task training_lab.4}

# %%
flaws = None  # your answer
### BEGIN SOLUTION
flaws = [
    "one seed",
    "only one was tuned",
    "unequal budget",
    "picked on the seeds it is judged on",
]
### END SOLUTION

# %% [markdown]
# {task training_lab.5}


# %%
def my_schedule(t, total):
    ### BEGIN SOLUTION
    return 0.17 * (1 - t / total)
    ### END SOLUTION


# %% [markdown]
# {task training_lab.6}


# %%
def equal_budget(updates, batch, other_batch):
    ### BEGIN SOLUTION
    return [updates * batch // other_batch, other_batch / batch]
    ### END SOLUTION


# %% [markdown]
# {task training_lab.7}

# %% [markdown]
# ### BEGIN SOLUTION
# Linear to zero after a short warm-up. Two GPU days of ResNet-50 on my 60,000 images are about 60
# epochs; with batches of 128 an epoch has 469 updates, so the run has 28,140 updates, of which the
# first 500 climb and the other 27,640 fall in a straight line to zero, stepped after every batch.
# In the lab linear to zero reached an excess risk of 0.193 after 300 updates, the best constant
# rate 0.250, each at its own tuned peak, on 32 seeds: the paired interval left zero out. That was a
# small network with noise that never goes away; on clean data nothing differed. I tune the peak on
# runs of a tenth of the length, and I record the rates of the first epoch and compare them with
# the plan before I let it run on. I would choose a constant rate with a final fall instead if I did
# not know when the run will end, and a longer warm-up if the first updates diverge.
# ### END SOLUTION
