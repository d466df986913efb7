# %% [markdown]
# # Exercises 1: step decay
#
# These exercises go with lesson 1, *Step decay*. Write your answer where the cell says
# so, run it, and then run the cell below it: it says at once what is right, and where it goes
# wrong. Stuck? Add `.hint()` or `.picture()` to the end of that line.

# %%
from torch import nn
from torch.optim import lr_scheduler

import lrcourse

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-1-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.1}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_decay(t, lr, step_size, gamma):
    ### BEGIN SOLUTION
    return lr * gamma ** (t // step_size)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-1", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("step_decay.1", step_decay)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.1", step_decay).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-2-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.2}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_curve(t, lr, step_size, gamma):
    ### BEGIN SOLUTION
    drops = t // step_size
    return lr * gamma**drops
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-2", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("step_decay.2", step_curve)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.2", step_curve).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-3-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.3}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def multi_step(t, lr, milestones, gamma):
    ### BEGIN SOLUTION
    passed = sum(milestone <= t for milestone in milestones)
    return lr * gamma**passed
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-3", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("step_decay.3", multi_step)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.3", multi_step).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-4-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.4}

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-4-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
rates = None  # your answer
### BEGIN SOLUTION
rates = [0.1, 0.1, 0.01, 0.001, 0.001]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-4", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 2}
lrcourse.check("step_decay.4", rates)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.4", rates).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-5-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.5}

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
bugs = None  # your answer
### BEGIN SOLUTION
bugs = ["stepped every batch", "stepped before training", "milestone after the end"]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-5", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 3}
lrcourse.check("step_decay.5", bugs)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.5", bugs).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-6-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.6}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
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

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-6", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 4}
lrcourse.check("step_decay.6", train)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.6", train).award()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"cell_type": "markdown", "grade": false, "grade_id": "step_decay-7-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# {question step_decay.7}


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "step_decay-7-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
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

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "step_decay-7", "locked": true, "schema_version": 3, "solution": false, "task": false, "points": 4}
lrcourse.check("step_decay.7", train_on)
### BEGIN HIDDEN TESTS
lrcourse.check("step_decay.7", train_on).award()
### END HIDDEN TESTS
