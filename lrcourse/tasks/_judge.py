"""Compare what an answer returned with what it should have: plain values in, a verdict out.

Trusted and pure: no learner's code runs here, and no torch. The instant feedback and the grader
both end here, so that they can never disagree.
"""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrcourse.answers import MOMENTUM, plain, told
from lrcourse.tasks._task import ANY, Mistake, Task
from lrcourse.tasks._training import FAULTS, UNMOVED, faults_in


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an answer. `says` is the whole of it, in the learner's terms."""

    right: bool
    share: float  # of the points, 0 to 1
    says: str
    mistake: str = ""  # the name of the likely mistake, to count by
    case: int | None = None  # which of the arguments is the first that fails
    step: int | None = None  # the step, or entry, at which it parts
    yours: Any = None
    expected: Any = None
    line: str = ""  # the learner's own line, where their code raised
    asks: bool = False  # a text that is none of the choices: what was meant?


def judge(
    task: Task, arguments: Sequence[tuple], results: Sequence[Any], judged_on: int | None = None
) -> Verdict:
    """The verdict on `results`, one entry for each of `arguments`, as `collect` returns them.

    `results` may come from a process that nobody trusts: anything that is not a plain value of
    the kind asked for is wrong, and gets a sentence. Where a verdict rests on chance (a schedule
    is trained with), `judged_on` draws it: the same number gives the same verdict. Whoever answers
    must not know it. Raises `ValueError` for a task that a person marks.
    """
    if task.kind == "manual":
        raise ValueError(f"{task.id} is marked by a person, with its rubric")
    results = list(results) if isinstance(results, list | tuple) else []
    if len(results) < len(arguments):
        missing = {"failed": "no result came back", "line": ""}
        results += [missing] * (len(arguments) - len(results))
    if task.kind != "vectorised":  # there a column is another shape
        results = [_of_numbers(one) for one in results]
    if arguments and all(one is None for one in results):
        return Verdict(right=False, share=0.0, says=_nothing_yet(task), case=0)
    if task.judged is not None:
        return task.judged(list(arguments), results, judged_on)
    if task.trains:
        return _judge_training(task, arguments, results)
    return _compare(task, arguments, results)


def _of_numbers(result: Any) -> Any:
    """A list whose entries are arrays of one entry each is a list of numbers."""
    if type(result) is not list or any(type(one) is not list or len(one) != 1 for one in result):
        return result
    return [one[0] for one in result]


def _compare(task: Task, arguments: Sequence[tuple], results: list) -> Verdict:
    """Each result beside the reference."""
    expected = [task.reference(*one) for one in arguments]
    scales = _scales(task, arguments, expected)
    for case, (yours, right) in enumerate(zip(results, expected)):
        parts = _parts(yours, right, task.tolerance, scales[case])
        if parts is not None:
            return _wrong(task, arguments, results, expected, scales, case, parts)
    return Verdict(right=True, share=1.0, says=_praise(task, arguments))


# Where two results part


@dataclass(frozen=True)
class Parting:
    """Where and how a result leaves the expected one."""

    why: str = ""  # a sentence, where it is not a matter of one number
    entry: int | None = None
    yours: Any = None
    expected: Any = None
    line: str = ""


def _parts(yours: Any, right: Any, tolerance: float, scale: float) -> Parting | None:
    """Where `yours` leaves `right`; None if they agree."""
    if right is ANY:
        return None
    while type(yours) is list and len(yours) == 1 and type(right) is not list:
        yours = yours[0]  # an array of one entry is a number
    if type(yours) is dict:
        says, line = told(yours)
        return Parting(says, line=line)
    if type(right) is list:
        return _parts_in_list(yours, right, tolerance, scale)
    if type(right) is str:
        fits = type(yours) is str and _word(yours) == _word(right)
        why = "" if type(yours) is str else f"a text is asked for, and yours is {kind_of(yours)}"
        return None if fits else Parting(why, yours=yours, expected=right)
    if type(right) is bool:
        return None if yours is right else Parting(yours=yours, expected=right)
    if not _is_number(yours):
        return Parting(_no_number(yours), yours=yours, expected=right)
    if _close(yours, right, tolerance, scale):
        return None
    return Parting(yours=yours, expected=right)


