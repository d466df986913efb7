"""The widgets of a lesson, made as the lesson makes them, and packed for a page without Python.

Nothing is run but the statements that a widget's own line needs: a lesson's trainings are not.
"""

import ast
import gzip
import html
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import MISSING, fields
from functools import singledispatch
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any

import numpy as np

import lrcourse
import lrcourse.widgets
from lrcourse import _fields as kinds
from lrcourse._fields import Kind, kind_of
from lrcourse.lab.landscape import draws
from lrcourse.schedules import Custom, Schedule
from lrcourse.widgets.consequences import STORED_SEEDS, TrainedExplorer
from lrcourse.widgets.controls import Control
from lrcourse.widgets.decide import Decision
from lrcourse.widgets.drafts import Draft
from lrcourse.widgets.explorer import Explorer
from lrcourse.widgets.landscape import MOST_STEPS, LandscapeExplorer
from lrcourse.widgets.play import Ball, Player
from lrcourse.widgets.predict import Choice, Drawing
from lrcourse.widgets.quiz import Quiz
from lrcourse.widgets.widget import HERE as WIDGETS_FOLDER
from lrcourse.widgets.widget import CourseWidget, describe

WIDGETS = {
    name
    for name, module in lrcourse._ON_FIRST_USE.items()
    if module.startswith("lrcourse.widgets.")
}
"""What makes a widget: the names that `lrcourse` has from its widgets."""

SEEDS = 21  # of a landscape's noise: as many as its slider has


# Which cells show a widget


def widgets_of(cells: list[str]) -> Iterator[tuple[int, CourseWidget]]:
    """The number of each cell whose last line shows a widget, and the widget."""
    before: list[ast.stmt] = []
    for number, source in enumerate(cells):
        statements = ast.parse(_without_magics(source)).body
        before += statements
        if statements and _shows_a_widget(statements[-1], before):
            yield number, made(before)


def _without_magics(source: str) -> str:
    return "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())


def _shows_a_widget(last: ast.stmt, before: list[ast.stmt]) -> bool:
    if not isinstance(last, ast.Expr):
        return False
    shown: ast.AST = last.value
    if isinstance(shown, ast.Name):  # w = explore(...), and then w
        bound = [s for s in before if shown.id in bound_by(s)]
        shown = bound[-1] if bound else shown
        shown = shown.value if isinstance(shown, ast.Assign) else shown
    return isinstance(shown, ast.Call) and _called(shown) in WIDGETS


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def made(statements: list[ast.stmt]) -> CourseWidget:
    """The value of the last statement, after those that it needs."""
    *_, last = needed = slice_of(statements)
    space: dict[str, Any] = {"__name__": "lesson"}
    exec(compile(ast.Module(needed[:-1], []), "<lesson>", "exec"), space)
    return eval(compile(ast.Expression(last.value), "<lesson>", "eval"), space)  # type: ignore[attr-defined]


