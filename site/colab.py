"""The lessons as Colab opens them: `python site/colab.py FOLDER`.

Each begins with a cell that the notebooks of the course do not have. It installs the course, which
brings no PyTorch of its own (Colab has one), and lets its widgets move. Needs no package.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COURSE = "git+https://github.com/lrcourse/lrcourse"
CELL = f"""\
# For Colab: installs the course (about a minute) and lets its widgets move.
%pip install --quiet {COURSE}
from google.colab import output

output.enable_custom_widget_manager()"""


def with_first_cell(notebook: dict) -> dict:
    """The notebook with the cell for Colab before all others."""
    first = {
        "cell_type": "code",
        "execution_count": None,
        "id": "for-colab",
        "metadata": {"tags": ["colab"]},
        "outputs": [],
        "source": CELL.splitlines(keepends=True),
    }
    return notebook | {"cells": [first, *notebook["cells"]]}


def main(folder: Path) -> list[Path]:
    """Write every lesson for Colab into `folder`; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = with_first_cell(json.loads(path.read_text(encoding="utf-8")))
        written.append(folder / path.name)
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        written[-1].write_text(f"{text}\n", encoding="utf-8")
    return written


if __name__ == "__main__":
    print(*main(Path(sys.argv[1])), sep="\n")
