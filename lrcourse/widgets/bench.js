// @ts-check
// The lab bench: choose, start, watch the curves grow, read the verdict.

const LOOKS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6bb1"];
const GREY = "#8c8c8c";
// No two alike: colour is never the only cue.
const DASHES = ["", "9 4", "8 3 2 3", "2 4", "10 3 2 3 2 3", "16 4", "4 2", "14 3 5 3", "1 2", "6 2 1 2 1 2 1 2"];

// Five colours; from the sixth line on grey.
function look(i) {
  return { stroke: LOOKS[i] ?? GREY, "stroke-dasharray": DASHES[i % DASHES.length] };
}

function line(d, i) {
  return shape("path", { d, class: "lrc-curve", ...look(i) });
}

function band(p, curve, i) {
  const there = curve.t.map((t, k) => k).filter((k) => curve.low[k] != null && curve.high[k] != null);
  if (there.length < 2) return null;
  const up = there.map((k) => `${p.x(curve.t[k])} ${p.y(curve.high[k])}`);
  const back = there.reverse().map((k) => `${p.x(curve.t[k])} ${p.y(curve.low[k])}`);
  return shape("path", { d: `M${[...up, ...back].join("L")}Z`, fill: LOOKS[i] ?? GREY, opacity: 0.15 });
}

// Each name at the end of its curve, and none upon another.
function endLabels(p, curves) {
  const ends = curves
    .map(({ name, t, mean }, i) => ({ name, i, x: p.x(t[t.length - 1]), at: p.y(mean[mean.length - 1]) }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const heights = apart(
    ends.map(({ at }) => clamp(at, p.room.t, p.height - p.room.b)),
    LABEL,
    [p.room.t, p.height - p.room.b],
  );
  return ends.flatMap(({ name, i, x, at }, k) => {
    const left = p.width - p.room.r;
    const y = heights[k];
    const lead = shape("path", { d: `M${x} ${clamp(at, p.room.t, p.height - p.room.b)}L${left + 8} ${y}`, class: "lrc-lead" });
    const piece = shape("path", { d: `M${left + 8} ${y}h26`, class: "lrc-curve", ...look(i) });
    return [lead, piece, shape("text", { x: left + 39, y: y + 4, class: "lrc-tick" }, name)];
  });
}

function clamp(v, low, high) {
  return Math.min(Math.max(v, low), high);
}

// `heights`, from the first on, moved so that they are `gap` apart and within the two `ends`.
function apart(heights, gap, [first, last]) {
  const placed = [];
  heights.forEach((at, k) => placed.push(k ? Math.max(at, placed[k - 1] + gap) : Math.max(at, first)));
  for (let k = placed.length - 1; k >= 0; k--)
    placed[k] = Math.min(placed[k], k < placed.length - 1 ? placed[k + 1] - gap : last);
  return placed;
}

function legend(names) {
  return make(
    "p",
    { class: "lrc-key" },
    names.map((name, i) =>
      make(
        "span",
        {},
        shape(
          "svg",
          { width: 34, height: 12, "aria-hidden": "true" },
          shape("path", { d: "M1 6H33", class: "lrc-curve", ...look(i) }),
        ),
        name,
      ),
    ),
  );
}

function table({ columns, rows }, caption) {
  return make(
    "table",
    { class: "lrc-table" },
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, name)))),
    make(
      "tbody",
      {},
      rows.map(([name, ...cells]) =>
        make("tr", {}, make("th", { scope: "row" }, name), cells.map((cell) => make("td", {}, cell))),
      ),
    ),
  );
}

function inWords(state) {
  const ends = state.curves
    .filter((c) => c.mean.length)
    .map((c) => `${c.name} ${rounded(c.mean[c.mean.length - 1])}`);
  return `${state.axes.y.label} so far: ${ends.join(", ") || "nothing yet"}`;
}

function field(label, input) {
  const id = newId("field");
  input.id = id;
  return make("div", { class: "lrc-field" }, make("label", { for: id }, label), input);
}

