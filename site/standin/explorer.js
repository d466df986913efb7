// @ts-check
// What Python does for `explore`: lrcourse/widgets/explorer.py and _curves.py. The figure, which
// matplotlib draws in a notebook, is drawn by ground.js.

const MOST_SAMPLES = 800;
const ALL_EXACT = 20000;
const PINS_AT_MOST = 4;
const LINES_AT_MOST = 5;

// The smallest of 1, 2, 5, 10, 20, 50, ... (or 0.1, 0.2, ...) that is at least `least`.
function nice(least, wholeOnly = false) {
  if (wholeOnly && least <= 1) return 1;
  const exponent = Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((digit) => Number(`${digit}e${exponent}`)).find((v) => v >= least * (1 - 1e-9));
}

const short = (v) => (Number.isNaN(v) ? "-" : general(v, 4));

function curveOf(schedule, ts) {
  const there = (t) => t <= schedule.last + 1;
  const rate = Float64Array.from(ts, (t) => (there(t) ? schedule.rate(t) : NaN));
  const momentum = schedule.cyclesMomentum
    ? Float64Array.from(ts, (t) => (there(t) ? schedule.momentum(t) : NaN))
    : null;
  return { rate, momentum, end: schedule.end };
}

function readoutOf(schedule, run) {
  const updates = Math.min(run, schedule.last + 1);
  const stride = nice(updates / ALL_EXACT, true);
  const rates = [];
  for (let t = 0; t < updates; t += stride) rates.push(schedule.rate(t));
  const middle = Math.floor(updates / 2);
  const last = updates - 1;
  const about = stride > 1 ? "about " : "";
  const peak = rates.reduce((best, rate, i) => (rate > rates[best] ? i : best), 0);
  const low = rates.findIndex((rate, i) => i >= peak && rate < 0.01 * rates[peak]);
  return [
    ["start", short(rates[0])],
    [`middle, t = ${middle}`, short(schedule.rate(middle))],
    [`end, t = ${last}`, short(schedule.rate(last))],
    [peak ? `largest, ${about}t = ${peak * stride}` : "largest, at the start", short(rates[peak])],
    ["below 1 % of peak", low >= 0 ? `from ${about}t = ${low * stride}` : `not by t = ${last}`],
    ...momentumOf(schedule, rates.length, stride),
  ];
}

// What the momentum does meanwhile, of a schedule that has one.
function momentumOf(schedule, count, stride) {
  if (!schedule.cyclesMomentum) return [];
  const momenta = Array.from({ length: count }, (_, i) => schedule.momentum(i * stride));
  const away = momenta.map((m) => Math.abs(m - momenta[0]));
  const far = away.indexOf(Math.max(...away));
  const between = far > 0 && far < count - 1;
  const turn = between ? `, at t = ${far * stride} ${short(momenta[far])}` : "";
  return [["momentum", `${short(momenta[0])}${turn}, at the end ${short(momenta[count - 1])}`]];
}

function textsOf(schedule, run) {
  let code;
  try {
    code = schedule.code();
  } catch (problem) {
    const [head, ...rest] = problem.message.split(": ");
    code = [head, rest.join(": ")].filter(Boolean).map((said) => `# ${said}`).join("\n");
  }
  return { readout: readoutOf(schedule, run), code };
}

// Limits of the axes

const DECADES = 5;

function rateLimits(curves, log) {
  let [highest, lowest, least] = [0, 0, Infinity];
  for (const { rate } of curves)
    for (const v of rate) {
      if (v > highest) highest = v;
      if (v < lowest) lowest = v;
      if (v > 0 && v < least) least = v;
    }
  if (log && highest > 0) {
    const high = 1.1 * nice(highest);
    const low = 10 ** Math.floor(Math.log10(Math.max(least, high / 10 ** DECADES) * 0.999));
    return [low, Number(high.toPrecision(6)), "log"];
  }
  const top = 1.1 * nice(Math.max(highest, -lowest / 2) || 0.1);
  return [lowest >= 0 ? 0 : -1.1 * nice(-lowest), Number(top.toPrecision(6))];
}

