"""How soon the curve follows the hand: `explore` beside plain `interact` and `plt.show()`.

    python benchmarks/explorer_latency.py

Both ways show the same curves in one notebook of a real JupyterLab in headless Chromium, and take
turns. A move is from a key to the first frame with other pixels. A drag is 3 s by mouse, and counts
the different frames that were shown. The probe is the same for both: after every animation frame it
copies what the output shows and compares it with the frame before. Prints a table; the exit status
is 1 if a goal was missed.

The last table is that of an explorer that trains, `explore(..., task="digits", steps=300)`: from the
touch of a control to its first growing curves, to the risk at the end of all its positions on 4 and
on 16 seeds, and at their own best peaks; and its drag, while it trains and after. Beside it is what a
notebook would do without it: `interact` with a training loop, one position and one seed for each
move. Its goals are for two idle cores: where others keep the cores busy, "of its own" is the median
divided by how much longer a second of the kernel's own then takes.

A screen of 60 frames a second cannot show six times as many as an `interact` that reaches more than
ten. So the drags are made twice: on such a screen, where the goal is every frame that it has, and
on one of 144, where the goal is six times the frames of `interact`.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
from jupyter_page import CHROMIUM_FLAGS, JupyterPage, JupyterServer, find_chromium

from lrcourse import CosineAnnealing

IMPORTS = """import matplotlib.pyplot as plt
from ipywidgets import FloatLogSlider, IntSlider, interact
from lrcourse import CosineAnnealing, explore, plots"""

SCREEN = 60  # frames a second, in headless Chromium as on most desks
FAST_SCREEN = 144
FAST_FLAGS = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]  # the probe keeps its pace

EXPLORE = "explore(CosineAnnealing())"

INTERACT = """def draw(T_max, lr):
    fig, ax = plt.subplots(figsize=(7.0, 3.26))
    plots.draw_schedule(ax, CosineAnnealing(lr=lr, T_max=T_max), steps=125)
    plt.show()

