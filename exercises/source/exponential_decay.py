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

# %% [markdown]
# {task exponential_decay.1}


# %%
def exponential_decay(t, lr, k):
    ### BEGIN SOLUTION
    return lr * math.exp(-k * t)
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.2}


# %%
def decay_curve(t, lr, k):
    ### BEGIN SOLUTION
    return lr * np.exp(-k * t)
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.3}


# %%
def gamma_from_k(k):
    ### BEGIN SOLUTION
    return math.exp(-k)
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.4}


# %%
def k_from_gamma(gamma):
    ### BEGIN SOLUTION
    return -math.log(gamma)
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.5}


# %%
def updates_until(share, gamma):
    ### BEGIN SOLUTION
    return math.ceil(math.log(share) / math.log(gamma))
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.6}


# %%
def gamma_for(final_share, epochs, batches):
    ### BEGIN SOLUTION
    return final_share ** (1 / (epochs * batches))
    ### END SOLUTION


# %% [markdown]
# {task exponential_decay.7}

# %%
rates = None  # your answer
### BEGIN SOLUTION
rates = [0.05, 0.0025, 0.9512, 0.9048]
### END SOLUTION
