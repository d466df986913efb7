# %% [markdown]
# # Exercises 3: cosine annealing
#
# These exercises go with lesson 3, *Cosine annealing*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import lrcourse

from torch import nn
from torch.optim import lr_scheduler

# %% [markdown]
# {task cosine_annealing.1}


# %%
def cosine(t, lr, T_max, eta_min):
    ### BEGIN SOLUTION
    height = (1 + math.cos(math.pi * t / T_max)) / 2
    return eta_min + (lr - eta_min) * height
    ### END SOLUTION


# %% [markdown]
# {task cosine_annealing.2}


# %%
def t_max(images, batch_size, epochs):
    ### BEGIN SOLUTION
    return math.ceil(images / batch_size) * epochs
    ### END SOLUTION


# %% [markdown]
# {task cosine_annealing.3}


# %%
def warm_cosine(t, lr, warmup, total, start_factor):
    ### BEGIN SOLUTION
    if t < warmup:
        return lr * (start_factor + (1 - start_factor) * t / warmup)
    return lr / 2 * (1 + math.cos(math.pi * (t - warmup) / (total - warmup)))
    ### END SOLUTION


# %% [markdown]
# {task cosine_annealing.4}

# %%
bugs = None  # your answer
### BEGIN SOLUTION
bugs = [
    "T_max in epochs, stepped per batch",
    "T_max in batches, stepped per epoch",
    "T_max is half the run",
    "the loss was given to step()",
]
### END SOLUTION

# %% [markdown]
# {task cosine_annealing.5}


# %%
def train_warm(model, optimizer, batches, epochs, warmup):
    ### BEGIN SOLUTION
    left = epochs * len(batches) - warmup
    climb = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=warmup)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=left)
    scheduler = lr_scheduler.SequentialLR(optimizer, [climb, fall], milestones=[warmup])
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
    ### END SOLUTION


# %% [markdown]
# {task cosine_annealing.6}

# %%
rates = None  # your answer
### BEGIN SOLUTION
rates = [1.0, 0.5, 0.0, 0.5, 1.0]
### END SOLUTION
