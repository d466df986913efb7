"""Written answers, found where people put them."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import NamedTuple

from lrcourse.grading.notebooks import Cell, Notebook
from lrcourse.tasks import SHEETS, Task

MOST = 20_000  # characters of an answer
STUB = "*Write your answer here.*"


class Written(NamedTuple):
    """The text of an answer, and what the marker should know of where it stood."""

    text: str
    note: str = ""


def written_answer(task: Task, notebook: Notebook, online: str = "") -> Written:
    """What a learner wrote for a task: in its cell, and in those up to the next question.

    `online`: what was typed into the platform's own form.
    """
    own, others = _region(task, notebook.cells)
    texts = [text for cell in own if (text := _text(cell))]
    beside = [(cell.kind, text) for cell in others if (text := _text(cell))]
    found = [*texts, *(text for _, text in beside)]
    notes = [_where(beside)] if beside else []
    if not found and online:
        found, notes = [online], ["its text was typed into the platform's form"]
    if not found:
        found = _anywhere(task, notebook)
        notes = ["its text stood elsewhere in the notebook: is it meant?"] if found else []
    if any("### BEGIN SOLUTION" in text for text in found):
        notes.append("it is the text of the public solution")
    note = f"{task.id}: {'; '.join(notes)}." if notes else ""
    return Written("\n\n".join(found)[:MOST], note)


def _where(beside: Sequence[tuple[str, str]]) -> str:
    kinds = dict.fromkeys("code" if kind == "code" else "text" for kind, _ in beside)
    return f"its text, or more of it, stood in another cell below the question ({', '.join(kinds)})"


def _region(task: Task, cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells that carry the task's id, and those from its question to the next one."""
    own = [cell for cell in cells if cell.grade_id == task.grade_id]
    starts = [i for i, cell in enumerate(cells) if _is_question(cell, task)]
    if not starts and own:
        starts = [cells.index(own[0])]
    if not starts:
        return own, []
    start = starts[0]
    others = [t for t in SHEETS[task.sheet].TASKS if t is not task]
    ends = (
        i
        for i, cell in enumerate(cells)
        if i > start and any(_is_question(cell, t) for t in others)
    )
    after = cells[start + (not _is_own(cells[start], task)) : next(ends, len(cells))]
    return own, [cell for cell in after if not cell.grade_id.startswith(f"{task.sheet}-")]


def _is_own(cell: Cell, task: Task) -> bool:
    return cell.grade_id == task.grade_id


def _is_question(cell: Cell, task: Task) -> bool:
    """By its id, or where that is gone, by its heading."""
    if cell.kind != "markdown" or cell.grade_id == task.grade_id:
        return False
    if cell.grade_id:
        return cell.grade_id == f"{task.grade_id}-question"
    number = task.id.rpartition(".")[2]
    heading = re.compile(rf"\s*#+\s*{number}\s*\.\s*{re.escape(task.title)}", re.I)
    return bool(heading.match(cell.source))


def _text(cell: Cell) -> str:
    """What a person wrote in a cell: no stub, no call of `check`, nothing that is only code."""
    text = cell.source.replace(STUB, "").strip()
    if cell.kind != "code":
        return text
    lines = [line for line in text.split("\n") if not re.match(r"\s*lrcourse\.check\(", line)]
    words = re.findall(r"[^\W\d_]{2,}", " ".join(lines))
    comments = sum(line.lstrip().startswith("#") for line in lines)
    prose = '"""' in text or "'''" in text or comments * 2 > len(lines) or _reads_as_prose(lines)
    return (
        "\n".join(lines).strip()
        if prose and len(words) > 4 and "Write your code" not in text
        else ""
    )


def _reads_as_prose(lines: Sequence[str]) -> bool:
    """Whether it is no Python: words with blanks between, line for line."""
    said = [line for line in lines if line.strip()]
    plain = [line for line in said if re.match(r"\s*[^\W\d_]+(?:,? [^\W\d_=(]+){3}", line)]
    return bool(said) and len(plain) * 2 > len(said)


def _anywhere(task: Task, notebook: Notebook) -> list[str]:
    """Texts of cells that are none of the sheet's own, where its question is gone as well."""
    own = _own_texts(task.sheet)
    return [
        text
        for cell in notebook.cells
        if cell.kind == "markdown"
        and not cell.grade_id
        and (text := _text(cell))
        and not any(_same(text, known) for known in own)
        and not text.lstrip().startswith("#")
        and len(text.split()) > 8
    ]


def _own_texts(sheet: str) -> list[str]:
    return [t.question for t in SHEETS[sheet].TASKS] + [t.rubric for t in SHEETS[sheet].TASKS]


def _same(text: str, known: str) -> bool:
    squeezed, other = " ".join(text.split()), " ".join(known.split())
    return bool(other) and (
        other in squeezed or squeezed in other or "These exercises go with" in text
    )


def text_of_html(page: str) -> str:
    """What a page says, without its tags, scripts and styles."""
    reader = _Text()
    reader.feed(page)
    reader.close()
    lines = "".join(reader.parts).split("\n")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self._silent += tag in ("script", "style")
        self.parts += ["\n"] * (tag in ("p", "br", "div", "li", "h1", "h2", "h3", "tr"))

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in ("script", "style")))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