// The form: what to race. `read` gives what is chosen, for Python.
function form(content, start) {
  const { shapes, tasks, optimizers, chosen } = content;
  const boxes = shapes.map((name) =>
    make("input", { type: "checkbox", value: name, checked: chosen.schedules.includes(name) }),
  );
  const task = make(
    "select",
    {},
    tasks.map(([name]) => make("option", { value: name, selected: name === chosen.task }, name)),
  );
  const regime = make("p", { class: "lrc-hint" });
  const tell = () => {
    regime.textContent = `Stands for: ${tasks.find(([name]) => name === task.value)[1]}.`;
  };
  task.addEventListener("change", tell);
  tell();
  const steps = make("input", { type: "number", min: 20, max: 5000, step: 20, value: chosen.steps });
  const seeds = make("input", { type: "number", min: 2, max: 256, step: 1, value: chosen.seeds });
  const optimizer = make(
    "select",
    {},
    optimizers.map((name) =>
      make("option", { value: name, selected: name === chosen.optimizer }, name || "the task's own"),
    ),
  );
  const batch = make("input", {
    type: "number",
    min: 1,
    step: 1,
    value: chosen.batch,
    placeholder: "the task's own",
  });
  const tune = make("input", { type: "checkbox", checked: chosen.tune });
  const peak = make("input", { type: "number", min: 0, step: "any", value: chosen.peak });
  const peaks = make("input", {
    type: "text",
    value: chosen.peaks,
    spellcheck: "false",
    placeholder: "found by a search",
  });
  const free = () => {
    peak.disabled = tune.checked;
    peaks.disabled = !tune.checked;
  };
  tune.addEventListener("change", free);
  free();
  const mine = make("input", {
    type: "text",
    value: chosen.mine,
    spellcheck: "false",
    placeholder: "lambda t: 1 - t / steps",
  });
  const node = make(
    "form",
    {
      class: "lrc-bench-form",
      onsubmit: (event) => {
        event.preventDefault();
        start();
      },
    },
    make(
      "fieldset",
      {},
      make("legend", {}, "Schedules"),
      make(
        "div",
        { class: "lrc-boxes" },
        boxes.map((box) => make("label", {}, box, box.value)),
      ),
      field("Your own, a function of t", mine),
    ),
    make(
      "fieldset",
      {},
      make("legend", {}, "Race"),
      make(
        "div",
        { class: "lrc-fields" },
        field("Task", task),
        field("Updates", steps),
        field("Seeds", seeds),
        field("Optimizer", optimizer),
        field("Batch", batch),
        field("Peak, for all", peak),
        field("Peaks to try", peaks),
        make("label", { class: "lrc-tune" }, tune, "tune each peak instead"),
      ),
      regime,
    ),
  );
  const read = () => ({
    schedules: boxes.filter((box) => box.checked).map((box) => box.value),
    task: task.value,
    steps: Number(steps.value),
    seeds: Number(seeds.value),
    optimizer: optimizer.value,
    batch: batch.value === "" ? "" : Number(batch.value),
    peaks: peaks.value,
    tune: tune.checked,
    peak: Number(peak.value),
    mine: mine.value,
  });
  return { node, read };
}

const LABEL = 15; // px: the height of a name at the end of a curve

function plots(state, width) {
  const named = width > 420; // else a legend has more room
  const longest = Math.max(...state.curves.map((c) => c.name.length));
  const beside = named ? 44 + 7 * longest : 16;
  const above = plot(state.axes, { width, height: 250, label: inWords(state), beside });
  state.curves.forEach((c, i) => {
    const shade = band(above, c, i);
    if (shade) above.inside.append(shade);
    above.inside.append(line(path(above, c.t, c.mean), i));
  });
  if (named) above.above.append(...endLabels(above, state.curves));
  const below = plot(state.below, { width, height: 160, label: "The rates used so far", beside });
  state.rates.forEach((r, i) => below.inside.append(line(stairs(below, r.t, r.rate), i)));
  return [...(named ? [] : [legend(state.curves.map((c) => c.name))]), above.svg, below.svg];
}

