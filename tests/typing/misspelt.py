"""Mistakes that an editor must mark: every line that ends with `# wrong` has an error, no other."""

from lrcourse import OneCycle, StepDecay, explore, lab, trace

StepDecay(lr=0.1, stepsize=30)  # wrong
StepDecay(lr="0.1")  # wrong
StepDecay(0.1)  # wrong
OneCycle(max_lr=0.1, total_step=100)  # wrong
step = StepDecay(lr=0.1, step_size=30)
print(step.gama)  # wrong
step.lr = 0.2  # wrong
step.then(StepDecay())  # wrong
explore(step, stepz=100)  # wrong
lab.race(["cosine"], step=100)  # wrong
trace(step).agains(step)  # wrong
half: int = step(3)  # wrong
