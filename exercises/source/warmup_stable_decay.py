# %% [markdown]
# # Exercises 6: warm-up, stable, decay
#
# These exercises go with lesson 6, *Warm-up, stable, decay*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import math

import lrcourse

from torch import nn
from torch.optim import lr_scheduler

# %% [markdown]
# {task warmup_stable_decay.1}


# %%
def cool(t, lr, start, length):
    ### BEGIN SOLUTION
    done = min(max(t - start, 0) / length, 1)
    return lr * (1 - math.sqrt(done))
    ### END SOLUTION


# %% [markdown]
# {task warmup_stable_decay.2}


# %%
def updates(examples, batch, processes, accumulation, epochs):
    ### BEGIN SOLUTION
    batches = math.ceil(examples / (batch * processes))
    return math.ceil(batches / accumulation) * epochs
    ### END SOLUTION


# %% [markdown]
# {task warmup_stable_decay.3}


# %%
def trapezoid(t, lr, warmup, total, down):
    ### BEGIN SOLUTION
    if t < warmup:
        return lr * (1 / warmup + (1 - 1 / warmup) * t / warmup)
    return lr * min(1, (total - t) / down)
    ### END SOLUTION


# %% [markdown]
# {task warmup_stable_decay.4}

# %%
bugs = None  # your answer
### BEGIN SOLUTION
bugs = [
    "length counted in batches, stepped per update",
    "stepped once for every process",
    "the old length came back with the state",
    "the length was changed half-way",
]
### END SOLUTION

# %% [markdown]
# {task warmup_stable_decay.5}


# %%
def train_wsd(model, optimizer, batches, epochs, warmup, down):
    ### BEGIN SOLUTION
    total = epochs * len(batches)
    parts = [
        lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup),
        lr_scheduler.ConstantLR(optimizer, factor=1.0),
        lr_scheduler.PolynomialLR(optimizer, total_iters=down),
    ]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones=[warmup, total - down])
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
    ### END SOLUTION


# %% [markdown]
# {task warmup_stable_decay.6}


# %%
def cost(budgets, downs):
    ### BEGIN SOLUTION
    trunk = max(budget - down for budget, down in zip(budgets, downs))
    return [trunk + sum(downs), sum(budgets)]
    ### END SOLUTION
