"""The pages without Python say what Python says: every formula, and every move of an explorer."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sampling import some
from schedules import TABLE, rates, warmups_stable_decays

import lrcourse
from lrcourse import SCHEDULES, Custom, Sequential
from lrcourse.widgets._curves import to_floats
from lrcourse.widgets.explorer import Explorer

SITE = Path(__file__).resolve().parents[2] / "site"
sys.path.append(str(SITE))

import live  # noqa: E402
import make_pages  # noqa: E402

FORMULAS = [kind for kind in TABLE if kind not in (Custom, Sequential)]
DRAWS = 40  # of each schedule

RATES = """all => all.map(({ parts, joins, ts, classes }) => {
  const schedule = new lrcourseStandIn.ScheduleValue(parts, joins, classes);
  return {
    rates: ts.map(t => schedule.rate(t)),
    momenta: schedule.cyclesMomentum ? ts.map(t => schedule.momentum(t)) : null,
    code: schedule.code(), end: schedule.end, repr: schedule.repr(),
  };
})"""

BEGIN = """async ([kind, packed]) => {
  const model = new lrcourseStandIn.Model();
  model.kernel = new (lrcourseStandIn.kernelOf(kind))(model, await lrcourseStandIn.unpacked(packed));
  globalThis.model = model;
}"""

DO = """([action, values]) => {
  const plain = v => v instanceof Float32Array ? { floats: [...v].map(String) }
    : v instanceof Uint8Array || v instanceof DataView ? null
    : Array.isArray(v) ? v.map(plain)
    : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, w]) => [k, plain(w)]))
    : v;
  let reply = null;
  if (action === 'rows') reply = model.kernel.rows(...values);
  else if (action) model.answer({ do: action, with: values });
  const { content, state, trouble } = model.values;
  return plain({ content, state, trouble, reply });
}"""


@pytest.fixture(scope="module")
def page(chromium) -> Any:
    """An empty page with the stand-in for the kernel."""
    page = chromium.new_context().new_page()
    page.add_script_tag(content=make_pages.standin())
    yield page
    page.context.close()


def plain(value: Any) -> Any:
    """What Python says, as JSON has it."""
    return json.loads(json.dumps(value, default=live._to_json))


def described(schedule: Any) -> dict:
    known = live.described((schedule,))
    return {**known["values"][0], "classes": known["classes"]}


def drawn(strategy: Any, count: int) -> list[Any]:
    """That many examples, the same each time."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def held_to_python(page: Any, schedules: list[Any]) -> None:
    asked = []
    for schedule in schedules:
        last = min(3 * schedule.horizon, schedule.last + 1)
        ts = np.unique(np.append(np.linspace(0, last, 40).round(), last))
        asked.append(plain(described(schedule)) | {"ts": ts.tolist()})
    for schedule, one, said in zip(schedules, asked, page.evaluate(RATES, asked)):
        t = np.array(one["ts"])
        tiny = 1e-15 * max(schedule.peak, 1e-300)
        np.testing.assert_allclose(
            said["rates"], schedule(t), rtol=1e-12, atol=tiny, err_msg=repr(schedule)
        )
        if schedule.cycles_momentum:
            np.testing.assert_allclose(
                said["momenta"], schedule.momentum(t), rtol=1e-12, err_msg=repr(schedule)
            )
        assert (said["momenta"] is None) == (not schedule.cycles_momentum)
        assert said["end"] == schedule.end
        assert said["repr"] == repr(schedule)
        assert said["code"] == schedule.code()


def test_every_schedule_has_its_formula(page):
    """No schedule of the course is without its formula on the pages."""
    known = page.evaluate("Object.keys(lrcourseStandIn.FORMULAS)")

    assert set(known) == {kind.__name__ for kind in SCHEDULES}


@pytest.mark.parametrize("kind", FORMULAS, ids=lambda kind: kind.__name__)
def test_formulas_are_those_of_python(page, kind):
    """With drawn parameters, in the run and past its end, rate and momentum are Python's to 1e-12,
    and the line of PyTorch is Python's word for word."""
    drawings = TABLE[kind].draw(rates)
    held_to_python(page, [s for s in drawn(drawings, DRAWS) if isinstance(s, kind)])


def test_rows_of_schedules_are_those_of_python(page):
    """So are schedules in a row."""
    held_to_python(page, [s for s in drawn(warmups_stable_decays(), DRAWS) if s.peak > 0])


EXPLORERS = {
    **{kind.__name__: (lambda kind=kind: lrcourse.explore(kind())) for kind in SCHEDULES},
    "a row": lambda: lrcourse.explore(lrcourse.warmup_stable_decay(lr=0.1, total_steps=200)),
    "a long row": lambda: lrcourse.explore(
        lrcourse.LinearWarmup(lr=0.1, total_iters=10).then(
            lrcourse.OneCycle(max_lr=2.5, total_steps=60, pct_start=0.5), at=10
        )
    ),
    "two": lambda: lrcourse.explore(
        lrcourse.CosineAnnealing(), lrcourse.Cyclical(step_size_up=30), steps_per_epoch=10
    ),
    "landscape": lambda: lrcourse.explore_landscape(
        lrcourse.OneCycle(max_lr=0.09, total_steps=60), "two wells", noise=0.2
    ),
}
TYPED = ["0.5", "7", "-1", "10.0", "none", "50 %", "1e-3", "300", "0", "40, 20", "x"]