function momentumLimits(curves) {
  let lowest = 0.82;
  for (const { momentum } of curves) for (const v of momentum ?? []) if (v < lowest) lowest = v;
  return [Math.max(0, Math.floor((lowest - 0.02) * 10) / 10), 1];
}

class ExplorerKernel extends PanelKernel {
  constructor(model, packed) {
    super(model, packed);
    this.pins = [];
    [this.ratio, this.width] = [globalThis.devicePixelRatio ?? 1, 700];
    this.steps = packed.steps;
    const stride = nice(this.steps / MOST_SAMPLES, true);
    this.t = Float32Array.from({ length: Math.ceil(this.steps / stride) }, (_, i) => i * stride);
    this.show();
  }

  // The last value under the controls is the length of the run.
  build(draft) {
    const [kind, fields] = draft.parts[0];
    return kind === "Run" ? { ...fields, parts: draft.parts, joins: [] } : super.build(draft);
  }

  tryOut(made) {
    const { run } = made.at(-1);
    if (run < 2) throw new ValueError(`run must be a whole number of updates, at least 2, got ${run}`);
    if (run > this.steps)
      throw new ValueError(
        `run must be at most ${this.steps}, the updates that the figure shows, got ${run}: ` +
          `give explore(..., steps=${run}) for more`,
      );
  }

  show() {
    if (!this.t) return; // it is being made
    const [schedules, { run }] = [this.drawn.slice(0, -1), this.drawn.at(-1)];
    const curves = schedules.map((schedule) => curveOf(schedule, this.t));
    const key = this.groundKey(this.limits(curves));
    const lines = curves.map((curve, i) => ({ ...bytesOf(curve), ...textsOf(schedules[i], run) }));
    this.model.set({
      content: { ...this.packed.content, ...this.controlsShown() },
      state: {
        ...this.valuesShown(),
        t: this.t,
        lines,
        run,
        scale: this.scaled ?? "linear",
        ground: key,
        pins: this.pins.map(({ text }) => text),
      },
      _ground: this.ground(key)?.ground ?? this.model.get("_ground"),
    });
  }

  limits(curves) {
    const all = [...curves, ...this.pins.map(({ schedule }) => curveOf(schedule, this.t))];
    const limits = [rateLimits(all, this.scaled === "log")];
    return this.packed.hasMomentum ? [...limits, momentumLimits(all)] : limits;
  }

  groundKey(limits) {
    return JSON.stringify([limits, this.pins.length, this.ratio, this.width]);
  }

  rows(key) {
    const control = this.controls.find((c) => c.key === key);
    const positions = this.positions(control);
    if (control.place.which === this.drawn.length - 1) return this.rowsOfRun(control, positions);
    const rates = new Float32Array(positions.length * this.t.length).fill(NaN);
    const momenta = this.packed.hasMomentum ? rates.slice() : null;
    const known = new Map();
    const rows = positions.map((value, i) => {
      const { drawn, messages } = this.after(control, value);
      if (key in messages) return { messages };
      const { run } = drawn.at(-1);
      const curves = drawn.slice(0, -1).map((schedule) => {
        if (!known.has(schedule)) known.set(schedule, curveOf(schedule, this.t));
        return known.get(schedule);
      });
      const curve = curves[control.place.which];
      rates.set(curve.rate, i * this.t.length);
      if (curve.momentum) momenta?.set(curve.momentum, i * this.t.length);
      const texts = textsOf(drawn[control.place.which], run);
      return { end: curve.end, ground: this.groundKey(this.limits(curves)), messages, run, ...texts };
    });
    const head = { rows, control: key, stamp: this.stamps[key], positions: rows.length };
    return [head, momenta ? [rates, momenta] : [rates]];
  }

  // The texts at every length of the run: the curves do not know it.
  rowsOfRun(control, positions) {
    const curves = this.drawn.slice(0, -1).map((schedule) => curveOf(schedule, this.t));
    const ground = this.groundKey(this.limits(curves));
    const rows = positions.map((value) => {
      const { drawn, messages } = this.after(control, value);
      const { run } = drawn.at(-1);
      return { messages, run, ground, lines: drawn.slice(0, -1).map((one) => textsOf(one, run)) };
    });
    const head = { rows, control: control.key, stamp: this.stamps[control.key] };
    return [{ ...head, positions: rows.length }, []];
  }

