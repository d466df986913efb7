"""The face of the exercises: `lrcourse.check` and `lrcourse.progress`."""

import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
import time
import warnings
from datetime import datetime

import pytest
from answers import ANSWERS, keeping, remembering, resuming
from jupyter_client.manager import start_new_kernel
from matplotlib.figure import Figure

import lrcourse
from lrcourse import answers, checks, memory
from lrcourse.tasks import TASKS


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A memory of its own for every test, and no hint climbed yet."""
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path))
    monkeypatch.setattr(checks, "_climbed", {})
    return tmp_path


def right(t, lr, step_size, gamma):
    return lr * gamma ** (t // step_size)


def one_late(t, lr, step_size, gamma):
    return lr * gamma ** (max(t - 1, 0) // step_size)


def alone(code, **environment):
    """The standard output of `code`, run in a Python of its own."""
    run = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout


def test_a_wrong_answer_says_where_it_parts_and_why():
    """The first step, yours, expected, the call, the likely mistake; half the points."""
    result = lrcourse.check("step_decay.1", one_late)

    assert repr(result) == (
        "step_decay.1, Write the formula: not yet, 1 of 2 points.\n"
        "Step 30: yours 0.1, expected 0.01 (lr=0.1, step_size=30, gamma=0.1). "
        "The drop comes one step late: floor((t-1)/step_size)?\n"
        "Add .hint() for a hint, .picture() to see yours beside what is expected."
    )
    assert (result.right, result.points, result.of) == (False, 1.0, 2)


def test_the_same_in_html():
    """A notebook shows the same words, as a status that a screen reader announces, escaped."""
    html = lrcourse.check("step_decay.1", one_late)._repr_html_()

    assert html.startswith('<div role="status"')
    assert "not yet, 1 of 2 points" in html
    assert "floor((t-1)/step_size)?" in html

    def tries_a_script(t, lr, step_size, gamma):
        raise ValueError("<script>alert(1)</script>")

    html = lrcourse.check("step_decay.1", tries_a_script)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_feedback_is_the_same_each_time():
    """Arguments are drawn afresh, and yet the same answer hears the same words."""
    assert len({repr(lrcourse.check("step_decay.1", one_late)) for _ in range(5)}) == 1


def test_hints_are_a_ladder():
    """Each call goes one rung further, also from a new result, and stays on the last."""
    first = lrcourse.check("step_decay.1", one_late)
    said = [repr(first.hint()), repr(first.hint())]
    said += [repr(lrcourse.check("step_decay.1", one_late).hint()) for _ in range(2)]

    assert [text.split(":")[0] for text in said] == ["Nudge", "Hint", *["Worked idea"] * 2]
    assert said[2] == said[3]
    assert said[2].endswith("(That was the last hint.)")


def test_a_picture_of_yours_beside_what_is_expected():
    """Two curves that differ in more than colour, and the same in words as its alt text."""
    picture = lrcourse.check("step_decay.1", one_late).picture()

    assert isinstance(picture.figure, Figure)
    wide, tall = picture.figure.get_size_inches()
    assert 6 <= wide <= 7.5 and wide / 2.5 <= tall <= wide / 2  # as the pictures of the lessons
    expected, yours = picture.figure.axes[0].lines
    assert [expected.get_label(), yours.get_label()] == ["expected", "yours"]
    assert (expected.get_linestyle(), yours.get_linestyle()) == ("-", "--")
    assert (expected.get_marker(), yours.get_marker()) == (".", "x")
    assert yours.get_ydata()[30] == 0.1
    assert expected.get_ydata()[30] == pytest.approx(0.01)
    assert repr(picture).startswith("Yours and expected part at t 30: 0.1, expected 0.01; t 60:")
    assert f'alt="{picture.words}"' in picture._repr_html_()


def test_calls_that_have_no_order_are_not_joined():
    """Where the calls are no axis, no line leads from one to the next: the marks alone are drawn."""
    (answer, _), *_ = ANSWERS["cosine_annealing.2"].wrong
    (axes,) = lrcourse.check("cosine_annealing.2", answer).picture().figure.axes

    assert axes.get_xlabel() == "call"
    assert [(line.get_linestyle(), line.get_marker()) for line in axes.lines] == [
        ("None", "."),
        ("None", "x"),
    ]


@pytest.mark.parametrize("task_id", ANSWERS)
def test_a_wrong_answer_can_be_asked_for_a_picture(task_id):
    """A picture, or a sentence that there is none; never an error, never the answer itself."""
    (answer, _), *_ = ANSWERS[task_id].wrong
    shown = lrcourse.check(task_id, answer).picture()
    assert repr(shown)
    assert shown._repr_html_()
    if TASKS[task_id].kind == "value":
        assert repr(shown).startswith("There is nothing to draw")


@pytest.mark.parametrize("task_id", [i for i in ANSWERS if TASKS[i].kind == "value"])
def test_a_single_value_is_not_given_away(task_id):
    """For a value that is the same for everyone, the feedback does not say the expected one."""
    for answer, _ in ANSWERS[task_id].wrong:
        result = lrcourse.check(task_id, answer)
        assert result._verdict.expected is None
        assert ", expected " not in result.says or re.search(r"entr(y|ies), exp", result.says)


def test_an_unknown_exercise_names_the_nearest():
    """A slip in the id is answered with the id that was probably meant."""
    with pytest.raises(ValueError, match="no exercise 'stepdecay1': did you mean 'step_decay.1'?"):
        lrcourse.check("stepdecay1", right)
    for strange in (None, "nope"):
        with pytest.raises(
            ValueError, match=rf"no exercise {strange!r}: lrcourse.progress\(\) lists"
        ):
            lrcourse.check(strange, right)


def test_a_missing_answer_names_the_line_to_write():
    """Without an answer the error is the line that was meant."""
    with pytest.raises(ValueError, match=r'lrcourse.check\("step_decay.1", step_decay\)'):
        lrcourse.check("step_decay.1")


def test_a_task_for_a_person_says_so():
    """What a person marks is not judged here."""
    for answer in (["Linear to zero, since ..."], []):
        result = lrcourse.check("training_lab.7", *answer)
        assert "A person marks this one" in repr(result)
        assert "write your answer in words" in repr(result)
        assert "0 of" not in repr(result)


def test_print_in_place_of_return_is_named():
    """A function that prints the rate is told to return it."""

    def prints(t, lr, step_size, gamma):
        print(right(t, lr, step_size, gamma))

    assert "where is its return?" in lrcourse.check("step_decay.1", prints).says
    assert "prints something" in repr(lrcourse.check("step_decay.1", prints))

    def writes(t, lr, step_size, gamma):
        return right(t, lr, step_size, gamma) * sys.stdout.write("1")

    assert lrcourse.check("step_decay.1", writes).right


SAYS = (
    (
        "step_decay.1",
        lambda *a: {0.1},
        "The result is of type set, which has no order: write a list",
    ),
    ("step_decay.4", [None, 0.1, 0.01, 0.001, 0.001], "Entry 0: yours is None."),
    ("step_decay.4", [0.1], "Yours has 1 entry, expected 5."),
    (
        "training_lab.5",
        lambda t, total: [0.1],
        "A rate is one number, and yours is a row of 1 value, shape (1,)",
    ),
    ("step_decay.1", lambda *a: [0.1] * 3, "and yours is a row of 3 values, shape (3,)."),
    ("step_decay.1", lambda *a: [[0.1] * 3] * 2, "a row of 2 values, shape (2, 3)."),
    ("step_decay.1", lambda *a: 1234567890123, "Step 0: yours 1234567890123, expected 0.1"),
    ("step_decay.1", lambda *a: 10**15, "Step 0: yours 1e+15, expected 0.1"),
    ("step_decay.1", lambda *a: 10**400, "The result is a whole number too large for a float."),
    ("step_decay.1", lambda *a: 1 / 3, "Step 0: yours 0.333333, expected 0.1"),
    ("step_decay.1", lambda *a: "0.1", "A number is asked for, and yours is the text '0.1'."),
    ("training_lab.5", lambda t, total: True, "and yours is True. (Called with t=0, total=100.)"),
    ("training_lab.5", lambda t, total: -0.0, "Your largest rate is 0: hardly a step is made."),
)


@pytest.mark.parametrize(("task_id", "answer", "says"), SAYS)
def test_the_sentence_fits_what_was_asked(task_id, answer, says):
    """Number, entry and list are said of what they are, in whole sentences."""
    assert says in lrcourse.check(task_id, answer).says


def test_no_list_where_an_empty_one_is_asked_for():
    """Without a restart the list is empty: None is told so."""

    def restarts(T_0, T_mult, total):
        found, at, length = [], T_0, T_0
        while at < total:
            found.append(at)
            length *= T_mult
            at += length
        return found or None

    says = lrcourse.check("cyclical_lr.5", restarts).says
    assert says.startswith("An empty list is asked for, and yours is None. (Called with T_0=50,")


def test_an_optimizer_of_ones_own_is_named():
    """A loop that trains with another optimizer than the one it is handed hears of this one."""

    def with_its_own(model, optimizer, batches, epochs, step_size, gamma):
        type(optimizer)(model.parameters(), lr=0.1).step()

    assert "The optimizer that you are handed" in lrcourse.check("step_decay.6", with_its_own).says


@pytest.mark.parametrize(
    ("gives", "says"),
    [(lambda: 1 / 0, "Your code raised ZeroDivisionError"), (lambda: None, "Yours is None")],
)
def test_a_call_without_a_result_names_its_step(gives, says):
    """Where one step alone gives no number, the feedback says which."""

    def fails_at_60(t, lr, step_size, gamma):
        return gives() if t == 60 else right(t, lr, step_size, gamma)

    result = lrcourse.check("step_decay.1", fails_at_60)
    assert result.says.startswith(says)
    assert result.says.endswith("(Called with t=60, lr=0.1, step_size=30, gamma=0.1.)")


def test_printing_for_ever_fills_nothing(capfd):
    """An endless loop that prints is stopped, and none of it reaches the notebook."""

    def chatters(*arguments):
        while True:
            print("x" * 1000)

    result = lrcourse.check("step_decay.1", chatters, seconds=0.2)

    assert "still running" in result.says
    assert capfd.readouterr().out == ""
    kept = checks._Printed()
    for _ in range(100):
        kept.write("x" * 1000)
    assert len(kept.getvalue()) <= 4000


def test_an_answer_that_closes_the_output_is_judged():
    """Closing what `print` writes to costs nothing, and nobody else's output."""

    def closes(t, lr, step_size, gamma):
        sys.stdout.close()
        return right(t, lr, step_size, gamma)

    assert lrcourse.check("step_decay.1", closes).right
    assert not sys.stdout.closed


