"""What happened in a run: the smallest story that explains all of its updates.

A story is a few moves away from the plan: its own fields set otherwise (`settings`), another clock
(`clock`), the loss as the argument (`argument`), another hand (`values`), a run that was cut
(`cut`), or a rate that never moved (`flat`). Each move is a function of the run. It works out
which rates the run would have used had this happened, fits what is unknown, and only if they agree
with *every* recorded update does it say so: what happened, and the fix.

The simpler moves are asked first, and the next ones only if none of those explains the run. Then
come two moves at once, and the pieces of a run (`pieces`). Where two explain equally, both are told.

Some runs follow their plan to the letter and still miss the point of it: too short for the peak,
too long for the cosine. `notes` holds those.
"""

from collections.abc import Callable

from lrcourse._causes import argument, clock, cut, flat, pieces, settings, values
from lrcourse._causes.notes import notes
from lrcourse._causes.pieces import as_it_looks
from lrcourse._causes.plan import Plan
from lrcourse._causes.run import Finding, Run, Seen

Rule = Callable[[Run], Finding | None]

STORIES: tuple[tuple[tuple[str, Rule], ...], ...] = (
    (
        ("run-longer", cut.ran_on),
        ("begun-later", clock.resumed_or_late_trace),
        ("warm-up-missing", clock.warmup_left_out),
    ),
    (
        ("never-stepped", flat.never_stepped),
        ("rounded-each-time", values.rounded_each_time),
        ("optimizer-replaced", flat.no_scheduler),
        ("resumed-without-state", cut.resumed_at_the_start),
        ("old-settings", settings.old_settings),
        ("another-rate", values.built_with_another_rate),
        ("rate-as-factor", values.rate_as_factor),
        ("stepped-before-optimizer", clock.stepped_first),
        ("stepped-per-epoch", clock.per_epoch),
        ("stepped-per-batch", clock.per_batch),
        ("one-late", clock.late),
        ("used-up-before-training", clock.used_up),
        ("begun-later", clock.traced_late),
    ),
    (
        ("used-up-before-training", flat.used_up_and_left),
        ("scheduler-rebuilt", cut.rebuilt),
        ("stepped-also", clock.also_by_epoch),
        ("another-rate", values.another_rate),
        ("two-schedulers", values.two_schedulers),
        ("stepped-too-often", clock.too_often),
        ("held", clock.held),
        ("stepped-seldom", clock.seldom),
        ("another-length", settings.another_length),
        ("another-length", settings.all_lengths),
        ("another-length", settings.stretched),
    ),
    (("loss-as-epoch", argument.loss_on_a_stair),),
    (
        ("stepped-also", clock.also),
        ("update-skipped", clock.skipped),
        ("another-setting", settings.another_setting),
        ("stepped-too-often", clock.several_at_a_time),
        ("compounding", values.compounding),
        ("clipped", values.clipped),
        ("stepped-no-more", pieces.stays_from),
        ("schedule-restarted", cut.starts_again),
        ("resumed-without-state", cut.resumed),
        ("rate-edited", values.edited),
    ),
    (
        ("warm-up-missing", settings.left_out_and_longer),
        ("another-length", settings.another_rate_and_length),
        ("another-length", settings.on_another_clock),
    ),
    (("loss-as-epoch", argument.loss_as_epoch),),
    (
        ("in-part", pieces.one_blip),
        ("in-part", pieces.shifted_from),
        ("in-part", pieces.multiplied_from),
    ),
)


def causes(run: Run) -> dict[str, Finding]:
    """The stories that explain all of the run, the simplest and likeliest first."""
    for rules in STORIES:
        found: dict[str, Finding] = {}
        for slug, rule in rules:
            if slug not in found and (finding := rule(run)):
                found[slug] = finding
        if found:
            return found
    return {}


__all__ = ["Finding", "Plan", "Run", "Seen", "as_it_looks", "causes", "notes"]
