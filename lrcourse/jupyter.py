"""How JupyterLab is started for the course, and for nothing else on this machine."""

from pathlib import Path

SETTINGS = Path(__file__).resolve().parent / "labsettings"
"""A folder with the course's `overrides.json`: a saved notebook keeps its widgets as they were
left, and nobody is asked whether JupyterLab may fetch its news."""

OPTIONS = (
    f"--LabApp.app_settings_dir={SETTINGS}",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
"""With these JupyterLab asks the network nothing. Its own settings stay as they are."""