def slice_of(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The last statement, and all before it that it needs, in order.

    What a name was before it was made anew, nobody needs; and a call into a module, which is how
    every other widget is shown, changes nothing of the module.
    """
    *earlier, last = statements
    imports = [s for s in earlier if isinstance(s, ast.Import | ast.ImportFrom)]
    modules = {name for statement in imports for name in bound_by(statement)}
    wanted, found = names_in(last), [last]
    for statement in reversed(earlier):
        made = bound_by(statement) if statement in imports else bound_by(statement) - modules
        if made & wanted:
            wanted = (wanted - made_anew(statement)) | names_in(statement)
            found.insert(0, statement)
    return found


def made_anew(statement: ast.stmt) -> set[str]:
    """The names that a statement makes whatever they were before."""
    match statement:
        case ast.Assign(targets=targets):
            names = (n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
            return {name.id for name in names if _stored(name)}  # not the `a` of `a[0] = ...`
        case ast.With(items=items):
            return {i.optional_vars.id for i in items if isinstance(i.optional_vars, ast.Name)}
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
            return bound_by(statement)
    return set()


def names_in(node: ast.AST) -> set[str]:
    """The names whose values a statement needs."""
    changed = (n.target for n in ast.walk(node) if isinstance(n, ast.AugAssign))
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name) and not _stored(n))
    return {n.id for n in [*changed, *names] if isinstance(n, ast.Name)}


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement makes, or may change."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and _stored(n)}
    changed = (n for n in ast.walk(statement) if isinstance(n, ast.Call | ast.Subscript))
    for node in changed:  # x.append(...), and x[...] = ...
        target = node.func if isinstance(node, ast.Call) else node
        inner = getattr(target, "value", None)
        is_method = isinstance(node, ast.Call) and isinstance(target, ast.Attribute)
        is_stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        if isinstance(inner, ast.Name) and is_stored:
            names.add(inner.id)
        if isinstance(inner, ast.Name) and is_method and _ends(statement, node):
            names.add(inner.id)
    return names


def _stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _ends(statement: ast.stmt, call: ast.AST) -> bool:
    """Whether a call stands alone in its line, so that it is there for what it changes."""
    lines = (n for n in ast.walk(statement) if isinstance(n, ast.Expr))
    return any(line.value is call for line in lines)


# What a page needs of each


MOVING = (WIDGETS_FOLDER / "moving.js").read_text(encoding="utf-8")


class NotLive(Exception):
    """This widget cannot do without Python; the sentence says why."""


@singledispatch
def packed(widget: CourseWidget) -> dict:
    """What the stand-in needs to do for this widget what Python does. Raises `NotLive`.

    A picture that moves by itself needs to have nothing done but to be taken down.
    """
    if MOVING not in str(kind_of_widget(widget)._esm):
        raise NotLive("It trains, or computes in Python, as you move it.")
    told = {name: list(signature(getattr(widget, name)).parameters) for name in widget._actions}
    return {"content": widget.content, "state": widget.state, "actions": told}


@packed.register
def _(widget: Choice) -> dict:
    return {
        "content": widget.content,
        "key": widget._key,
        "answer": widget._answer,
        "because": widget._because,
    }


@packed.register
def _(widget: Drawing) -> dict:
    truth = widget._truth.tolist()
    shown = widget._revealed(widget._start, widget._start)["truth"]
    return {
        "content": widget.content,
        "key": widget._key,
        "start": widget._start,
        "truth": truth,
        "shown": shown,
        "top": widget._top,
        "told": describe(widget._truth),
        "state": {"points": widget._start},
    }


@packed.register
def _(widget: Decision) -> dict:
    return {"content": widget.content, "key": widget._key, "answer": widget._answer}


@packed.register
def _(widget: Quiz) -> dict:
    return {"content": widget.content, "key": widget._lesson, "questions": widget._asked}


@packed.register(Player)
@packed.register(Ball)
def _(widget: CourseWidget) -> dict:
    return {"content": widget.content, "state": widget.state}


@packed.register
def _(widget: Explorer) -> dict:
    picture = widget._picture
    return _panel(widget) | {
        "content": {k: v for k, v in widget.content.items() if k != "controls"},
        "steps": widget.steps,
        "perEpoch": widget._per_epoch,
        "hasMomentum": picture.has_momentum,
        "looks": picture.looks,
        "ends": picture._ends,
    }


@packed.register
def _(widget: TrainedExplorer) -> dict:
    first = widget._current.control
    order = sorted(widget.controls, key=lambda key: key != first)  # it trains already
    trained = {key: _trained(widget, key) for key in order}
    return packed.dispatch(Explorer)(widget) | {"trained": trained, "first": first}


def _trained(widget: TrainedExplorer, key: str) -> dict:
    """What training makes of every position of a control, the others as they are."""
    widget.touch(key)
    job, sweep = widget._seen()
    while not job.over.is_set() and sweep.full < STORED_SEEDS:
        job.over.wait(0.02)
        job, sweep = widget._seen()
    widget.stop()
    job, sweep = widget._still()
    return widget._to_send(job, sweep) | {"running": False, "of": sweep.full}


@packed.register
def _(widget: LandscapeExplorer) -> dict:
    if unknown := set(widget._all_surfaces) - set(lrcourse.lab.SURFACES):
        raise NotLive(f"Its surface ({', '.join(unknown)}) is a function in Python.")
    noise = np.array([draws(MOST_STEPS, seed) for seed in range(SEEDS)])
    return _panel(widget) | {
        "content": {k: v for k, v in widget.content.items() if k != "controls"},
        "name": widget._name,
        "surfaces": widget._surfaces,
        "update": widget._update,
        "noise": noise.astype("<f8").tobytes(),
        "seeds": SEEDS,
    }


def _panel(widget: Any) -> dict:
    """The values under the controls, what Python says of their fields, and the controls."""
    controls = [_control(control) for control in widget.controls.values()]
    return described(widget._drafts.drawn) | {"controls": controls}


def described(values: tuple[Any, ...]) -> dict:
    """Schedules, or other values with fields, part by part, and what Python says of the fields."""
    drafts = [Draft.of(value) for value in values]
    classes = {kind for draft in drafts for kind, _ in draft.parts}
    if Custom in classes:
        raise NotLive("Its schedule is a function in Python.")
    return {
        "values": [
            {"parts": [[_name(k), f] for k, f in draft.parts], "joins": draft.joins}
            for draft in drafts
        ],
        "classes": {_name(kind): _about(kind) for kind in classes},
    }


def _name(kind: type) -> str:
    return kind.__name__


def _control(control: Control) -> dict:
    which, part, name = control.place
    return {
        "key": control.key,
        "label": control.label,
        "group": control.group,
        "look": control.kind.control,
        "place": {"which": which, "part": part, "name": name},
        "kind": _kind(control.kind),
        "grid": control._grid,
        "kept": control._kept,
    }


def _kind(kind: Kind) -> dict:
    types = {kinds.Number: "float", kinds.Whole: "int", kinds.Flag: "bool", kinds.Choice: "str"}
    named = [name for one, name in types.items() if isinstance(kind, one)]
    about = {n: getattr(kind, n) for n in ("must", "least", "optional") if hasattr(kind, n)}
    most = {"mostAllowed": MOST_STEPS} if type(kind).__name__ == "FewUpdates" else {}
    return {"type": named[0] if named else "list"} | about | most


def _about(kind: type) -> dict:
    """The fields of a class of values, and how PyTorch's line is written."""
    about: dict[str, Any] = {
        "fields": [
            {
                "name": f.name,
                "default": None if f.default is MISSING else f.default,
                "noDefault": f.default is None,
                "compare": f.compare,
                "repr": f.repr,
                "isRate": isinstance(kind_of(f), kinds.Rate),
                "kind": _kind(kind_of(f)),
            }
            for f in fields(kind)
        ]
    }
    if issubclass(kind, Schedule):
        about |= {"twin": kind()._twin, "always": list(kind._always)}
    return about


# As HTML


def as_html(widget: CourseWidget, still: str) -> str:
    """A place on the page in which the widget comes to life; `still` is shown until then.

    Raises `NotLive` for a widget that cannot do without Python.
    """
    data = json.dumps(packed(widget), default=_to_json, allow_nan=False, separators=(",", ":"))
    data = b64encode(gzip.compress(data.encode(), mtime=0)).decode()
    kind = kind_of_widget(widget)
    return (
        f'<div class="lrc-live" data-kind="{kind.__name__}" data-view="{view_of(kind)}">'
        f'<script type="text/plain">{data}</script>'
        f'<div class="lrc-still-picture">{still}</div></div>'
    )


def kind_of_widget(widget: CourseWidget) -> type[CourseWidget]:
    """The class with the script: a widget is of one below it, which has its own traits."""
    return next(kind for kind in type(widget).__mro__ if _has_script(kind))


def _has_script(kind: type) -> bool:
    return isinstance(vars(kind).get("_esm"), str)


def view_of(kind: type[CourseWidget]) -> str:
    """The name of the script that draws a widget: that of the module that it is defined in."""
    return kind.__module__.rsplit(".", 1)[-1]


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": b64encode(value).decode()}
    return value.tolist()  # NumPy's numbers


def picture_of(output: dict) -> str:
    """A stored output as HTML: its picture with its text, or its HTML, or its text."""
    data, about = output.get("data", {}), output.get("metadata", {})
    if "image/png" in data:
        alt = html.escape(about.get("image/png", {}).get("alt", ""), quote=True)
        return f'<img alt="{alt}" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        return "".join(data["text/html"])
    return f"<pre>{html.escape(''.join(data.get('text/plain', '')))}</pre>"


def script_of(kind: type[CourseWidget]) -> str:
    """The widget's own script, as a function that gives its view when it is first asked for."""
    body = str(kind._esm).replace("export default ", "return ")
    name = json.dumps(view_of(kind))
    return (
        "globalThis.lrcourseViews ??= {};\n"
        f"lrcourseViews[{name}] = (() => {{ let view; return () => (view ??= (() => {{\n{body}\n}})()); }})();\n"
    )


def kinds_of_widgets() -> dict[str, type[CourseWidget]]:
    """Every kind of widget of the course, by the name of its script."""
    for module in iter_modules(lrcourse.widgets.__path__):
        import_module(f"lrcourse.widgets.{module.name}")
    return {view_of(kind): kind for kind in _kinds_below(CourseWidget) if _has_script(kind)}


def _kinds_below(kind: type[CourseWidget]) -> Iterator[type[CourseWidget]]:
    below: type[CourseWidget]
    for below in kind.__subclasses__():
        if below.__module__.startswith("lrcourse.widgets."):
            yield below
            yield from _kinds_below(below)
