"""The training lab: compare schedules fairly, on toy models, in seconds.

>>> from lrcourse import lab
>>> race = lab.race(["constant", "cosine"], task="quadratic", steps=100)
>>> print(race.verdict())
cosine beats constant: 0.1126 lower expected loss, exactly

`race` compares schedules. `bound` says which to expect ahead, without training. `range_test` looks for a rate. `landscape` draws the path of an optimizer.
`TASKS` names what there is to train on; `Task` makes your own. `interval` and `paired` are the
statistics underneath.
"""

from lrcourse.lab.bounds import Bound, bound
from lrcourse.lab.budgets import Races, race
from lrcourse.lab.cluster import local_cluster
from lrcourse.lab.families import families
from lrcourse.lab.landscape import SURFACES, Landscape, landscape
from lrcourse.lab.optimizers import SGD, AdamW, Lion, Muon, Optimizer
from lrcourse.lab.plans import shapes
from lrcourse.lab.quadratic import Quadratic, best_rates
from lrcourse.lab.race import Race
from lrcourse.lab.range_test import RangeTest, range_test
from lrcourse.lab.recorded import recorded, recorded_again
from lrcourse.lab.saving import load
from lrcourse.lab.stats import Interval, Paired, interval, paired, step_down
from lrcourse.lab.tasks import TASKS, Task
from lrcourse.lab.two_weights import largest_peak

__all__ = [
    "SGD",
    "SURFACES",
    "TASKS",
    "AdamW",
    "Bound",
    "Interval",
    "Landscape",
    "Lion",
    "Muon",
    "Optimizer",
    "Paired",
    "Quadratic",
    "Race",
    "Races",
    "RangeTest",
    "Task",
    "best_rates",
    "bound",
    "families",
    "interval",
    "landscape",
    "largest_peak",
    "load",
    "local_cluster",
    "paired",
    "race",
    "range_test",
    "recorded",
    "recorded_again",
    "shapes",
    "step_down",
]
