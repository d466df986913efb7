# %% [markdown]
# # Exercises 4: cyclical rates
#
# These exercises go with lesson 4, *Cyclical rates*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import lrcourse

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-1-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.1}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def triangular(t, base_lr, max_lr, step_size_up):
    ### BEGIN SOLUTION
    place = t % (2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return base_lr + (max_lr - base_lr) * height
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-1", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("cyclical_lr.1", triangular)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.1", triangular).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-2-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.2}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def size_up(images, batch_size, epochs, cycles):
    ### BEGIN SOLUTION
    updates = math.ceil(images / batch_size) * epochs
    return updates // (2 * cycles)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-2", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("cyclical_lr.2", size_up)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.2", size_up).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-3-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.3}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def triangular2(t, base_lr, max_lr, step_size_up):
    ### BEGIN SOLUTION
    cycle, place = divmod(t, 2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return base_lr + (max_lr - base_lr) * height / 2**cycle
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-3", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("cyclical_lr.3", triangular2)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.3", triangular2).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-4-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.4}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-4-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cyclic_momentum(t, step_size_up, base_momentum, max_momentum):
    ### BEGIN SOLUTION
    place = t % (2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return max_momentum - (max_momentum - base_momentum) * height
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-4", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("cyclical_lr.4", cyclic_momentum)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.4", cyclic_momentum).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-5-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.5}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def restarts(T_0, T_mult, total):
    ### BEGIN SOLUTION
    found, at, length = [], T_0, T_0
    while at < total:
        found.append(at)
        length *= T_mult
        at += length
    return found
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-5", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("cyclical_lr.5", restarts)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.5", restarts).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "cyclical_lr-6-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question cyclical_lr.6}

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "cyclical_lr-6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
numbers = None  # your answer
### BEGIN SOLUTION
numbers = [0.0, 0.025, 0.9]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "cyclical_lr-6", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("cyclical_lr.6", numbers)
### BEGIN HIDDEN TESTS
lrcourse.check("cyclical_lr.6", numbers).award()
### END HIDDEN TESTS