def _parts_in_list(yours: Any, right: list, tolerance: float, scale: float) -> Parting | None:
    if type(yours) is not list:
        return Parting(f"{_asked_for(len(right))} asked for, and yours is {kind_of(yours)}")
    if right and any(type(one) is list for one in yours):
        return Parting(f"yours has shape {_shape(yours)}, expected ({len(right)},)")
    for i, (one, other) in enumerate(zip(yours, right)):
        parting = _parts(one, other, tolerance, scale)
        if parting is not None:
            return Parting(parting.why, i, parting.yours, parting.expected, parting.line)
    if len(yours) != len(right):
        return Parting(f"yours has {_entries(len(yours))}, expected {len(right)}")
    return None


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and value.bit_length() < 1024)


def _close(yours: float, right: float, tolerance: float, scale: float) -> bool:
    """Equal up to rounding: relative to the number, and to the largest one of its curve."""
    near = tolerance * (abs(right) + 0.1 * scale)
    return yours == right or abs(yours - right) <= near  # False for NaN


def _word(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split()).strip(" .")


_NONE = "yours is None"
_NO_RETURN = "Does every path of your function end in a return?"


def _no_number(value: Any) -> str:
    if value is None:
        return _NONE
    return f"a number is asked for, and yours is {kind_of(value)}"


