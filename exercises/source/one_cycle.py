# %% [markdown]
# # Exercises 5: one-cycle
#
# These exercises go with lesson 5, *One-cycle*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import lrcourse

from torch import nn
from torch.optim import lr_scheduler

# %% [markdown]
# {task one_cycle.1}


# %%
def turning_points(max_lr, div_factor, final_div_factor):
    ### BEGIN SOLUTION
    low = max_lr / div_factor
    return [low, max_lr, low / final_div_factor]
    ### END SOLUTION


# %% [markdown]
# {task one_cycle.2}


# %%
def one_cycle(t, max_lr, total_steps, pct_start):
    ### BEGIN SOLUTION
    def move(a, b, share):
        return b + (a - b) / 2 * (1 + math.cos(math.pi * share))

    low, last = max_lr / 25, total_steps - 1
    peak = pct_start * total_steps - 1
    if t <= peak:
        return move(low, max_lr, t / peak)
    return move(max_lr, low / 10_000, (t - peak) / (last - peak))
    ### END SOLUTION


# %% [markdown]
# {task one_cycle.3}


# %%
def one_cycle_momentum(t, total_steps, pct_start, base_momentum, max_momentum):
    ### BEGIN SOLUTION
    def move(a, b, share):
        return b + (a - b) / 2 * (1 + math.cos(math.pi * share))

    peak, last = pct_start * total_steps - 1, total_steps - 1
    if t <= peak:
        return move(max_momentum, base_momentum, t / peak)
    return move(base_momentum, max_momentum, (t - peak) / (last - peak))
    ### END SOLUTION


# %% [markdown]
# {task one_cycle.4}


# %%
def total_updates(images, batch_size, epochs, gathered):
    ### BEGIN SOLUTION
    batches = math.ceil(images / batch_size)
    return math.ceil(batches / gathered) * epochs
    ### END SOLUTION


# %% [markdown]
# {task one_cycle.5}

# %%
bugs = None  # your answer
### BEGIN SOLUTION
bugs = [
    "stepped per epoch",
    "total_steps in epochs",
    "it replaces the rate of the optimizer",
    "the optimizer was replaced",
]
### END SOLUTION

# %% [markdown]
# {task one_cycle.6}


# %%
# Change this function.
def train_one_cycle(model, optimizer, batches, epochs, max_lr):
    total = epochs * len(batches)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps=total)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()


### BEGIN SOLUTION
def train_one_cycle(model, optimizer, batches, epochs, max_lr):
    total = epochs * len(batches)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps=total)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()


### END SOLUTION
