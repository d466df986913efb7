"""The exercises: `TASKS["step_decay.1"]`, and `judge`, which compares an answer with one.

A task is data: the question, how to draw arguments, the trusted reference, the mistakes that
people make with the sentence that names each, hints. There is one module for each lesson.

    arguments = task.arguments(np.random.default_rng())           # trusted, drawn afresh
    results = collect(task.kind, answer, arguments)               # beside the learner's code
    verdict = judge(task, arguments, results)                     # trusted again

`arguments` and `results` are JSON values, so the middle line can run in another process, behind
a sandbox. It needs `lrcourse.answers`, not this package: hide this package from the sandbox, for
the references are in it.
"""

from types import MappingProxyType

from lrcourse.tasks import (
    cosine_annealing,
    cyclical_lr,
    exponential_decay,
    one_cycle,
    step_decay,
    training_lab,
    warmup_stable_decay,
)
from lrcourse.tasks._curves import Curves, curves_of
from lrcourse.tasks._judge import Verdict, judge, show
from lrcourse.tasks._task import DIFFICULTIES, Mistake, Task
from lrcourse.tasks._variants import VARIED, plain_name, varied

SHEETS = {
    "step_decay": step_decay,
    "exponential_decay": exponential_decay,
    "cosine_annealing": cosine_annealing,
    "cyclical_lr": cyclical_lr,
    "one_cycle": one_cycle,
    "warmup_stable_decay": warmup_stable_decay,
    "training_lab": training_lab,
}

# What the first code cell of a sheet imports. PyTorch comes last: where it is not installed, the tasks
# that need none can be done.
_TORCH = "from torch import nn\nfrom torch.optim import lr_scheduler"
IMPORTS = {
    "step_decay": f"import lrcourse\n\n{_TORCH}",
    "exponential_decay": "import math\n\nimport numpy as np\n\nimport lrcourse",
    "cosine_annealing": f"import math\n\nimport lrcourse\n\n{_TORCH}",
    "cyclical_lr": "import math\n\nimport lrcourse",
    "one_cycle": f"import math\n\nimport lrcourse\n\n{_TORCH}",
    "warmup_stable_decay": f"import math\n\nimport lrcourse\n\n{_TORCH}",
    "training_lab": "import math\n\nimport numpy as np\nfrom scipy import stats\n\nimport lrcourse",
}

TASKS = MappingProxyType({task.id: task for sheet in SHEETS.values() for task in sheet.TASKS})

__all__ = [
    "DIFFICULTIES",
    "IMPORTS",
    "SHEETS",
    "TASKS",
    "VARIED",
    "Curves",
    "Mistake",
    "Task",
    "Verdict",
    "curves_of",
    "judge",
    "plain_name",
    "show",
    "varied",
]
