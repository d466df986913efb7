# %% [markdown]
# # Exercises 4: cyclical rates
#
# These exercises go with lesson 4, *Cyclical rates*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import lrcourse

# %% [markdown]
# {task cyclical_lr.1}


# %%
def triangular(t, base_lr, max_lr, step_size_up):
    ### BEGIN SOLUTION
    place = t % (2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return base_lr + (max_lr - base_lr) * height
    ### END SOLUTION


# %% [markdown]
# {task cyclical_lr.2}


# %%
def size_up(images, batch_size, epochs, cycles):
    ### BEGIN SOLUTION
    updates = math.ceil(images / batch_size) * epochs
    return updates // (2 * cycles)
    ### END SOLUTION


# %% [markdown]
# {task cyclical_lr.3}


# %%
def triangular2(t, base_lr, max_lr, step_size_up):
    ### BEGIN SOLUTION
    cycle, place = divmod(t, 2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return base_lr + (max_lr - base_lr) * height / 2**cycle
    ### END SOLUTION


# %% [markdown]
# {task cyclical_lr.4}


# %%
def cyclic_momentum(t, step_size_up, base_momentum, max_momentum):
    ### BEGIN SOLUTION
    place = t % (2 * step_size_up)
    height = min(place, 2 * step_size_up - place) / step_size_up
    return max_momentum - (max_momentum - base_momentum) * height
    ### END SOLUTION


# %% [markdown]
# {task cyclical_lr.5}


# %%
def restarts(T_0, T_mult, total):
    ### BEGIN SOLUTION
    found, at, length = [], T_0, T_0
    while at < total:
        found.append(at)
        length *= T_mult
        at += length
    return found
    ### END SOLUTION


# %% [markdown]
# {task cyclical_lr.6}

# %%
numbers = None  # your answer
### BEGIN SOLUTION
numbers = [0.0, 0.025, 0.9]
### END SOLUTION