@pytest.mark.parametrize("name", some(EXPLORERS, ["OneCycle", "two", "a row", "landscape"]))
def test_explorers_do_as_python_does(page, name, monkeypatch):
    """Whatever a hand moves, types, pins or resets, controls, messages, numbers, curves and the line
    of PyTorch are those of the explorer in a notebook."""
    # The figure under the curves is matplotlib's there and the page's here: only its limits count.
    only_limits = lambda self, limits: {"key": self._ground_key(limits)}  # noqa: E731
    monkeypatch.setattr(Explorer, "_ground_for", only_limits)
    explorer = EXPLORERS[name]()
    page.evaluate(BEGIN, [type(explorer).__name__, plain(live.packed(explorer))])
    same(explorer, page.evaluate(DO, [None, []]), None)
    draw = np.random.default_rng(0)
    for _ in range(14):
        key = str(draw.choice(list(explorer.controls)))
        control = explorer.controls[key]
        action = draw.choice(["move", "move", "move", "enter", "reset", "pin"])
        values: list[Any] = []
        if action == "move" and control.positions:
            values = [key, control.positions[draw.integers(len(control.positions))]]
        elif action in ("move", "enter") and control.kind.control in ("flag", "choice"):
            continue  # nothing is typed there
        elif action in ("move", "enter"):
            action, values = "enter", [key, str(draw.choice(TYPED))]
        elif action == "pin" and not hasattr(explorer, "pin"):
            action = "reset"
        explorer._hear(explorer, {"do": action, "with": values}, [])
        said = page.evaluate(DO, [str(action), plain(values)])
        same(explorer, said, (action, values))
        if explorer.controls[key].positions:
            reply = page.evaluate(DO, ["rows", [key]])["reply"]
            same_rows(explorer, key, reply, (action, values))


def same(explorer: Any, said: dict, move: Any) -> None:
    """That the page's content and state are the widget's."""
    state, now = dict(explorer.state), said["state"]
    assert now["values"] == plain(state["values"]), move
    assert set(now["messages"]) == set(state["messages"]), move
    for key, message in state["messages"].items():
        assert begins(now["messages"][key]) == begins(message), move
    assert said["content"]["controls"] == plain(explorer.content["controls"]), move
    if "lines" not in state:
        assert now["words"] == state["words"] and now["readout"] == plain(state["readout"]), move
        assert now["below"] == plain(state["below"]), move
        return close(now["numbers"], state["numbers"], move)
    assert now["pins"] == state["pins"], move
    assert json.loads(now["ground"])[0] == json.loads(state["ground"])[0], move
    for ours, theirs in zip(now["lines"], state["lines"], strict=True):
        same_line(ours, theirs, move)
        close(ours["rate"], theirs["rate"], move)
        assert (ours["momentum"] is None) == (theirs["momentum"] is None)
        if theirs["momentum"]:
            close(ours["momentum"], theirs["momentum"], move)


def begins(message: str) -> str:
    """A message without the advice at its end."""
    return message.split(": ")[0].rstrip(".")


def same_line(ours: dict, theirs: dict, move: Any) -> None:
    assert ours["end"] == theirs["end"], move
    assert to_12_digits(ours["code"]) == to_12_digits(theirs["code"]), move
    assert ours["readout"] == plain(theirs["readout"]), move


def to_12_digits(code: str) -> str:
    """Code whose numbers are rounded: the e ** -k of browser and NumPy differ in the last digit."""
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: f"{float(found[0]):.12g}", code)


def same_rows(explorer: Any, key: str, reply: Any, move: Any) -> None:
    """That every position of a control is drawn as Python would."""
    head, buffers = explorer.rows(key)
    for ours, theirs in zip(reply[0]["rows"], head["rows"], strict=True):
        assert set(ours["messages"]) == set(theirs["messages"]), move
        if "code" in theirs:
            same_line(ours, theirs, move)
        elif "words" in theirs:
            assert ours["words"] == theirs["words"], move
    for ours, theirs in zip(reply[1], buffers, strict=True):
        close(ours, theirs, move)


def close(ours: dict, theirs: Any, move: Any) -> None:
    """That numbers of 32 bits are those of Python, but for the last of them."""
    numbers = np.array([float(v.replace("Infinity", "inf")) for v in ours["floats"]])
    expected = to_floats(bytes(theirs))
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30)
    np.testing.assert_allclose(
        numbers, expected, rtol=3e-7, atol=1e-9 * min(1, largest), err_msg=str(move)
    )


def test_numbers_are_written_as_in_python(page):
    """f"{v:.4g}" and repr(v) are Python's, ties and tiny numbers included."""
    draw = np.random.default_rng(1)
    values = [*(10.0 ** draw.uniform(-20, 20, 300)), *(draw.integers(1, 4096, 200) / 1024)]
    values += [0.0, 1.0, 0.1, 1e16, 1e-5, 123456.5, 0.015625, 2.5, 99995.0, 9.9995]
    said = page.evaluate(
        "vs => vs.map(v => [lrcourseStandIn.general(v, 4), lrcourseStandIn.general(v, 6), "
        "lrcourseStandIn.floatRepr(v)])",
        [float(v) for v in values],
    )

    assert said == [[f"{v:.4g}", f"{v:.6g}", repr(float(v))] for v in values]