function results(state) {
  const parts = [];
  if (state.table) parts.push(table(state.table, `This race: ${state.what}. ${state.better} is better; ≈ marks the best and what is not told from it.`));
  if (state.kept)
    parts.push(table(state.kept.table, `Kept: ${state.kept.what}.`));
  return parts;
}

const SAID = { ready: "", running: "", done: "The race is over.", stopped: "Stopped." };

function render({ model, el }) {
  const content = model.get("content");
  const box = begin(model, el, "bench", content.title);
  const asked = form(content, () => act(model, "start", asked.read()));
  const start = make("button", { type: "button", class: "lrc-main lrc-asks" }, "Start");
  const stop = make("button", { type: "button", class: "lrc-asks" }, "Stop");
  const keep = make("button", { type: "button", class: "lrc-asks" }, "Keep this race");
  const forget = make("button", { type: "button", class: "lrc-asks" }, "Forget the kept one");
  start.addEventListener("click", () => act(model, "start", asked.read()));
  stop.addEventListener("click", () => act(model, "stop"));
  keep.addEventListener("click", () => act(model, "keep"));
  forget.addEventListener("click", () => act(model, "forget"));
  const doing = newId("stage");
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Progress of the race", "aria-describedby": doing });
  const stage = make("span", { class: "lrc-hint", id: doing });
  const fold = make("button", { type: "button", "aria-controls": (asked.node.id = newId("form")) });
  const unfold = (open) => {
    asked.node.hidden = !open;
    fold.setAttribute("aria-expanded", String(open));
    fold.textContent = open ? "Hide the form" : "Show the form";
  };
  fold.addEventListener("click", () => unfold(asked.node.hidden));
  unfold(!model.get("state").curves);
  const refused = () => model.get("trouble") && unfold(true);
  model.on("change:trouble", refused);
  box.ends.push(() => model.off("change:trouble", refused));
  let ran = model.get("state").phase === "running";
  const drawn = make("div", { class: "lrc-drawn" });
  const said = make("div", { class: "lrc-said", role: "status", tabindex: -1 });
  const shown = make("div", {});
  box.body.append(
    make("div", { class: "lrc-row" }, start, stop, keep, forget, fold, bar, stage),
    asked.node,
    make("div", { class: "lrc-raced" }, drawn, make("div", { class: "lrc-told", role: "region", tabindex: 0, "aria-label": "What came out" }, said, shown)),
  );
  const room = { width: 700, resize: (to) => (room.width = to) };
  const draw = () => {
    const state = model.get("state");
    const ruler = drawn.firstChild; // what `fit` measures
    if (state.curves) drawn.replaceChildren(ruler, ...plots(state, room.width));
  };
  box.ends.push(fit(drawn, [room], draw));
  return follow(model, box, (state) => {
    const running = state.phase === "running";
    const held = document.activeElement;
    if (running && !ran) unfold(false); // what is to be seen now is the race
    ran = running;
    start.disabled = running;
    stop.disabled = !running;
    keep.disabled = running || !state.table;
    forget.hidden = !state.kept;
    passFocus(held, start, stop);
    passFocus(held, stop, said);
    passFocus(held, keep, stop);
    passFocus(held, forget, keep.disabled ? start : keep);
    bar.hidden = !running;
    bar.value = state.progress || 0;
    stage.textContent = running ? `${state.stage}, ${Math.round(100 * state.progress)} %` : "";
    draw();
    const lines = [SAID[state.phase], ...(state.verdict || [])].filter(Boolean);
    // Only what is new is put in, so that a screen reader says it once.
    if (said.textContent !== lines.join("")) said.replaceChildren(...lines.map((l) => make("p", {}, l)));
    shown.replaceChildren(...results(state));
  });
}

export default { render };