  ground(key) {
    const [limits, ...drawnFor] = JSON.parse(key);
    if (!same(drawnFor, [this.pins.length, this.ratio, this.width])) return null;
    const { packed, pins, t, ratio, width } = this;
    const about = { ...packed, pins: pins.map((pin) => curveOf(pin.schedule, t)), t, ratio, width };
    return { ground: { key, ...drawGround(about, limits) } };
  }

  pin() {
    const room = this.packed.content.room;
    if (this.pins.length >= room)
      throw new Refused(
        `${this.pins.length} curves are pinned, and there is room for no more: clear them first`,
      );
    const i = this.active;
    const changes = differenceOf(this.drawnDrafts[i], this.start[i], this.classes);
    this.pins.push({ schedule: this.drawn[i], text: `${this.packed.content.names[i]}, ${changes}` });
    this.stampAll();
    this.show();
  }

  clear() {
    this.pins = [];
    this.stampAll();
    this.show();
  }

  scale(name) {
    this.scaled = name;
    this.stampAll();
    this.show();
  }

  page(ratio, width) {
    this.ratio = Math.min(Math.max(Math.round(ratio * 100) / 100, 1), 3);
    const widths = this.packed.content.widths;
    this.width = widths.findLast((w) => w <= width) ?? widths[0];
    this.stampAll();
    this.show();
  }
}

const bytesOf = ({ rate, momentum, end }) => ({
  rate: new Float32Array(rate),
  momentum: momentum && new Float32Array(momentum),
  end,
});

// The fields that are not as at the start, in words.
function differenceOf(draft, start, classes) {
  const several = draft.parts.length > 1;
  const changed = draft.parts.flatMap(([kind, fields], i) =>
    classes[kind].fields
      .filter((f) => f.compare)
      .map((f) => {
        const [now, then] = [draft, start].map(({ parts }) => valueOf(parts[i], f, classes));
        const name = `${several ? `${i + 1}.` : ""}${f.name}`;
        return same(now, then) ? null : `${name}=${textOf(now, f.kind.type)}`;
      }),
  );
  const joins = draft.joins.map((at, i) => (at === start.joins[i] ? null : `${i + 2}.at=${at}`));
  return [...changed, ...joins].filter((said) => said !== null).join(", ") || "as at the start";
}

const valueOf = ([kind, fields], { name }, classes) => builtPart(kind, fields, classes[kind])[1][name];

// `explore(..., task=...)`: curves are free, what was trained is as it came out when the page was built,
// for one control at a time: another control sets this one back.

const ONE_AT_A_TIME =
  "Trained when this page was made, for one control at a time: another one sets this one back. " +
  "In JupyterLab all of them train as you move them.";

class TrainedKernel extends ExplorerKernel {
  constructor(model, packed) {
    super(model, packed);
    this.touch(packed.first);
  }

  touch(key) {
    const control = this.controls.find((c) => c.key === key);
    this.alone(control);
    const found = this.packed.trained[key];
    const said = `${found.said} ${ONE_AT_A_TIME}`;
    this.model.set({ trained: { ...found, said, stamp: this.stamps[key] } });
  }

  look() {} // all that there is was trained when the page was made

  // Every other control back to where it started.
  alone(control) {
    const value = this.askedFor(control);
    const before = this.asked;
    const others = this.changed(this.start, control.place, value);
    if (same(others, before) && !this.waiting.size && !this.refused.size) return;
    this.begin();
    const found = this.fitting(control, value);
    Object.assign(this, { drawn: found.drawn, drawnDrafts: found.drafts, waiting: found.waiting });
    this.asked = found.drafts;
    this.stampAll();
    this.show();
  }

  move(key, value) {
    super.move(key, value);
    this.touch(key);
  }

  reset() {
    super.reset();
    this.touch(this.model.get("trained").control);
  }

  tune(on) {
    this.model.set({ trained: { ...this.model.get("trained"), tuned: false } });
    if (on) throw new Refused("each position at its own best peak is trained in JupyterLab");
  }

  stop() {}
}