def _entries(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _asked_for(count: int) -> str:
    return f"{_entries(count)} {'is' if count == 1 else 'are'}" if count else "an empty list is"


def kind_of(value: Any) -> str:
    if value is None:
        return "None"
    if type(value) is list:
        return f"a row of {len(value)} value{'s' * (len(value) != 1)}, shape {_shape(value)}"
    if type(value) is str:
        return f"the text {value[:40]!r}"
    return str(value) if type(value) is bool else show(value)


def _shape(value: Any) -> str:
    sizes: list[int] = []
    while type(value) is list and len(sizes) < 8:
        sizes.append(len(value))
        value = value[0] if value else None
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def _scales(task: Task, arguments: Sequence[tuple], expected: list) -> list[float]:
    """The largest expected number on the curve that each case belongs to: all but `t` the same."""
    spot = task.parameters.index("t") if "t" in task.parameters else None
    keys = [repr([a for i, a in enumerate(one) if i != spot]) for one in arguments]
    largest: dict[str, float] = {}
    for key, value in zip(keys, expected):
        largest[key] = max(largest.get(key, 0.0), _size(value))
    return [largest[key] for key in keys]


def _size(value: Any) -> float:
    if type(value) is list:
        return max((_size(one) for one in value), default=0.0)
    return abs(value) if _is_number(value) and math.isfinite(value) else 0.0


# Training loops: rates first, then whether the weights follow from them


def _judge_training(task: Task, arguments: Sequence[tuple], results: list) -> Verdict:
    accounts = [_account(one) for one in results]
    verdict = _compare(task, [one[1:] for one in arguments], [a[0] for a in accounts])
    if not verdict.share:
        return verdict
    for case, (one, account) in enumerate(zip(arguments, accounts)):
        worse = _judge_run(task, verdict.right, case, one, *account)
        if worse is not None:
            return worse if verdict.right else replace(verdict, share=0.0, says=_unproven(verdict))
    return verdict


def _account(result: Any) -> list:
    """[rates, momenta, weights] as `collect` returns them; what is no such list stands for rates."""
    fits = type(result) is list and len(result) == 3 and all(type(one) is list for one in result)
    return result if fits else [result, None, None]


def _judge_run(
    task: Task, right: bool, case: int, arguments: tuple, rates: list, momenta: Any, weights: Any
) -> Verdict | None:
    """What is wrong with a run whose rates are right, or (not `right`) those of a known mistake."""
    seed, _, batches, *rest = arguments
    stop = batches * rest[0] if task.kind == "resume" else None
    expected = task.momentum(*arguments[1:]) if task.momentum else [MOMENTUM] * len(rates)
    parting = _parts(momenta, expected, task.tolerance, 1.0)
    if parting is not None and (right or not _all_finite(momenta, len(rates))):
        return _wrong_momentum(task, case, parting)
    faults = faults_in(weights, seed, batches, rates, momenta, stop)
    if faults == () or (faults and UNMOVED not in faults and not right):
        return None
    return _wrong_weights(case, faults)


def _all_finite(values: Any, count: int) -> bool:
    fits = type(values) is list and len(values) == count
    return fits and all(type(v) is float and math.isfinite(v) for v in values)


def _wrong_momentum(task: Task, case: int, parting: Parting) -> Verdict:
    if parting.entry is None:
        says = "The rates are right, but the momentum of the updates did not come back."
    else:
        meant = (
            "The scheduler moves it against the rate, unless it is told not to."
            if task.momentum
            else "Leave it as the optimizer came with it."
        )
        says = (
            f"The rates are right, but update {parting.entry} uses momentum "
            f"{show(parting.yours)}, expected {show(parting.expected)}. {meant}"
        )
    return Verdict(right=False, share=0.0, says=says, mistake="momentum", case=case)


def _wrong_weights(case: int, faults: tuple[str, ...] | None) -> Verdict:
    if faults is None:
        says = (
            "But the weights are not those that these rates lead to. Train on the "
            "mse_loss of every batch, in their order, and change nothing else."
        )
    elif UNMOVED in faults:
        says = (
            "But the weights are where they began: nothing was learned. Is loss.backward() "
            "called, after zero_grad() and before optimizer.step()?"
        )
    else:
        says = " ".join(FAULTS[fault] for fault in faults)
    share = _SHARES.get(len(faults), 0.0) if faults and UNMOVED not in faults else 0.0
    name = ", ".join(faults) if faults else "weights do not follow"
    return Verdict(
        right=False, share=share, says=f"The rates are right. {says}", mistake=name, case=case
    )


_SHARES = {1: 0.5, 2: 0.25}  # of the points, by the number of faults


def _unproven(verdict: Verdict) -> str:
    return f"{verdict.says} And the weights are not those that your rates lead to."


# What to say


def _nothing_yet(task: Task) -> str:
    if task.kind == "value":
        return f"There is no answer yet: {task.answer_name} is None."
    return f"{task.answer_name} returns None, whatever it is given: where is its return?"


def _wrong(
    task: Task,
    arguments: Sequence[tuple],
    results: list,
    expected: list,
    scales: list[float],
    case: int,
    parting: Parting,
) -> Verdict:
    mistake = _likely(task, arguments, results, expected, scales, parting)
    step = _step(task, arguments[case], parting)
    says = _first_parting(task, arguments[case], step, parting)
    share = mistake.share if mistake else None
    if share is None:
        share = _share_of_entries(task, results, expected, scales)
    if asked := _none_of_the_choices(task, results):
        says, mistake = f"{says} {asked}", None
    return Verdict(
        right=False,
        asks=bool(asked),
        share=share,
        says=f"{says} {_named(task, mistake, parting)}" if mistake else says,
        mistake=mistake.name if mistake else "",
        case=case,
        step=step,
        yours=parting.yours,
        expected=parting.expected if task.shows_expected else None,
        line=parting.line,
    )


def _none_of_the_choices(task: Task, results: list) -> str:
    """A question, where a text is none of those that were to choose from."""
    texts = [t for one in results for t in (one if type(one) is list else [one]) if type(t) is str]
    known = [_word(choice) for choice in task.choices]
    odd = next((text for text in texts if known and _word(text) not in known), None)
    if odd is None:
        return ""
    near = difflib.get_close_matches(_word(odd), known, n=1, cutoff=0.5)
    meant = f"did you mean {task.choices[known.index(near[0])]!r}?" if near else "copy one of them."
    return f"{odd[:60]!r} is none of the {len(known)} to choose from: {meant}"


def _likely(
    task: Task,
    arguments: Sequence[tuple],
    results: list,
    expected: list,
    scales: list[float],
    parting: Parting,
) -> Mistake | None:
    """The first known mistake that explains every result. Of separate values each has its own
    mistakes: then rather one that speaks of the entry at which they part."""
    fits = (m for m in task.mistakes if _explains(m, task, arguments, results, expected, scales))
    if task.kind == "value":
        return min(fits, key=lambda m: _entry_of(task, m) != parting.entry, default=None)
    return next(fits, None)


def _explains(
    mistake: Mistake,
    task: Task,
    arguments: Sequence[tuple],
    results: list,
    expected: list,
    scales: list[float],
) -> bool:
    """Whether every result is what the mistake makes, and some are not what is right."""
    differs = False
    for one, yours, right, scale in zip(arguments, results, expected, scales):
        if _parts(yours, _tried(mistake, one), task.tolerance, scale) is not None:
            return False
        differs = differs or _parts(yours, right, task.tolerance, scale) is not None
    return differs


def _entry_of(task: Task, mistake: Mistake) -> int | None:
    """Of which entry of a list of separate values the mistake speaks: the first that it spoils."""
    wrong, right = mistake.wrong(), task.reference()
    pairs = enumerate(zip(wrong, right)) if type(wrong) is type(right) is list else ()
    return next((i for i, (one, other) in pairs if one is not ANY and one != other), None)


def _named(task: Task, mistake: Mistake, parting: Parting) -> str:
    """What to say of a mistake, and of which entry, if not of the one that is named already."""
    entry = _entry_of(task, mistake) if task.kind == "value" else parting.entry
    return mistake.says if entry == parting.entry else f"And entry {entry}: {mistake.says}"


def _tried(mistake: Mistake, arguments: tuple) -> Any:
    """What the mistake makes of the arguments; something that equals nothing if it raises."""
    try:
        wrong = mistake.wrong(*arguments)
    except (ArithmeticError, ValueError, IndexError):
        return math.nan
    return wrong if type(wrong) is list else plain(wrong)


def _share_of_entries(task: Task, results: list, expected: list, scales: list[float]) -> float:
    """For a list of separate values: the share that is right. All or nothing for the others."""
    if task.kind != "value" or type(expected[0]) is not list or type(results[0]) is not list:
        return 0.0
    if len(results[0]) != len(expected[0]):
        return 0.0
    pairs = zip(results[0], expected[0])
    right = sum(_parts(a, b, task.tolerance, scales[0]) is None for a, b in pairs)
    return round(right / len(expected[0]), 4)


def _step(task: Task, arguments: tuple, parting: Parting) -> int | None:
    if parting.entry is not None:
        if task.kind == "vectorised":
            return arguments[0][parting.entry]
        return parting.entry
    return arguments[task.parameters.index("t")] if "t" in task.parameters else None


def _first_parting(task: Task, arguments: tuple, step: int | None, parting: Parting) -> str:
    if parting.why and parting.entry is None:
        known = _NO_RETURN if parting.yours is None and parting.why == _NONE else ""
        return why_none(parting, _call(task, arguments, step=True), known)
    call = _call(task, arguments)
    place = _place(task, step, parting)
    if parting.why:
        return f"{_upper(place + parting.why)}."
    yours = f"yours {show(parting.yours)}"
    if not task.shows_expected:
        return f"{_upper(place + yours)} is not it."
    with_call = f" ({call})" if call else ""
    return f"{_upper(place + yours)}, expected {show(parting.expected)}{with_call}."


def why_none(parting: Parting, call: str, known: str = "") -> str:
    """The sentence of a result that is no number at all, with the line and the call."""
    fits = (says for text, says in _KNOWN_ERRORS.items() if text in parting.why)
    said = [
        f"{_upper(parting.why)}{'' if parting.why[-1:] in '?.' else '.'}",
        f"Your {parting.line}." if parting.line else "",
        known or next(fits, ""),
        f"(Called with {call}.)" if call else "",
    ]
    return " ".join(filter(None, said))


_KNOWN_ERRORS = {
    "truth value of an array": "`if` takes one True or False, and an array compared gives many: "
    "use np.where, or arithmetic.",
    "can be converted to Python scalar": "The math module takes one number: use NumPy's function "
    "of the same name.",
    "only length-1 arrays": "The math module takes one number: use NumPy's function of the same "
    "name.",
    "positional argument": "The function is called with the arguments in the order of the "
    "question: are they all there?",
    "math domain error": "A logarithm of 0 or less, or the root of a negative number?",
    "division by zero": "Which of the arguments was 0, and may it be?",
    "object is not callable": "Something is called, with brackets, that is not a function.",
    "NoneType": "Something is None: a function without a return?",
}


def _place(task: Task, step: int | None, parting: Parting) -> str:
    if step is None:
        return ""
    if task.kind in ("loop", "resume"):
        return f"update {step}: "
    return f"step {step}: " if "t" in task.parameters else f"entry {step}: "


def _call(task: Task, arguments: tuple, step: bool = False) -> str:
    """The call that fails: "lr=0.1, step_size=30, gamma=0.1"; with its step first, if asked."""
    named = [one for one in zip(task.parameters, arguments) if step or one[0] != "t"]
    return ", ".join(f"{name}={_short(value)}" for name, value in named)


def _short(value: Any) -> str:
    text = show(value) if _is_number(value) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def show(value: Any) -> str:
    """A number as a person writes it: at most six digits, whole ones in full."""
    if type(value) is int and abs(value) < 10**15:
        return str(value)
    if _is_number(value):
        return f"{value + 0.0:.6g}"  # no "-0"
    return "a huge whole number" if type(value) is int else repr(value)[:80]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _praise(task: Task, arguments: Sequence[tuple]) -> str:
    calls = f" in {len(arguments)} calls" if len(arguments) > 1 else ""
    return f"Right. Checked{calls}: {task.covers}."
