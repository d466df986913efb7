"""Feedback pages as a learning platform takes them: one archive, `--pack moodle` or `canvas`.

moodle   a folder for each participant, called as in the archive that was downloaded: for *Upload
         multiple feedback files in a zip*
canvas   a file for each submission, called as the one that was downloaded, with `.html` in place of
         its end: for *Upload Submissions* (re-upload)
"""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrcourse.grading.layout import by_a_platform
from lrcourse.grading.learners import Learner
from lrcourse.grading.notebooks import stem_of

PLATFORMS = ("moodle", "canvas")
_WHEN = (2020, 1, 1, 0, 0, 0)  # the same archive for the same pages


def pack(learners: Sequence[Learner], results: Path, platform: str) -> list[str]:
    """Write `feedback_PLATFORM.zip`. A sentence for whoever could not be put into it."""
    left_out = []
    with zipfile.ZipFile(results / f"feedback_{platform}.zip", "w") as archive:
        for one in learners:
            names = dict.fromkeys(_names(one, platform))
            page = results / "feedback" / one.place
            if one.marks and not names:
                left_out.append(f"Not in feedback_{platform}.zip, of no {platform}: {one.shown}.")
            for name in names:
                about = zipfile.ZipInfo(name, _WHEN)
                archive.writestr(about, page.read_bytes(), zipfile.ZIP_DEFLATED)
    return left_out


def _names(one: Learner, platform: str) -> Iterator[str]:
    for mark in one.marks:
        entry = Path(mark.source).name
        if mark.platform != platform or not by_a_platform(entry):
            continue
        if platform == "moodle":
            yield f"{_person(entry)}_assignsubmission_file_/feedback.html"
        else:
            yield f"{stem_of(entry)}.html"


def _person(entry: str) -> str:
    """ "Ada Lovelace_4711" of what Moodle called a folder or file."""
    return entry.partition("_assignsubmission_")[0]
