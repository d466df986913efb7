# %% [markdown]
# # Exercises 6: the training lab
#
# These exercises go with the training lab. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import numpy as np
from scipy import stats

import lrcourse

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-1-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.1}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired_interval(a, b):
    ### BEGIN SOLUTION
    gaps = np.array(a) - np.array(b)
    n = len(gaps)
    half = stats.t.ppf(0.975, n - 1) * gaps.std(ddof=1) / math.sqrt(n)
    return [gaps.mean() - half, gaps.mean() + half]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-1", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("training_lab.1", paired_interval)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.1", paired_interval).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-2-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.2}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def better(low, high):
    ### BEGIN SOLUTION
    if high < 0:
        return "a"
    return "b" if low > 0 else "no difference"
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-2", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("training_lab.2", better)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.2", better).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-3-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.3}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_peak(peaks, risks):
    ### BEGIN SOLUTION
    means = {peak: sum(row) / len(row) for peak, row in zip(peaks, risks) if None not in row}
    return min(means, key=means.get)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-3", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("training_lab.3", best_peak)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.3", best_peak).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-4-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.4}

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-4-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
flaws = None  # your answer
### BEGIN SOLUTION
flaws = [
    "one seed",
    "only one was tuned",
    "unequal budget",
    "tuned on the seeds it is judged on",
]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-4", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 4}
lrcourse.check("training_lab.4", flaws)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.4", flaws).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-5-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.5}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_schedule(t, total):
    ### BEGIN SOLUTION
    return 0.17 * (1 - t / total)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-5", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 6}
lrcourse.check("training_lab.5", my_schedule)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.5", my_schedule).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-6-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.6}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "training_lab-6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equal_budget(updates, batch, other_batch):
    ### BEGIN SOLUTION
    return [updates * batch // other_batch, other_batch / batch]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "training_lab-6", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("training_lab.6", equal_budget)
### BEGIN HIDDEN TESTS
lrcourse.check("training_lab.6", equal_budget).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "training_lab-7-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question training_lab.7}

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": true, "grade_id": "training_lab-7", "locked": false, "schema_version": 3, "solution": true, "task": false, "points": 6}
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
