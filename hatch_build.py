"""The wheel carries what learners open: the lessons and the exercises, without their solutions."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Course(BuildHookInterface):
    """Puts the notebooks into the package. Where it is installed to be edited, they stay."""

    def initialize(self, version: str, build_data: dict) -> None:
        if version == "editable":
            return
        for folder in ("notebooks", "exercises"):
            for notebook in sorted((Path(self.root) / folder).glob("*.ipynb")):
                target = f"lrcourse/course/{folder}/{notebook.name}"
                build_data["force_include"][str(notebook)] = target
