// @ts-check
// What Python does for `explore_landscape`: lrcourse/widgets/landscape.py and lab/landscape.py. The
// slopes, which PyTorch takes in a notebook, are written out.

const SURFACES = {
  ravine: {
    loss: (x, y) => (x ** 2 + 20 * y ** 2) / 2,
    slope: (x, y) => [x, 20 * y],
  },
  banana: {
    loss: (x, y) => (1 - x) ** 2 + 10 * (y - x ** 2) ** 2,
    slope: (x, y) => [-2 * (1 - x) - 40 * x * (y - x ** 2), 20 * (y - x ** 2)],
  },
  saddle: {
    loss: (x, y) => x ** 2 / 2 - y ** 2 / 2 + y ** 4 / 4,
    slope: (x, y) => [x, -y + y ** 3],
  },
  "two wells": {
    loss: (x, y) => Math.min(...wells(x, y)),
    slope(x, y) {
      const [sharp, wide] = wells(x, y);
      return sharp < wide ? [50 * (x + 1), 50 * y] : [x - 1, y];
    },
  },
};

const wells = (x, y) => [25 * ((x + 1) ** 2 + y ** 2), ((x - 1) ** 2 + y ** 2) / 2 - 0.5];

class LandscapeKernel extends PanelKernel {
  constructor(model, packed) {
    super(model, packed);
    this.noise = new Float64Array(packed.noise.buffer); // of each seed, two numbers an update
    this.update = packed.update;
    model.set({ _surfaces: packed.surfaces, _update: this.update });
    this.ready = true;
    this.show();
  }

  build(draft) {
    const [kind, fields] = draft.parts[0];
    return kind === "Walk" ? { walk: fields, parts: draft.parts, joins: [] } : super.build(draft);
  }

  tryOut([schedule, { walk }]) {
    planned(this.packed.name, schedule, walk, this.packed.seeds);
  }

  follow([schedule, { walk }]) {
    const { name, seeds } = this.packed;
    const { lr, momentum } = planned(name, schedule, walk, seeds);
    const draws = this.noise.subarray((this.noise.length / seeds) * walk.seed);
    const { start } = this.packed.surfaces[walk.surface];
    return { ...followed(SURFACES[walk.surface], start, lr, momentum, walk, draws), momentum, walk };
  }

  show() {
    if (!this.ready) return;
    const trail = this.follow(this.drawn);
    const { steps } = trail.walk;
    const before = this.model.get("state").steps ?? steps;
    const at = this.model.get("_update");
    this.model.set({
      content: { ...this.packed.content, ...this.controlsShown() },
      _update: at === before || at > steps ? steps : at,
      state: { ...this.valuesShown(), ...this.textsOf(trail), numbers: numbersOf(trail) },
    });
  }

  go(update) {
    this.model.set({ _update: update });
  }

  rows(key) {
    const control = this.controls.find((c) => c.key === key);
    const numbers = [];
    const rows = this.positions(control).map((value) => {
      const { drawn, messages } = this.after(control, value);
      if (key in messages) return { messages };
      const trail = this.follow(drawn);
      numbers.push(...numbersOf(trail));
      return { messages, ...this.textsOf(trail) };
    });
    const head = { rows, control: key, stamp: this.stamps[key], positions: rows.length };
    return [head, [Float32Array.from(numbers)]];
  }

  textsOf({ x, y, loss, lr, momentum, walk }) {
    const { name, surfaces } = this.packed;
    const last = walk.steps;
    const gone = !Number.isFinite(loss[last]);
    const lowest = lowestOf(loss);
    const inside = insideOf(surfaces[walk.surface].axes, x, y);
    const place = (v) => general(roundTo3(v), 3);
    const [least, most] = [Math.min(...momentum), Math.max(...momentum)];
    const span = least === most ? general(least, 3) : `cycled, ${general(least, 3)} to ${general(most, 3)}`;
    return {
      surface: walk.surface,
      steps: last,
      words: toldOf(name, x, y, loss, inside),
      below: axesOf([0, Math.max(last - 1, 1)], [0, 1.08 * Math.max(...lr) || 0.1]),
      readout: [
        ["ends at (x, y)", gone ? "gone" : `(${place(x[last])}, ${place(y[last])})`],
        ["loss at the end", gone ? "gone" : general(loss[last], 3)],
        ["lowest loss", `${general(loss[lowest], 3)} at ${lowest}`],
        ["outcome", outcomeOf(loss, inside)],
        ["momentum", span],
      ],
    };
  }
}

