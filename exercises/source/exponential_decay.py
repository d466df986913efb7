# %% [markdown]
# # Exercises 2: exponential decay
#
# These exercises go with lesson 2, *Exponential decay*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import numpy as np

import lrcourse

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-1-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.1}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def exponential_decay(t, lr, k):
    ### BEGIN SOLUTION
    return lr * math.exp(-k * t)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-1", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("exponential_decay.1", exponential_decay)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.1", exponential_decay).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-2-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.2}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def decay_curve(t, lr, k):
    ### BEGIN SOLUTION
    return lr * np.exp(-k * t)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-2", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("exponential_decay.2", decay_curve)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.2", decay_curve).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-3-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.3}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gamma_from_k(k):
    ### BEGIN SOLUTION
    return math.exp(-k)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-3", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 1}
lrcourse.check("exponential_decay.3", gamma_from_k)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.3", gamma_from_k).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-4-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.4}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-4-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def k_from_gamma(gamma):
    ### BEGIN SOLUTION
    return -math.log(gamma)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-4", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 1}
lrcourse.check("exponential_decay.4", k_from_gamma)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.4", k_from_gamma).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-5-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.5}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def updates_until(share, gamma):
    ### BEGIN SOLUTION
    return math.ceil(math.log(share) / math.log(gamma))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-5", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("exponential_decay.5", updates_until)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.5", updates_until).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-6-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.6}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gamma_for(final_share, epochs, batches):
    ### BEGIN SOLUTION
    return final_share ** (1 / (epochs * batches))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-6", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("exponential_decay.6", gamma_for)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.6", gamma_for).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "exponential_decay-7-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question exponential_decay.7}

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "exponential_decay-7-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
rates = None  # your answer
### BEGIN SOLUTION
rates = [0.05, 0.0025, 0.9512, 0.9048]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "exponential_decay-7", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("exponential_decay.7", rates)
### BEGIN HIDDEN TESTS
lrcourse.check("exponential_decay.7", rates).award()
### END HIDDEN TESTS