class Hostile(str):
    """A text that raises an error whatever is done with it."""

    def __format__(self, spec):
        raise RuntimeError("a trap")

    __len__ = __iter__ = __getitem__ = __bool__ = strip = __format__


class Unspeakable(Exception):
    def __str__(self):
        return Hostile("out of reach")

    @property
    def __traceback__(self):
        raise RuntimeError("a trap")


class Named(type):
    __name__ = property(lambda cls: 1 / 0)


class Nameless(Exception, metaclass=Named):
    def __str__(self):
        raise RuntimeError("a trap")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Unspeakable(), "Your code raised Unspeakable: out of reach."),
        (Nameless(), "Your code raised Nameless."),
        (SyntaxError("odd", ("cell", 1, 1, Hostile("x"))), "Your code raised SyntaxError: odd"),
    ],
    ids=["text", "name", "line"],
)
def test_an_error_of_any_kind_is_named(error, says):
    """An exception that itself raises errors when it is looked at is an answer like any other."""

    def raises(*arguments):
        raise error

    assert lrcourse.check("step_decay.1", raises).says.startswith(says)


def never(*arguments):
    while True:
        pass


def swallows(*arguments):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def naps(*arguments):
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            continue


def used_in(seconds):
    before = time.process_time()
    time.sleep(seconds)
    return time.process_time() - before