interact(draw, T_max=IntSlider(100, 2, 124, 2), lr=FloatLogSlider(0.1, min=-4, max=0, step=0.05));"""

TRAIN = """import time, torch
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(256, 64), torch.randint(10, (256,))
end = time.time() + 7
while time.time() < end:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()"""

EXPLORE_TRAINED = """from lrcourse import StepDecay
e = explore(StepDecay(step_size=150), task="digits", steps=300)
e.wait()
e"""

INTERACT_TRAINED = """import torch
from lrcourse.lab.tasks import task_named
def train(gamma):
    task, schedule = task_named("digits"), StepDecay(step_size=150, gamma=gamma)
    model = task.build(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler, scores = schedule.scheduler(optimizer), []
    x_test, y_test = task.tested(torch.float32)
    for t, (x, y) in enumerate(task.batches(0, 300)):
        loss = task.loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if t % 15 == 14:
            with torch.no_grad():
                scores.append(task.score(model(x_test), y_test).item())
    plt.plot(range(15, 301, 15), scores)
    plt.show()

interact(train, gamma=FloatLogSlider(0.1, min=-2, max=0, step=0.05));"""

# From the touch of a control to what is shown of its training, in ms: its curves as they begin to grow,
# and its ends once so many seeds are done.
TOUCHED = """async ([key, goals]) => {
  const root = document.querySelector('.lrt'), score = root.querySelector('.lrt-score');
  const input = root.querySelector(`input[type=range][data-control="${key}"]`);
  const start = performance.now(), seen = {};
  input.focus();
  while (performance.now() - start < 60000) {
    await new Promise(requestAnimationFrame);
    const { control, trained, n, fresh, end } = score.drawn, now = performance.now() - start;
    if (control !== key || !fresh) continue;
    seen.known ??= trained; // the position that is set was trained before
    if (trained > seen.known) seen.growing ??= now;
    for (const goal of goals) if (n >= goal) seen[goal] ??= now;
    seen.positions = end.length;
    if (n >= Math.max(...goals)) return seen;
  }
  return seen;
}"""

TUNED = """async () => {
  const root = document.querySelector('.lrt'), words = root.querySelector('.lrt-made');
  const start = performance.now();
  root.querySelector('.lrt-tuned input').click();
  while (performance.now() - start < 60000) {
    await new Promise(requestAnimationFrame);
    if (words.textContent.includes('own best peak')) return performance.now() - start;
  }
}"""

# A slider that goes to and fro by itself, a step a frame: how many of its moves were drawn a second and in
# all, the longest wait between two of them, and for which share of them it trained.
DRAGGED = """async ([key, seconds]) => {
  const root = document.querySelector('.lrt'), score = root.querySelector('.lrt-score');
  const input = root.querySelector(`input[type=range][data-control="${key}"]`);
  const start = performance.now(), times = [];
  let step = 1, moves = 0, trained = 0;
  input.focus();
  while (performance.now() - start < 1000 * seconds) {
    const before = Number(score.dataset.frame), at = Number(input.value);
    if (at + step < 0 || at + step > Number(input.max)) step = -step;
    input.value = String(at + step);
    input.dispatchEvent(new Event('input', { bubbles: true }));
    moves += 1;
    await new Promise(requestAnimationFrame);
    if (Number(score.dataset.frame) > before) times.push(performance.now());
    trained += root.querySelector('.lrt-made').textContent.includes('Training:');
  }
  input.dispatchEvent(new Event('change', { bubbles: true }));
  const gaps = times.slice(1).map((t, i) => t - times[i]);
  return [times.length / seconds, times.length / moves, Math.max(...gaps), trained / moves];
}"""

ASK_KERNEL = """async code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = { code: '', silent: true, user_expressions: { answer: code } };
  const reply = await kernel.requestExecute(asked, true).done;
  return reply.content.user_expressions.answer.data['text/plain'];
}"""

# How much slower than on a free core the kernel computes now: seconds by the clock for one of its own.
STRETCH = """(lambda time: (lambda clock, own: [sum(range(99_999)) for _ in range(300)]
  and (time.perf_counter() - clock) / (time.process_time() - own))(
  time.perf_counter(), time.process_time()))(__import__('time'))"""

PROBE = """([name, pace]) => {
  const root = document.querySelector(name === 'explore' ? '.lrx' : '.widget-interact');
  const small = new OffscreenCanvas(350, 164).getContext('2d', { willReadFrequently: true });
  const probe = { frames: [], sent: 0, running: true };
  const output = root.closest('.jp-Cell-outputArea');
  let last = null;
  // A message posted in an animation frame arrives after the frame is drawn: what is looked at is
  // what was shown, whoever drew it in that frame.
  const drawn = new MessageChannel();
  // The fast screen has no pace of its own: it is looked at as often as one of `pace` would show.
  let due = performance.now();
  const next = () => requestAnimationFrame(() => drawn.port2.postMessage(0));
  const wait = () => {
    if (!probe.running) return;
    if (!pace) return next();
    due = Math.max(due + 1000 / pace, performance.now());
    setTimeout(next, due - performance.now());
  };
  drawn.port1.onmessage = () => {
    small.fillStyle = 'white';
    small.fillRect(0, 0, 350, 164);
    const shown = root.querySelectorAll(name === 'explore' ? '.lrx-figure canvas' : 'img');
    for (const part of shown) {
      const ready = part.tagName === 'CANVAS' ? part.width : part.complete && part.naturalWidth;
      if (ready) small.drawImage(part, 0, 0, 350, 164);
    }
    const pixels = new Uint32Array(small.getImageData(0, 0, 350, 164).data.buffer);
    let hash = 0, blank = true;
    for (let i = 0; i < pixels.length; i++) {
      hash = (Math.imul(hash, 31) + pixels[i]) | 0;
      if (pixels[i] !== 0xffffffff) blank = false;
    }
    const height = Math.round(output.getBoundingClientRect().height);
    const figures = name === 'explore' ? shown.length / 2 : shown.length;
    if (!last || hash !== last.hash || height !== last.height)
      probe.frames.push(last = { at: performance.now(), hash, blank, height, figures });
    wait();
  };
  probe.key = event => { probe.sent = performance.now(); };
  addEventListener('keydown', probe.key, true);
  wait();
  window.lrcProbe = probe;
}"""

STOP = "() => { lrcProbe.running = false; removeEventListener('keydown', lrcProbe.key, true); return lrcProbe.frames; }"

MOVED = """hash => {
  const now = lrcProbe.frames.at(-1);
  return lrcProbe.sent && now.at > lrcProbe.sent && now.hash !== hash && !now.blank
    ? [now.hash, lrcProbe.frames.find(f => f.at > lrcProbe.sent && f.hash !== hash && !f.blank).at
       - lrcProbe.sent] : null;
}"""


class Way:
    """One of the two ways to show the curve, and how to move it."""

    def __init__(self, lab: JupyterPage, name: str, screen: int = SCREEN) -> None:
        self.lab, self.page, self.name, self.screen = lab, lab.page, name, screen
        self.blank = self.jumps = self.figures = 0

    def probe(self) -> None:
        """Look at every frame from now on."""
        self.page.evaluate(PROBE, [self.name, self.screen if self.screen > SCREEN else 0])
        self.page.wait_for_timeout(100)

    def handle(self, control: str) -> Any:
        if self.name == "explore":
            return self.lab.panel.locator(f'.lrx input[type="range"][data-control="{control}"]')
        number = ("T_max", "lr").index(control)
        return self.lab.panel.locator(".widget-interact .noUi-handle").nth(number)

    def track(self, control: str) -> dict:
        if self.name == "explore":
            return self.handle(control).bounding_box()
        number = ("T_max", "lr").index(control)
        return self.lab.panel.locator(".widget-interact .noUi-target").nth(number).bounding_box()

    def moves(self, control: str, count: int) -> list[float]:
        """Milliseconds from a key to the first frame with other pixels."""
        handle = self.handle(control)
        handle.scroll_into_view_if_needed()
        handle.focus()
        self.lab.settle(700)
        self.probe()
        taken = []
        for i in range(count):
            before = self.page.evaluate("lrcProbe.frames.at(-1).hash")
            self.page.evaluate("lrcProbe.sent = 0")
            handle.press("ArrowLeft" if (i // 6) % 2 == 0 else "ArrowRight")
            moved = self.page.wait_for_function(MOVED, arg=before, polling=10).json_value()
            taken.append(moved[1])
            self.lab.settle(150)
        self.check(self.page.evaluate(STOP))
        return taken

    def drag(self, control: str, seconds: float = 3.0) -> tuple[float, float]:
        """Different frames a second while the mouse drags to and fro, and the pace of the mouse."""
        handle = self.handle(control)
        handle.scroll_into_view_if_needed()
        box, track = handle.bounding_box(), self.track(control)
        middle = track["y"] + track["height"] / 2
        # Every position is another value: T_max has 61 of them on the track, lr 81.
        shares = np.concatenate([np.linspace(0.14, 0.86, 44), np.linspace(0.86, 0.14, 44)[1:-1]])
        self.page.mouse.move(box["x"] + box["width"] / 2, middle)
        self.lab.settle(700)
        start_x = track["x"] + shares[0] * track["width"]
        self.page.mouse.move(start_x, middle)
        if self.name != "explore":
            self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(start_x, middle)
        self.lab.settle(700)
        self.probe()
        first = self.page.evaluate("lrcProbe.frames.length")
        end, moved = time.perf_counter() + seconds, 0
        begun = time.perf_counter()
        while time.perf_counter() < end:
            share = shares[moved % len(shares)]
            self.page.mouse.move(track["x"] + share * track["width"], middle)
            moved += 1
            pause = begun + moved / self.screen - time.perf_counter()
            if pause > 0:
                self.page.wait_for_timeout(1000 * pause)
        shown = self.page.evaluate("lrcProbe.frames.length") - first
        self.page.mouse.up()
        self.lab.settle(700)
        self.check(self.page.evaluate(STOP))
        return shown / seconds, moved / seconds

    def check(self, frames: list[dict]) -> None:
        self.blank += sum(f["blank"] for f in frames)
        self.jumps += int(np.count_nonzero(np.diff([f["height"] for f in frames])))
        self.figures = max(self.figures, *(f["figures"] for f in frames))


class Traffic:
    """What passes between the page and its kernel."""

    def __init__(self, page: Any) -> None:
        self.sent = self.received = self.bytes = 0
        page.on("websocket", self._watch)

    def _watch(self, socket: Any) -> None:
        if "/channels" in socket.url:
            socket.on("framesent", lambda data: self._count("sent", data))
            socket.on("framereceived", lambda data: self._count("received", data))

    def _count(self, way: str, data: Any) -> None:
        setattr(self, way, getattr(self, way) + 1)
        self.bytes += len(data)

    def since(self, before: tuple) -> tuple:
        return tuple(now - then for now, then in zip(self.now(), before))

    def now(self) -> tuple:
        return self.sent, self.received, self.bytes


def first_display(lab: JupyterPage) -> float:
    """Milliseconds from running the cell to the curve on the screen, the imports done."""
    return lab.page.evaluate(
        """async () => {
          const panel = jupyterapp.shell.currentWidget;
          panel.content.activeCellIndex = 1;
          const start = performance.now();
          jupyterapp.commands.execute('notebook:run-cell');
          for (;;) {
            await new Promise(requestAnimationFrame);
            if (document.querySelector('.lrx-curves')?.drawn) return performance.now() - start;
          }
        }"""
    )


def final_is_right(lab: JupyterPage) -> bool:
    """Whether the drawn curve is the formula at the value that the slider shows."""
    T_max, lr, t, rates = lab.page.evaluate(
        """() => { const root = document.querySelector('.lrx');
        const text = name => Number(root.querySelector(
          `.lrx-control[data-control=${name}] input[type=text]`).value);
        const drawn = root.querySelector('.lrx-curves').drawn;
        return [text('T_max'), text('lr'), [...drawn.t], [...drawn.lines[0].rate]]; }"""
    )
    expected = CosineAnnealing(lr=lr, T_max=int(T_max))(np.array(t))
    return bool(np.allclose(rates, expected, rtol=1e-6, atol=1e-12))


def first_touch(lab: JupyterPage, way: Way) -> float:
    """Milliseconds from a key to other pixels on a control whose curves Python must send first."""
    way.handle("T_max").press("ArrowLeft")  # the curves of lr are out of date now
    lab.settle(700)
    way.probe()
    before = lab.page.evaluate("lrcProbe.frames.at(-1).hash")
    way.handle("lr").focus()
    way.handle("lr").press("ArrowRight")
    taken = lab.page.wait_for_function(MOVED, arg=before, polling=10).json_value()[1]
    lab.page.evaluate(STOP)
    lab.settle(700)
    return taken


def drag_while_training(lab: JupyterPage, way: Way) -> tuple[float, bool]:
    """Frames a second of a drag while a cell trains, and whether it trained all the while."""
    way.handle("T_max").focus()
    lab.settle(1000)
    lab.page.evaluate(
        """code => { window.lrcBusy = true;
        jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code }).done.then(() => window.lrcBusy = false); }""",
        TRAIN,
    )
    lab.page.wait_for_timeout(1500)  # torch is imported
    settle, lab.settle = lab.settle, lambda *_: lab.page.wait_for_timeout(300)
    try:
        shown, _ = way.drag("T_max", seconds=2.0)
        busy = lab.page.evaluate("lrcBusy")
    finally:
        lab.settle = settle
    lab.page.wait_for_function("!lrcBusy")
    lab.settle(700)
    return shown, busy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way")
    parser.add_argument("--moves", type=int, default=12, help="moves in a turn")
    parser.add_argument("--training", action="store_true", help="the last table alone")
    options = parser.parse_args()
    looks: list[tuple] = [([], measure), (FAST_FLAGS, measure_fast), ([], measure_trained)]
    looks = looks[2:] if options.training else looks
    from playwright.sync_api import sync_playwright

    print(f"load before: {' '.join(f'{v:.2f}' for v in os.getloadavg())}, {os.cpu_count()} cores")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        JupyterServer(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        goals = []
        for flags, look in looks:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=CHROMIUM_FLAGS + flags
            )
            context = browser.new_context(viewport={"width": 1280, "height": 1400})
            lab = JupyterPage(context, server)
            goals += look(lab, options)
            lab.close()
            browser.close()
    print(f"load after: {' '.join(f'{v:.2f}' for v in os.getloadavg())}")
    return 0 if all(goals) else 1


def set_up(lab: JupyterPage) -> float:
    """Show both ways in one notebook; how long `explore` took to its first picture, in ms."""
    lab.run_code(IMPORTS, "explore", "None")
    lab.page.evaluate(
        """sources => jupyterapp.shell.currentWidget.content.widgets.forEach((cell, i) =>
          sources[i] && cell.model.sharedModel.setSource(sources[i]))""",
        [None, EXPLORE, INTERACT],
    )
    first = first_display(lab)
    assert lab.run_all() == []
    return first


def measure_fast(lab: JupyterPage, options: Any) -> list[bool]:
    """The drags on a screen of 144 frames a second."""
    set_up(lab)
    ways = [Way(lab, name, FAST_SCREEN) for name in ("explore", "interact")]
    frames: dict[tuple, list] = {}
    for _ in range(options.rounds):
        for control in ("T_max", "lr"):
            for way in ways:
                frames.setdefault((way.name, control), []).append(way.drag(control))
                assert way.name != "explore" or final_is_right(lab)
    print(f"\nOn a screen of {FAST_SCREEN} frames a second")
    goals = []
    for control in ("T_max", "lr"):
        (m, hand), (t, other) = (np.median(frames[way.name, control], axis=0) for way in ways)
        goals.append(m / t >= 6)
        verdict = "met" if goals[-1] else "MISSED"
        print(f"{f'{control}: drag, frames/s':24}{m:12.1f}{t:12.1f}{m / t:9.1f}{6:8.0f}x {verdict}")
        print(f"{f'{control}: mouse moves/s':24}{hand:12.1f}{other:12.1f}")
    for name in ("blank", "jumps", "figures"):
        print(f"{name:24}{getattr(ways[0], name):12.1f}{getattr(ways[1], name):12.1f}")
    return [*goals, ways[0].blank == 0, ways[0].jumps == 0, ways[0].figures == 1]


def measure_trained(lab: JupyterPage, options: Any) -> list[bool]:
    """An explorer that trains, beside `interact` with a training loop."""
    lab.run_code(IMPORTS, EXPLORE_TRAINED, INTERACT_TRAINED)
    touches: list[dict] = []
    training, trained, tuned, stretch = [], [], [], []
    for turn in range(options.rounds):
        stretch.append(float(lab.page.evaluate(ASK_KERNEL, STRETCH)))
        fresh_positions(lab, turn)
        touches.append(lab.page.evaluate(TOUCHED, ["gamma", [4, 16]]))
        fresh_positions(lab, turn + 0.25)
        lab.page.evaluate(TOUCHED, ["gamma", [32]])
        tuned.append(lab.page.evaluate(TUNED))
        lab.page.evaluate("document.querySelector('.lrt-tuned input').click()")
        fresh_positions(lab, turn + 0.5)
        training.append(lab.page.evaluate(DRAGGED, ["gamma", 2.0]))
        finish_training(lab)
        trained.append(lab.page.evaluate(DRAGGED, ["gamma", 2.0]))
    finish_training(lab)
    way = Way(lab, "interact")
    loop = way.moves("T_max", options.moves)  # its first slider: here gamma
    shown, hand = way.drag("T_max", seconds=2.0)
    assert lab.console_errors == [] == lab.kernel_errors

    slower, goals = float(np.median(stretch)), []
    print(f"\nthe kernel waits for its core: 1 s of its own takes {slower:.1f} s")
    print(
        f"{'an explorer that trains, ms':32}{'least':>7}{'median':>8}{'of its own':>12}{'goal':>7}"
    )

    def line(what: str, values: list[float], most: float) -> None:
        median = float(np.median(values))
        goals.append(median / slower < most)
        verdict = "met" if goals[-1] else "MISSED"
        print(
            f"{what:32}{min(values):7.0f}{median:8.0f}{median / slower:12.0f}{most:7.0f} {verdict}"
        )

    line("touch to growing curves", [t["growing"] for t in touches], 100)
    line("touch to all ends, 4 seeds", [t["4"] for t in touches], 400)
    line("touch to all ends, 16 seeds", [t["16"] for t in touches], 1000)
    line("switch to own best peaks", tuned, 2000)
    for name, drags in (("while it trains", training), ("all trained", trained)):
        frames, drawn, gap, share = np.median(drags, axis=0)
        goals.append(drawn >= 0.99)
        print(
            f"drag, {name}: {frames:.1f} frames/s, {drawn:.1%} of the moves drawn, "
            f"longest gap {gap:.0f} ms, training for {share:.0%}"
        )
    each = float(np.median(loop))
    runs = touches[0]["positions"] * 16
    print(
        f"interact with a training loop: {each:.0f} ms a move, {shown:.1f} frames/s in a drag",
        end="",
    )
    print(f" of {hand:.0f} moves/s, one position on one seed each;")
    print(f"  the ends on 16 seeds are {runs} runs, {runs * each / 1000:.0f} s by hand")
    return goals


def finish_training(lab: JupyterPage) -> None:
    """Wait until all seeds of what was touched are done."""
    made = "document.querySelector('.lrt-made').textContent"
    lab.page.wait_for_function(f"!{made}.includes('Training:')")
    lab.settle(500)


def fresh_positions(lab: JupyterPage, turn: float) -> None:
    """Other positions than before, none trained, with the hand elsewhere."""
    code = f"e.set(lr={0.1 + 0.001 * (turn + 1)})\ne.wait()"
    lab.page.evaluate(
        """code => { document.activeElement?.blur();
        return jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code }).done; }""",
        code,
    )
    lab.settle(500)


def measure(lab: JupyterPage, options: Any) -> list[bool]:
    """Moves, drags and messages on a screen of 60 frames a second."""
    traffic = Traffic(lab.page)
    first = set_up(lab)
    ways = [Way(lab, "explore"), Way(lab, "interact")]
    moves, frames, pace, passed = {}, {}, {}, {}
    for _ in range(options.rounds):
        for control in ("T_max", "lr"):
            for way in ways:
                at = way.name, control
                moves.setdefault(at, []).extend(way.moves(control, options.moves))
                before = traffic.now()
                shown, hand = way.drag(control)
                frames.setdefault(at, []).append(shown)
                pace.setdefault(at, []).append(hand)
                passed.setdefault(at, []).append(traffic.since(before))
                if way.name == "explore":
                    assert final_is_right(lab), "the picture after release is not the final value"
    touches = [first_touch(lab, ways[0]) for _ in range(5)]
    while_training, busy = drag_while_training(lab, ways[0])
    right = final_is_right(lab)
    assert lab.console_errors == [] == lab.kernel_errors

    goals = []
    print(f"\n{'':24}{'explore':>12}{'interact':>12}{'ratio':>9}{'goal':>9}")

    def line(
        what: str, mine: float, theirs: float, ratio: float | None, goal: float | None
    ) -> None:
        shown = f"{what:24}{mine:12.1f}{theirs:12.1f}"
        if ratio:
            shown += f"{ratio:9.1f}"
        if goal:
            goals.append(ratio >= goal)
            shown += f"{goal:8.0f}x {'met' if goals[-1] else 'MISSED'}"
        print(shown)

    for control in ("T_max", "lr"):
        mine, theirs = (np.array(moves[way.name, control]) for way in ways)
        for name, share, goal in (("median", 50, 6), ("p95", 95, 4)):
            m, t = np.percentile(mine, share), np.percentile(theirs, share)
            line(f"{control}: move, {name} ms", m, t, t / m, goal)
        m, t = (float(np.median(frames[way.name, control])) for way in ways)
        line(f"{control}: drag, frames/s", m, t, m / t, None)
        goals.append(m >= 0.95 * SCREEN)
        line(
            f"{control}: mouse moves/s",
            *(np.median(pace[w.name, control]) for w in ways),
            None,
            None,
        )
        for i, name in enumerate(("sent", "received", "kB")):
            scale = 1000 if name == "kB" else 1
            per = (np.median([p[i] for p in passed[w.name, control]]) / scale for w in ways)
            line(f"{control}: drag, {name}", *per, None, None)
    for name in ("blank", "jumps", "figures"):
        line(name, *(getattr(way, name) for way in ways), None, None)
    goals += [ways[0].blank == 0, ways[0].jumps == 0, ways[0].figures == 1, first < 1500]
    goals += [busy and while_training > 5 and right]
    print(f"first display {first:.0f} ms (goal: under 1500)")
    print(f"first touch of a control, median: {np.median(touches):.0f} ms")
    print(f"drag while training: {while_training:.1f} frames/s, kernel busy throughout: {busy}")
    print(f"picture after release equals the final value: {right}")
    return goals


if __name__ == "__main__":
    sys.exit(main())