// What every update is to use.
function planned(name, schedule, walk, seeds) {
  if (walk.seed >= seeds)
    throw new ValueError(`this page has the noise of the seeds 0 to ${seeds - 1}, got seed=${walk.seed}`);
  if (walk.steps - 1 > schedule.last + 1) {
    const over = FORMULAS[schedule.parts.at(-1)[0]].over(schedule.end);
    throw new ValueError(
      `'${name}' has no rate for all ${walk.steps} updates: t=${walk.steps - 1} is past the end: ${over}`,
    );
  }
  const ts = Array.from({ length: walk.steps }, (_, t) => t);
  const lr = ts.map((t) => schedule.rate(t));
  const bad = lr.findIndex((rate) => !(Number.isFinite(rate) && rate >= 0));
  if (bad >= 0)
    throw new ValueError(`${name} gives a rate of ${general(lr[bad], 6)} at step ${bad}`);
  const momentum = ts.map((t) => (schedule.cyclesMomentum ? schedule.momentum(t) : walk.momentum));
  return { lr, momentum };
}

// Gradient descent with momentum from the start: places and the losses there.
function followed({ loss, slope }, start, lr, momentum, walk, draws) {
  let [px, py] = start;
  let [vx, vy] = [0, 0];
  const [x, y, losses] = [[px], [py], [loss(px, py)]];
  lr.forEach((rate, t) => {
    const [gx, gy] = slope(px, py);
    vx = momentum[t] * vx + (gx + walk.noise * draws[2 * t]);
    vy = momentum[t] * vy + (gy + walk.noise * draws[2 * t + 1]);
    px -= rate * vx;
    py -= rate * vy;
    x.push(px);
    y.push(py);
    losses.push(loss(px, py));
  });
  return { x, y, loss: losses, lr };
}

const numbersOf = ({ x, y, loss, lr }) => Float32Array.from([...x, ...y, ...loss, ...lr]);

function lowestOf(losses) {
  let best = losses.findIndex((v) => !Number.isNaN(v));
  losses.forEach((v, i) => (best = v < losses[best] ? i : best));
  return best;
}

function insideOf(axes, x, y) {
  const within = (axis, v) => v >= axis.from && v <= axis.to;
  return x.map((v, i) => within(axes.x, v) && within(axes.y, y[i]));
}

function divergedOf(losses, inside) {
  const higher = losses.at(-1) > losses[0] && !inside.at(-1);
  return higher || losses.some((v) => !Number.isFinite(v));
}

function outcomeOf(losses, inside) {
  if (divergedOf(losses, inside)) return "diverged";
  if (inside.every(Boolean)) return "stays in the picture";
  return inside.at(-1) ? "leaves, comes back" : "leaves the picture";
}

function toldOf(name, x, y, losses, inside) {
  const updates = losses.length - 1;
  const gone = Math.max(0, inside.indexOf(false));
  if (divergedOf(losses, inside)) {
    const lost = losses.findIndex((v) => !Number.isFinite(v));
    const end =
      lost >= 0
        ? `from update ${lost} on its loss is beyond what a float can hold`
        : `after ${updates} updates its loss is ${general(losses[updates], 3)}`;
    return `${name} diverged: it left the picture at update ${gone}, and ${end}.`;
  }
  const lowest = lowestOf(losses);
  const low =
    lowest === updates
      ? "the lowest on its way"
      : `the lowest was ${general(losses[lowest], 3)}, after update ${lowest}`;
  const place = (v) => general(roundTo3(v), 6);
  const ends =
    `${name} ends at x = ${place(x[updates])}, y = ${place(y[updates])}, with a loss of ` +
    `${general(losses[updates], 3)}, ${low}.`;
  if (inside.every(Boolean)) return ends;
  return `${ends} It left the picture at update ${gone}${inside.at(-1) ? ", and came back" : ""}.`;
}

const roundTo3 = (v) => Number(v.toFixed(3)) + 0;

// Axes as `axes` in lrcourse/widgets/widget.py makes them.
function axesOf(x, y) {
  const axis = ([from, to], label) => ({
    from,
    to,
    ticks: ticks(from, to, 5).map((v) => [v, general(v, 6)]),
    label,
  });
  return { x: axis(x, "t, updates already made"), y: axis(y, "rate") };
}
