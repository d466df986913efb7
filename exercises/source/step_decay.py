# %% [markdown]
# # Exercises 1: step decay
#
# These exercises go with lesson 1, *Step decay*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
import lrcourse

from torch import nn
from torch.optim import lr_scheduler

# %% [markdown]
# {task step_decay.1}


# %%
def step_decay(t, lr, step_size, gamma):
    ### BEGIN SOLUTION
    return lr * gamma ** (t // step_size)
    ### END SOLUTION


# %% [markdown]
# {task step_decay.2}


# %%
def step_curve(t, lr, step_size, gamma):
    ### BEGIN SOLUTION
    drops = t // step_size
    return lr * gamma**drops
    ### END SOLUTION


# %% [markdown]
# {task step_decay.3}


# %%
def multi_step(t, lr, milestones, gamma):
    ### BEGIN SOLUTION
    passed = sum(milestone <= t for milestone in milestones)
    return lr * gamma**passed
    ### END SOLUTION


# %% [markdown]
# {task step_decay.4}

# %%
rates = None  # your answer
### BEGIN SOLUTION
rates = [0.1, 0.1, 0.01, 0.001, 0.001]
### END SOLUTION

# %% [markdown]
# {task step_decay.5}

# %%
bugs = None  # your answer
### BEGIN SOLUTION
bugs = ["stepped every batch", "stepped before training", "milestone after the end"]
### END SOLUTION

# %% [markdown]
# {task step_decay.6}


# %%
# Change this function.
def train(model, optimizer, batches, epochs, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()


### BEGIN SOLUTION
def train(model, optimizer, batches, epochs, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()


### END SOLUTION

# %% [markdown]
# {task step_decay.7}


# %%
# Change this function.
def train_on(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
    return {"model": model.state_dict()}


### BEGIN SOLUTION
def train_on(model, optimizer, batches, epochs, checkpoint, step_size, gamma):
    scheduler = lr_scheduler.StepLR(optimizer, step_size, gamma)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    if checkpoint is not None:
        for name, part in parts.items():
            part.load_state_dict(checkpoint[name])
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
    return {name: part.state_dict() for name, part in parts.items()}


### END SOLUTION
