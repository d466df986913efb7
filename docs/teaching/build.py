"""Makes the pages in `docs/teaching/lessons/`: one for each lesson, to print and hold in one's hand.

    python docs/teaching/build.py            writes them
    python docs/teaching/build.py --check    says which are not up to date, and ends with 1

What to say, show and skip is in `notes.toml`. Questions, right and wrong answers, and why somebody
would give them, are those of the lessons' own predictions and quizzes.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from lrcourse.copies import originals
from lrcourse.widgets import questions

HERE = Path(__file__).resolve().parent
LETTERS = "abcdef"


def notes() -> dict[str, dict[str, Any]]:
    """What is said of each lesson, by the name of its quiz."""
    return tomllib.loads((HERE / "notes.toml").read_text(encoding="utf-8"))


def source(notebook: str) -> str:
    """The lesson's text, as maintainers edit it."""
    return (originals() / "source" / f"{notebook}.py").read_text(encoding="utf-8")


def headings(notebook: str) -> list[str]:
    return re.findall(r"^# ## (.+)$", source(notebook), re.MULTILINE)


def minutes(notebook: str) -> int:
    """How long the lesson says that it takes."""
    text = re.sub(r"\n# ?", " ", source(notebook))
    return int(re.search(r"About (\d+) minutes", text)[1])


def page(lesson: str, about: dict[str, Any]) -> str:
    """One lesson, as Markdown."""
    title = re.search(r"^# # (.+)$", source(about["notebook"]), re.MULTILINE)[1]
    parts = [
        f"<!-- Made by docs/teaching/build.py from notes.toml and the quizzes: edit those. -->\n\n"
        f"# {title}\n\nNotebook `{about['notebook']}`, {minutes(about['notebook'])} minutes.",
        "## Minute by minute\n\n" + _blocks(about["block"]),
        "## The vote\n\n" + _vote(lesson),
        "## The quiz, and the wrong answers to expect\n\n" + _quiz(lesson),
        "## Where rooms get stuck\n\n" + _list(about["stuck"]),
        "## Short of time: skip, in this order\n\n" + _list(about["skip"]),
    ]
    return "\n\n".join(parts) + "\n"


def _blocks(blocks: list[dict[str, Any]]) -> str:
    rows = [f"| {b['minutes']} | {b['section']} | {b['say']} | {b['show']} |" for b in blocks]
    return "\n".join(["| min | section | say | show |", "|---:|---|---|---|", *rows])


def _vote(lesson: str) -> str:
    about = questions.prediction(lesson)
    right = about["answer"]
    wrong = [f"- **{name}.** {why}" for name, why in about["because"].items() if name != right]
    return "\n".join(
        [
            f"> {about['question']}",
            "",
            f"Right: **{right}.** {about['because'][right]}",
            "",
            "Wrong answers to expect, and what each of them has not seen:",
            "",
            *wrong,
            "",
            "First vote alone, in silence. Below about 35 % right, explain again; up to 70 %, let "
            "neighbours convince each other and vote again; above, open the answer and go on. The "
            "board says which.",
        ]
    )


def _quiz(lesson: str) -> str:
    return "\n\n".join(_question(i, q) for i, q in enumerate(questions.load(lesson), 1))


def _question(number: int, question: dict[str, Any]) -> str:
    lines = [f"**{number}.** {question['ask']}", ""]
    for letter, choice in zip(LETTERS, question["choices"]):
        mark = "**right**" if choice["right"] else "wrong"
        lines.append(f"- ({letter}, {mark}) {choice['text']}. *{choice['because']}*")
    return "\n".join(lines)


def _list(items: list[str]) -> str:
    return "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1))


def pages() -> dict[Path, str]:
    """All pages, by their place."""
    return {
        HERE / "lessons" / f"{about['notebook']}.md": page(lesson, about)
        for lesson, about in notes().items()
    }


def main(arguments: list[str]) -> int:
    made = pages()
    old = [
        path
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        print("\n".join(f"{path} is not up to date: python {__file__}" for path in old))
        return int(bool(old))
    (HERE / "lessons").mkdir(exist_ok=True)
    for path in old:
        path.write_text(made[path], encoding="utf-8")
        print(f"{path.name}: written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
