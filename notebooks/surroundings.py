"""What a notebook is run in, when its outputs are stored and when they are compared.

PyTorch and its libraries choose their code by the processor. Each choice rounds differently in
the last digit, and training makes a difference of the last digit one of the third. So here they
are told which code to take, one that almost every PC and server of the last ten years has: then a
comparison fails because of a change in the course, not because of another machine. Learners'
kernels choose as they like, and see a last digit here and there that is not the stored one.
"""

import os
import platform
from pathlib import Path

X86 = platform.machine() in ("x86_64", "AMD64")

SAME_ON_EVERY_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "avx2" if X86 else "default",  # PyTorch's own loops
    "MKL_CBWR": "COMPATIBLE",  # its matrix products
    "ONEDNN_MAX_CPU_ISA": "SSE41",  # its convolutions
    "OPENBLAS_CORETYPE": "Nehalem",  # NumPy's matrix products
}


def surroundings(folder: str | os.PathLike) -> dict[str, str]:
    """Variables of the environment for a learner who has done nothing yet, at home in `folder`."""
    homes = {name: str(Path(folder, name)) for name in ("LRCOURSE_HOME", "IPYTHONDIR")}
    no_bars = {"TQDM_DISABLE": "1"}  # a progress bar shows how fast the machine is
    return homes | no_bars | SAME_ON_EVERY_PROCESSOR