@pytest.mark.parametrize("stubborn", [swallows, naps])
def test_a_loop_that_catches_everything_is_put_to_rest(monkeypatch, stubborn):
    """Code that catches every exception is stopped too, and uses the processor no more."""
    monkeypatch.setattr(checks, "PATIENCE", 60.0)  # on a busy machine it takes its time
    result = lrcourse.check("step_decay.1", stubborn, seconds=0.1)

    assert any(used_in(0.5) < 0.1 for _ in range(20))
    assert "still running after 0.1 seconds, and was stopped" in result.says


def test_a_long_call_is_not_called_a_loop():
    """What nothing can stop, one call of C code, does not hold the notebook, and is named."""
    result = lrcourse.check("step_decay.1", lambda *arguments: time.sleep(60), seconds=1)

    assert "in one long call" in result.says and "restart the kernel" in result.says


@pytest.fixture
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


SETS_UP = """
import threading, time
import lrcourse

counted = []
def counts():
    while True:
        counted.append(1)
        time.sleep(0.01)
threading.Thread(target=counts, daemon=True).start()
"""
LOOKS = """
time.sleep(2)
used, before = time.process_time(), len(counted)
time.sleep(0.5)
print(time.process_time() - used < 0.15, len(counted) - before > 10)
"""


@pytest.mark.parametrize("answer", [never, swallows])
def test_stop_ends_the_loop_and_nothing_else(kernel, answer):
    """Stop, pressed twice during a check, ends its endless loop; other threads go on as before."""
    manager, client = kernel
    ran(client, SETS_UP + inspect.getsource(answer))
    check = f'lrcourse.check("step_decay.1", {answer.__name__}, seconds=60)'
    # After an error the kernel aborts what comes next, for a moment, unless it is asked not to.
    asked = client.execute(check, stop_on_error=False)
    time.sleep(2)
    manager.interrupt_kernel()
    time.sleep(0.2)
    manager.interrupt_kernel()
    # The second may hit the kernel as it sends the reply, so wait for what it always says.
    while not is_idle(client.get_iopub_msg(timeout=60), after=asked):
        pass

    assert ran(client, LOOKS) == "True True\n"


