"""A real JupyterLab in a real Chromium, driven by Playwright.

`JupyterServer` is a server of its own: own config, data, runtime, settings and IPython folders,
its own `LRCOURSE_HOME`, and a copy of the notebooks, so that a test changes nothing outside its
temporary folder. `JupyterPage` is one browser page on it, with its own workspace.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat

from lrcourse.jupyter import OPTIONS

HOST = "127.0.0.1"
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but our own server has a name: a page that needs the network fails here as it
    # would in a workshop without one.
    f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {HOST}",
]

# What a learner may have set otherwise, and what makes a browser test shake.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # else far cells are not in the page
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "apputils-extension/themes": {"theme": "JupyterLab Light"},
}

# Races of the lessons train on a few seeds: nbval compares their numbers, the browser does not.
FEW_SEEDS = """def few_seeds(info):
    import sys  # here: what is named outside is gone once the kernel is emptied

    if lab := sys.modules.get("lrcourse.lab"):
        lab.race.__kwdefaults__["seeds"] = 6

get_ipython().events.register("pre_run_cell", few_seeds)
"""

# Ways to find a Chromium: Debian's, other systems' and Playwright's own name.
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """The path of an installed Chromium, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


class JupyterServer:
    """A JupyterLab server on a copy of the notebooks; a context manager.

    `root` is the folder it shows, `home` the `LRCOURSE_HOME` of its kernels, `url` its address.
    """

    def __init__(self, folder: Path, notebooks: Path = NOTEBOOKS) -> None:
        self.folder = Path(folder)
        self.root = self.folder / "root"
        self.home = self.folder / "lrcourse-home"
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._kernel = ""
        self.root.mkdir(parents=True)
        self.home.mkdir()
        startup = self.folder / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "few_seeds.py").write_text(FEW_SEEDS, encoding="utf-8")
        for notebook in sorted(notebooks.glob("*.ipynb")):
            shutil.copy(notebook, self.root)
        self.set_settings()

    def set_settings(self) -> None:
        """Set the settings of the tests, whatever an earlier page changed."""
        for name, values in SETTINGS.items():
            path = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")

    def __enter__(self) -> "JupyterServer":
        self._log = (self.folder / "server.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.ip={HOST}",
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={self.root}",
                f"--IdentityProvider.token={self.token}",
                "--LabApp.expose_app_in_browser=True",
                *OPTIONS,
            ],
            cwd=self.root,
            env=os.environ | self._folders(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_up()
        return self

    def _folders(self) -> dict[str, str]:
        ours = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "LRCOURSE_HOME": "lrcourse-home",
        }
        return {name: str(self.folder / folder) for name, folder in ours.items()}

    def _wait_until_up(self, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.ask("/api/status")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log()[-3000:]}")

    def write(self, name: str, *cells: str) -> str:
        """Put a notebook with these code cells into the server's folder; its name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.root / name)
        return name

    def ask(self, path: str, method: str = "GET") -> bytes:
        """What the server answers to a request of its REST interface."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def shut_kernels(self) -> None:
        """End the kernel of every notebook that has one of its own."""
        for session in json.loads(self.ask("/api/sessions")):
            if session["kernel"]["id"] != self._kernel:
                self.ask(f"/api/sessions/{session['id']}", "DELETE")

    def shared_kernel(self) -> str:
        """The id of the kernel that scratch notebooks share, one at a time; a new one at need."""
        if self._kernel not in [kernel["id"] for kernel in self._kernels()]:
            self._kernel = json.loads(self.ask("/api/kernels", "POST"))["id"]
        return self._kernel

    def drop(self, kernel: str) -> None:
        """End a kernel that is not fit for another test."""
        if kernel in [running["id"] for running in self._kernels()]:
            self.ask(f"/api/kernels/{kernel}", "DELETE")

    def _kernels(self) -> list[dict]:
        return json.loads(self.ask("/api/kernels"))

    def log(self) -> str:
        """What the server and its kernels printed."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def __exit__(self, *failure: Any) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


# What runs in the page. `jupyterapp` is JupyterLab's own application object.

UP = "() => window.jupyterapp?.shell && document.body.dataset.jpThemeName"

OPEN = """async ([name, kernel]) => {
  await jupyterapp.restored;
  const panel = await jupyterapp.commands.execute('docmanager:open', {path: name, kernel});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.revealed;
  await panel.sessionContext.session.kernel.info;
  window.lrcourseErrors = window.lrcourseErrors || [];
  if (!panel.lrcourseWatched) {
    panel.lrcourseWatched = true;
    panel.sessionContext.iopubMessage.connect((_, message) => {
      if (message.header.msg_type === 'error')
        window.lrcourseErrors.push(name + ': ' + message.content.ename + ': '
                                   + message.content.evalue);
    });
  }
}"""

# A saved notebook shows its widgets again. Not always: when its kernel connects, JupyterLab's manager
# of widgets restores twice at once, and where the second is through before the first has read the
# notebook, each widget says "model not found" for good. A learner, too, opens it again then.
RESTORED = """() => {
  const { content, node } = jupyterapp.shell.currentWidget;
  const saved = content.model.getMetadata('widgets');
  const lost = node.innerText.includes('Error displaying widget: model not found');
  return (!saved || lost || node.querySelector('.jp-OutputArea .lrc')) && { lost };
}"""

RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"

# Every code cell was run and none waits; the kernel has nothing to do.
RAN = """() => {
  const panel = jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter(c => c.model.type === 'code');
  const waiting = cells.some(c => c.model.sharedModel.getSource().trim()
      && (c.model.executionState === 'running' || c.prompt === '*'));
  return !waiting && panel.sessionContext.session?.kernel?.status === 'idle';
}"""

MODEL_LOST = "widget model not found"
# What JupyterLab says where a kernel ends while it is asked for a subshell, or for breakpoints.
ENDED_MEANWHILE = "Canceled future for"

IDLE = "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"

# The kernel answers in order: what was sent before this is done, and shown. It has two orders: cells
# run in its main shell, and most messages of widgets in a subshell, a thread of its own.
ANSWERED = """async () => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const main = kernel.subshellId;
  for (const shell of new Set([main, ...[...kernel._comms.values()].map(comm => comm.subshellId)])) {
    kernel.subshellId = shell;
    const asked = kernel.requestExecute({ code: '', silent: true, store_history: false });
    kernel.subshellId = main;
    await asked.done;
  }
}"""

# Names and widgets go while their page still knows them; what was imported stays loaded. Says
# whether that was possible.
EMPTY = """async id => {
  const panels = [...jupyterapp.shell.widgets('main')];
  const kernels = panels.map(panel => panel.sessionContext?.session?.kernel);
  const kernel = kernels.find(kernel => kernel?.id === id);
  if (kernel?.status !== 'idle') return false;
  const code = `import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().reset()
import gc
gc.freeze()`;  // what is loaded by now is not looked through by each reset
  await kernel.requestExecute({ code, silent: true, store_history: false }).done;
  return true;
}"""

# The files are in sight beside the notebook, as on a page that a learner opens first.
FILES = """async () => {
  await jupyterapp.restored;
  jupyterapp.shell.expandLeft();
}"""

# Every notebook is closed, unsaved, and nothing that a test set stays set.
TIDY = """async () => {
  const { commands, shell } = jupyterapp;
  for (const panel of [...shell.widgets('main')]) panel.dispose();
  if (shell.presentationMode) await commands.execute('application:toggle-presentation-mode');
  shell.expandLeft();
  window.lrcourseErrors = [];
  if (document.body.dataset.jpThemeName !== 'JupyterLab Light')
    await jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
}"""

# The second frame begins when the first is on the screen, with all that was to be drawn in it.
FRAME = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"

# An explorer says itself whether anything is on its way. A timer that is due comes before a frame.
AT_REST = """async explorer => {
  do await new Promise(requestAnimationFrame); while (!explorer.atRest());
}"""

# Not the kernel's status: it is idle for a moment after each message of a widget, too.
KEEP_BUSY = """code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.lrcBusy = true;
  kernel.requestExecute({ code }).done.then(() => window.lrcBusy = false);
}"""

CELLS = "() => jupyterapp.shell.currentWidget.content.model.toJSON().cells"

SAVE = """async () => {
  const panel = jupyterapp.shell.currentWidget;
  await panel.context.save();
}"""

CLOSE = """async () => {
  const panel = jupyterapp.shell.currentWidget;
  const { path } = panel.context;
  await panel.context.sessionContext.shutdown();
  panel.dispose();
  return path;
}"""

RESTART = """async () => {
  const context = jupyterapp.shell.currentWidget.sessionContext;
  await context.restartKernel();
  await context.session.kernel.info;
}"""


class JupyterPage:
    """A browser page on JupyterLab, with what its users see and its developers must.

    `page` is the Playwright page. `console_errors` and `foreign_requests` are lists that grow.
    """

    def __init__(self, context: Any, server: JupyterServer) -> None:
        self.server = server
        self._shared = ""  # the kernel of the scratch notebooks, if there are any
        self.console_errors: list[str] = []
        self.foreign_requests: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._on_error(str(error)))
        self.page.on("request", lambda request: self._on_request(request.url))
        self.page.on("websocket", lambda socket: self._on_request(socket.url))
        workspace = f"test-{secrets.token_hex(4)}"
        self.page.goto(f"{server.url}/lab/workspaces/{workspace}?token={server.token}")
        self._until(UP, seconds=180)
        self.page.evaluate(FILES)

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._on_error(f"{message.text} ({message.location.get('url', '')})")

    def _on_error(self, said: str) -> None:
        if ENDED_MEANWHILE not in said:
            self.console_errors.append(said)

    def _on_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname != HOST:
            self.foreign_requests.append(url)

    def open_notebook(self, name: str, kernel: str | None = None) -> "JupyterPage":
        """Open a notebook of the server's folder, with its kernel ready, and show it.

        `kernel` is the id of one that runs; without it the notebook gets a new one.
        """
        for _ in range(3):
            self.page.evaluate(OPEN, [name, {"id": kernel} if kernel else None])
            if not self._until(RESTORED).evaluate("found => found.lost"):
                break
            self.page.evaluate(CLOSE)
            self.console_errors[:] = [e for e in self.console_errors if MODEL_LOST not in e]
        return self

    def run_all(self, seconds: float = 120) -> list[str]:
        """Run every cell, wait until all is done, and give the errors: [] is what you want."""
        before = len(self.kernel_errors)
        self.page.evaluate(RUN_ALL)
        self._until(RAN, seconds)
        self.settle()
        return [*self.output_errors(), *self.kernel_errors[before:]]

    def run_code(self, *cells: str, seconds: float = 120) -> "JupyterPage":
        """A new notebook with these code cells, opened and run; fails where a cell fails.

        The kernel is one that has imported the course already, see `shared_kernel`.
        """
        name = self.server.write(f"scratch-{secrets.token_hex(4)}.ipynb", *cells)
        self._shared = self.server.shared_kernel()
        self.open_notebook(name, self._shared)
        errors = self.run_all(seconds)
        assert not errors, "\n".join(errors)
        return self

    def settle(self, quiet_ms: int = 300, seconds: float = 120) -> None:
        """Wait until the kernel has been idle for `quiet_ms`: callbacks have run, too."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._until(IDLE, seconds)
            self.page.wait_for_timeout(quiet_ms)
            self.page.evaluate(ANSWERED)
            if self.page.evaluate(IDLE):
                return
        raise TimeoutError(f"the kernel was not idle for {quiet_ms} ms within {seconds} s")

    def at_rest(self, explorer: Any) -> None:
        """Wait until Python knows where an explorer's controls stand, and the picture has followed."""
        explorer.evaluate(AT_REST)
        self.page.evaluate(ANSWERED)
        explorer.evaluate(AT_REST)
        self.next_frame()

    def _until(self, true: str, seconds: float = 60) -> Any:
        """Wait until a function of the page is true. Asked in every frame, it would keep a core busy."""
        return self.page.wait_for_function(true, timeout=1000 * seconds, polling=50)

    def until(self, check: Callable[[], None], seconds: float = 60) -> None:
        """Call `check` until it raises no AssertionError; after `seconds` its last one is raised."""
        end = time.monotonic() + seconds
        while True:
            try:
                return check()
            except AssertionError:
                if time.monotonic() > end:
                    raise
            self.page.wait_for_timeout(50)

    def next_frame(self) -> None:
        """Wait until the page has drawn what it has to draw, however long that takes."""
        self.page.evaluate(FRAME)

    @contextmanager
    def busy_kernel(self) -> Iterator[None]:
        """Inside, a cell of the notebook shown computes and does not end. Fails where it did."""
        busy = self.server.folder / f"busy-{secrets.token_hex(4)}"
        busy.touch()
        until = f"pathlib.Path({str(busy)!r}).exists()"
        try:
            code = f"import pathlib\nwhile {until}: sum(range(99_999))"
            self.page.evaluate(KEEP_BUSY, code)
            yield
            assert self.page.evaluate("lrcBusy"), "the cell ended too soon"
        finally:
            busy.unlink()
        self.page.wait_for_function("!lrcBusy")

    def restart_kernel(self) -> None:
        """Restart the kernel of the notebook shown; its outputs stay until it is run again."""
        self.page.evaluate(RESTART)

    def save(self) -> None:
        """Save the notebook shown, as a learner does."""
        self.page.evaluate(SAVE)

    def reopen(self) -> "JupyterPage":
        """Save the notebook shown, close it with its kernel, and open it again, with a new one."""
        self.settle()  # no notebook is saved in the moment in which its kernel starts
        self.save()
        return self.open_notebook(self.page.evaluate(CLOSE))

    def cells(self) -> list[dict]:
        """The cells of the notebook shown, as nbformat keeps them, outputs included."""
        return self.page.evaluate(CELLS)

    @property
    def kernel_errors(self) -> list[str]:
        """Every error that a kernel reported, in a cell or in a widget's callback."""
        return self.page.evaluate("() => window.lrcourseErrors || []")

    @property
    def faults(self) -> list[str]:
        """All that must not happen: errors of page and kernel, requests to other hosts."""
        return [*self.console_errors, *self.foreign_requests, *self.kernel_errors]

    def output_errors(self) -> list[str]:
        """The error outputs of the notebook shown, also those inside an Output widget."""
        stored = [
            f"cell {number}: {output['ename']}: {output['evalue']}"
            for number, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]
        shown = self.panel.locator('[data-mime-type="application/vnd.jupyter.error"]')
        broken = self.panel.get_by_text("Error displaying widget")
        return [*stored, *shown.all_inner_texts(), *broken.all_inner_texts()]

    @property
    def panel(self) -> Any:
        """The notebook in front, as a Playwright locator."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    @property
    def sliders(self) -> Any:
        """All sliders of the notebook shown, as a Playwright locator."""
        output = self.panel.locator(".jp-OutputArea")
        return output.locator('input[type="range"]:visible, [role="slider"]:visible')

    def set_theme(self, name: str) -> None:
        """ "Light" or "Dark": JupyterLab's theme, applied before this returns."""
        theme = f"JupyterLab {name}"
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        self.page.wait_for_function(
            "theme => document.body.dataset.jpThemeName === theme", arg=theme
        )
        self.page.wait_for_timeout(300)

    def _empty(self) -> None:
        """Leave the shared kernel as if nothing had been run in it."""
        if self._shared and not self.page.evaluate(EMPTY, self._shared):
            self.server.drop(self._shared)
        self._shared = ""

    def tidy(self) -> None:
        """Close all notebooks and forget what was seen, so that another test can use the page."""
        self._empty()
        self.page.evaluate(TIDY)
        self.console_errors.clear()
        self.foreign_requests.clear()
        self.server.shut_kernels()

    @property
    def in_order(self) -> bool:
        """Whether another test can use the page: nothing went wrong, and no dialog is open."""
        return (
            not self.page.is_closed()
            and not self.faults
            and not self.page.locator(".jp-Dialog").count()
        )

    def close(self) -> None:
        """Close the page and end its kernels."""
        if self.page.is_closed():
            return
        self._empty()
        self.page.close()
        self.server.shut_kernels()