def is_idle(message, after: str) -> bool:
    """Whether a kernel says that it is done with what it was asked."""
    state = message["content"].get("execution_state")
    return state == "idle" and message["parent_header"]["msg_id"] == after


def ran(client, code: str) -> str:
    """What a cell prints."""
    said = []
    reply = client.execute_interactive(
        code,
        timeout=60,
        output_hook=lambda message: said.append(message["content"].get("text", "")),
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(said)


def test_a_warning_in_the_answer_costs_nothing(capfd):
    """What torch or the learner's code warns of stays off stderr, where nbgrader takes a point."""

    def warns(t, lr, step_size, gamma):
        warnings.warn("careful", stacklevel=1)
        return right(t, lr, step_size, gamma)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert lrcourse.check("step_decay.1", warns).right
    assert seen == []
    train = dict((name, answer) for answer, name in ANSWERS["step_decay.6"].wrong)
    lrcourse.check("step_decay.6", train["scheduler before optimizer"])
    assert capfd.readouterr().err == ""


def test_an_answer_that_changes_its_arguments_changes_only_its_own():
    """A list handed over is a copy: sorting or emptying it does not spoil the next call."""

    def empties(t, lr, milestones, gamma):
        passed = 0
        while milestones:
            passed += milestones.pop() <= t
        return lr * gamma**passed

    assert lrcourse.check("step_decay.3", empties).right


def test_an_error_deep_in_a_library_shows_the_learners_line():
    """The line shown is the learner's own, not the library's that it ran into."""

    def reads_nonsense(t, lr, step_size, gamma):
        return json.loads("nonsense")

    says = lrcourse.check("step_decay.1", reads_nonsense).says
    assert 'return json.loads("nonsense")' in says


def test_a_loop_that_torch_warns_of_is_collected_in_silence():
    """Where the grader collects, torch's warning neither stops the loop nor reaches stderr."""
    train = dict((name, answer) for answer, name in ANSWERS["step_decay.6"].wrong)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ((rates, _, _),) = answers.collect(
            "loop", train["scheduler before optimizer"], [(7, 1.0, 2, 3, 2, 0.1)]
        )

    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1])


def test_a_checkpoint_is_all_that_goes_from_run_to_run(monkeypatch):
    """What is kept in the process is not there in the second run; and where the second run has
    no process of its own, it belongs to another run."""
    remembers, honest = remembering(resuming("mos")), resuming("mos")
    says = lrcourse.check("step_decay.7", remembers).says
    assert "KeyError: 'it', in the second run, which has nothing of the first but" in says

    monkeypatch.setattr(answers, "_has_gpu", lambda: True)
    assert lrcourse.check("step_decay.7", honest).right
    assert "Update 8: yours" in lrcourse.check("step_decay.7", remembers).says


def test_a_checkpoint_that_no_file_holds_is_said():
    """The part that does not come back is named, and what a checkpoint may hold."""
    lost = keeping(resuming("mos"), about={"epoch": 3, "when": datetime(2020, 1, 1)})
    result = lrcourse.check("step_decay.7", lost)

    assert result.says.startswith(
        "Your checkpoint cannot be read back from a file: 'when' is of type datetime. It may hold "
        "tensors, arrays, numbers, text, and lists and dicts of them; of a model, an optimizer or "
        "a scheduler it takes the state_dict()."
    )
    whole = lrcourse.check("step_decay.7", lambda model, *rest: {"model": model}).says
    assert "'model' is of type Linear" in whole


def test_a_loop_that_ends_its_process_leaves_the_kernel():
    """What takes two runs is called in processes of its own: one that exits takes nothing along."""
    says = lrcourse.check("step_decay.7", lambda *arguments: os._exit(1)).says

    assert says.startswith("Your code ended the process that ran it.")


def test_nbgrader_gets_points_or_an_error():
    """`.award()` is what a graded cell ends with: a number, or an assertion with the sentence."""
    assert lrcourse.check("step_decay.1", right).award() == 2.0
    assert lrcourse.check("step_decay.1", one_late).award() == 1.0
    with pytest.raises(AssertionError, match="not yet, 0 of 2 points"):
        lrcourse.check("step_decay.1", None).award()


# Progress


def test_progress_is_kept_and_never_falls():
    """The best result stays, tries are counted, and one row sums it all up."""
    for answer in (one_late, right, one_late):
        lrcourse.check("step_decay.1", answer)
    table = lrcourse.progress()

    assert sorted(table.index) == sorted([*TASKS, "all"])
    assert table.loc["step_decay.1", "points"] == "2 of 2"
    assert table.loc["step_decay.1", "tries"] == 3
    assert table.loc["step_decay.2", "points"] == "- of 2"
    total = sum(task.points for task in TASKS.values())
    assert table.loc["all", "points"] == f"2 of {total}"


def test_progress_begins_with_what_is_next():
    """The first row is the first exercise that lacks points; what is done comes after the rest."""
    assert list(lrcourse.progress().index) == [*TASKS, "all"]
    lrcourse.check("step_decay.1", right)

    assert list(lrcourse.progress().index) == [*[*TASKS][1:], "step_decay.1", "all"]
    lrcourse.check("step_decay.2", None)
    assert lrcourse.progress().index[0] == "step_decay.2"


def test_progress_survives_a_restart_and_two_notebooks_at_once(home):
    """Two kernels that check at the same time lose nothing of each other."""
    code = """
        import math, lrcourse
        for _ in range(5):
            lrcourse.check("exponential_decay.{}", {})
        """
    answers = (3, "lambda k: math.exp(-k)"), (4, "lambda gamma: -math.log(gamma)")
    kernels = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code.format(*one))])
        for one in answers
    ]
    assert [kernel.wait(60) for kernel in kernels] == [0, 0]

    table = lrcourse.progress()
    assert (
        list(table.loc[["exponential_decay.3", "exponential_decay.4"], "points"]) == ["1 of 1"] * 2
    )
    assert list(table.loc[["exponential_decay.3", "exponential_decay.4"], "tries"]) == [5, 5]


def test_a_damaged_file_is_set_aside(home):
    """A memory that cannot be read is kept under another name, and checking goes on."""
    (home / "memory.json").write_text("{half a", encoding="utf-8")
    with pytest.warns(UserWarning, match="set aside"):
        memory.recall("exercises", "step_decay.1")

    assert lrcourse.check("step_decay.1", right).right
    assert [path.read_text() for path in home.glob("memory.damaged-*.json")] == ["{half a"]
    assert lrcourse.progress().loc["step_decay.1", "tries"] == 1


@pytest.mark.parametrize("kept", ["2 of 2", {"points": "all"}, {"points": 1000}, [], None])
def test_strange_progress_is_no_obstacle(kept):
    """What somebody wrote into the file by hand breaks neither the check nor the table."""
    memory.remember("exercises", "step_decay.1", kept)

    assert lrcourse.progress().loc["step_decay.1", "points"] in ("- of 2", "0 of 2", "2 of 2")
    assert lrcourse.check("step_decay.1", right).right


def test_a_home_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    """Without a place to keep progress the feedback is the same, and says so."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path / "file"))
    result = lrcourse.check("step_decay.1", right)

    assert result.right
    assert "progress could not be kept" in repr(result)


def test_grading_is_nobodys_progress(home, monkeypatch):
    """While nbgrader runs a submission nothing is written into the instructor's own memory."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    lrcourse.check("step_decay.1", right)

    assert not (home / "memory.json").exists()


# Cost


def test_a_formula_needs_no_torch_and_little_time():
    """Checking a formula loads neither torch nor matplotlib nor scipy, and takes under 50 ms of a core."""
    out = alone(
        """
        import json, sys, time
        import lrcourse
        def step_decay(t, lr, step_size, gamma):
            return lr * gamma ** (t // step_size)
        took = []
        for _ in range(20):
            start = time.process_time()
            assert lrcourse.check("step_decay.1", step_decay).right
            took.append(time.process_time() - start)
        heavy = {"torch", "matplotlib", "scipy", "pandas", "ipywidgets"} & set(sys.modules)
        print(json.dumps([sorted(took)[10], sorted(heavy)]))
        """
    )
    median, heavy = json.loads(out)

    assert heavy == []
    assert median < 0.05
