// @ts-check
// The schedules of lrcourse/schedules.py, for pages that have no Python: a formula for each, and what
// else Python says of it. A test holds every line here to Python's. `f`: the fields, `t`: a number.

const line = (start, end, done) => start + (end - start) * done;
const cosine = (start, end, done) => end + ((start - end) / 2) * (1 + Math.cos(Math.PI * done));
const LOG_SMALLEST = -744.4400719213812;
const power = (base, exponent) => (exponent * Math.log(base) > LOG_SMALLEST ? base ** exponent : 0);
const before = (milestones, t) => milestones.filter((at) => at <= t).length;

function ordered(f, low, high) {
  if (f[low] <= f[high]) return;
  throw new ValueError(
    `${low} must not be above ${high}, got ${low}=${floatRepr(f[low])} and ` +
      `${high}=${floatRepr(f[high])}: lower ${low} or raise ${high}`,
  );
}

const withFloor = (f) => ordered(f, "eta_min", "lr");
const left = (f, t) => 1 - Math.min(t, f.total_iters) / f.total_iters;

const FORMULAS = {
  StepDecay: { rate: (f, t) => f.lr * power(f.gamma, Math.floor(t / f.step_size)) },
  MultiStepDecay: { rate: (f, t) => f.lr * power(f.gamma, before(f.milestones, t)) },
  ExponentialDecay: {
    faces: (f) => (f.k == null ? { ...f, k: Math.abs(Math.log(f.gamma)) } : { ...f, gamma: fromK(f.k) }),
    rate: (f, t) => f.lr * power(f.gamma, t),
  },
  CosineAnnealing: {
    check: withFloor,
    rate: (f, t) => cosine(f.lr, f.eta_min, t / f.T_max),
    end: (f) => f.T_max,
  },
  WarmRestarts: {
    check: withFloor,
    rate(f, t) {
      let [start, length] = [0, f.T_0];
      if (f.T_mult === 1) start = Math.floor(t / f.T_0) * f.T_0;
      else
        while (t >= start + length) {
          start += length;
          length *= f.T_mult;
        }
      return cosine(f.lr, f.eta_min, (t - start) / length);
    },
  },
  Cyclical: {
    check(f) {
      ordered(f, "base_lr", "max_lr");
      ordered(f, "base_momentum", "max_momentum");
    },
    rate: (f, t) => f.base_lr + (f.max_lr - f.base_lr) * height(f, t),
    momentum: (f, t) => f.max_momentum - (f.max_momentum - f.base_momentum) * height(f, t),
    cycles: (f) => f.cycle_momentum,
    initial: (f) => f.base_lr,
    sharesInitial: false,
  },
  OneCycle: {
    check(f) {
      ordered(f, "base_momentum", "max_momentum");
      const ends = endsOf(f);
      const given = `got total_steps=${f.total_steps} with pct_start=${floatRepr(f.pct_start)}`;
      if (ends[0] <= 0)
        throw new ValueError(
          `total_steps is too short for its phases, ${given}: the rise would have no step. ` +
            `Use total_steps=${Math.floor(1 / f.pct_start) + 1} or more, or a larger pct_start`,
        );
      if ((ends.at(-2) ?? 0) >= ends.at(-1))
        throw new ValueError(
          `pct_start is too large for its phases, ${given}: the last would have no step. ` +
            `Use a pct_start of ${f.three_phase ? 0.5 : 0.9} or less`,
        );
    },
    rate(f, t) {
      const low = f.max_lr / f.div_factor;
      const end = low / f.final_div_factor;
      return between(f, f.three_phase ? [low, f.max_lr, low, end] : [low, f.max_lr, end], t);
    },
    momentum(f, t) {
      const [high, low] = [f.max_momentum, f.base_momentum];
      return between(f, f.three_phase ? [high, low, high, high] : [high, low, high], t);
    },
    cycles: (f) => f.cycle_momentum,
    initial: (f) => f.max_lr / f.div_factor,
    end: (f) => f.total_steps,
    raises: true,
    over: (updates) =>
      `the one-cycle is over after ${updates} updates. Raise its total_steps to the length of your run`,
    fillsGroups: true,
  },
  LinearWarmup: {
    rate: (f, t) =>
      f.lr * line(f.start_factor, f.end_factor, Math.min(t, f.total_iters) / f.total_iters),
    end: (f) => f.total_iters,
  },
  Constant: { rate: (f) => f.lr, code: () => "ConstantLR(optimizer, factor=1.0)" },
  Polynomial: {
    check: withFloor,
    rate: (f, t) => f.eta_min + (f.lr - f.eta_min) * left(f, t) ** f.power,
    end: (f) => f.total_iters,
    without: ["eta_min"],
    code(f) {
      if (!f.eta_min) return null; // as the others
      const end = f.lr ? f.eta_min / f.lr : 0;
      const fall = `(1 - min(t, ${f.total_iters}) / ${f.total_iters}) ** ${floatRepr(f.power)}`;
      return `LambdaLR(optimizer, lambda t: ${floatRepr(end)} + ${floatRepr(1 - end)} * ${fall})`;
    },
  },
  OneMinusSqrt: {
    check: withFloor,
    rate(f, t) {
      const done = Math.min(t, f.total_iters) / f.total_iters;
      return f.eta_min + (f.lr - f.eta_min) * (1 - Math.sqrt(done));
    },
    end: (f) => f.total_iters,
    code(f) {
      const end = f.lr ? f.eta_min / f.lr : 0;
      const fall = `1 - (min(t, ${f.total_iters}) / ${f.total_iters}) ** 0.5`;
      const factor = end ? `${floatRepr(end)} + ${floatRepr(1 - end)} * (${fall})` : fall;
      return `LambdaLR(optimizer, lambda t: ${factor})`;
    },
  },
  InverseSqrt: {
    rate: (f, t) => f.lr * (1 + t / f.timescale) ** -0.5,
    code: (f) => `LambdaLR(optimizer, lambda t: (1 + t / ${floatRepr(f.timescale)}) ** -0.5)`,
  },
};

function fromK(k) {
  const gamma = Math.exp(-k);
  if (gamma) return gamma;
  throw new ValueError(`k must be below 745, got ${floatRepr(k)}: the rate would be 0 after one step`);
}

// How far up a cycle is between its bounds, with the scale of the mode in it.
function height(f, t) {
  const length = f.step_size_up + (f.step_size_down || f.step_size_up);
  const up = f.step_size_up / length;
  const cycle = Math.floor(1 + t / length);
  const x = 1 + t / length - cycle;
  const bare = x <= up ? x / up : (x - 1) / (up - 1);
  if (f.mode === "triangular2") return bare * power(0.5, cycle - 1);
  return f.mode === "exp_range" ? bare * power(f.gamma, t) : bare;
}

// When each phase of a one-cycle ends.
function endsOf(f) {
  const rise = f.pct_start * f.total_steps - 1;
  return f.three_phase ? [rise, 2 * rise, f.total_steps - 1] : [rise, f.total_steps - 1];
}

function between(f, turns, t) {
  const edges = [0, ...endsOf(f)];
  const phase = edges.slice(1, -1).filter((edge) => edge < t).length;
  const done = (t - edges[phase]) / (edges[phase + 1] - edges[phase]);
  const move = f.anneal_strategy === "cos" ? cosine : line;
  return move(turns[phase], turns[phase + 1], done);
}

// A schedule, or several in a row: `parts` is a list of [name of the class, fields], and `joins` says
// when each part but the first begins. `classes`: what Python says of the fields of each class.

class ScheduleValue {
  constructor(parts, joins, classes) {
    this.joins = joins;
    this.classes = classes;
    this.parts = parts.map(([name, fields]) => builtPart(name, fields, classes[name]));
    this.starts = [0, ...joins];
    this.checkJoins();
  }

  checkJoins() {
    for (let i = 1; i < this.joins.length; i++)
      if (this.joins[i] <= this.joins[i - 1])
        throw new ValueError(
          `at=${this.joins[i]} is not after the last join, at=${this.joins[i - 1]}: ` +
            `at counts updates from the start of the whole`,
        );
    this.joins.forEach((end, i) => {
      const last = lastOf(this.parts[i]);
      if (end - 1 - this.starts[i] <= last) return;
      throw new ValueError(
        `at=${end} is past the end of ${reprOf(this.parts[i], this.classes)}: ` +
          `use at=${this.starts[i] + last + 1} or less`,
      );
    });
  }

  which(t) {
    return before(this.joins, t);
  }

  rate(t) {
    const i = this.which(t);
    const [name, fields] = this.parts[i];
    return FORMULAS[name].rate(fields, t - this.starts[i]);
  }

  momentum(t) {
    const i = this.which(t);
    return this.heldMomentum(i, t - this.starts[i]);
  }

  heldMomentum(i, since) {
    const of = (part, t) => FORMULAS[part[0]].momentum(part[1], t);
    if (cyclesOf(this.parts[i])) return of(this.parts[i], since);
    const setter = this.parts.findLastIndex((part, j) => j < i && cyclesOf(part));
    if (setter >= 0) return of(this.parts[setter], this.joins[setter] - 1 - this.starts[setter]);
    return of(this.parts.findLast(cyclesOf), 0);
  }

  get cyclesMomentum() {
    return this.parts.some(cyclesOf);
  }

  get end() {
    const end = endOf(this.parts.at(-1));
    return end === null ? null : this.starts.at(-1) + end;
  }

  get last() {
    return FORMULAS[this.parts.at(-1)[0]].raises ? this.end - 1 : Infinity;
  }

  // The line of PyTorch

  code() {
    const prefix = "torch.optim.lr_scheduler.";
    if (this.parts.length === 1) return prefix + codeOf(this.parts[0], this.classes);
    const fits = this.fitsSequentialLR;
    if (this.cyclesMomentum && !fits)
      throw new ValueError(
        `no PyTorch scheduler does what ${this.repr()} does: SequentialLR needs schedules that ` +
          `start from one rate, with at most one one-cycle, and LambdaLR cannot cycle ` +
          `momentum. Start all from the same rate, or set cycle_momentum=False`,
      );
    if (!fits) {
      const first = floatRepr(this.peak || 1);
      return (
        `${prefix}LambdaLR(optimizer, lambda t: schedule(t) / ${first})` +
        `  # optimizer built with lr=${first}`
      );
    }
    const lines = this.parts.map((part) => `        ${prefix}${codeOf(part, this.classes)},\n`);
    return (
      `${prefix}SequentialLR(\n    optimizer,\n    [\n${lines.join("")}    ],\n` +
      `    milestones=[${this.joins.join(", ")}],\n)`
    );
  }

  get peak() {
    return Math.max(...this.parts.map((part) => peakOf(part, this.classes)));
  }

  get fitsSequentialLR() {
    const [first, ...later] = this.parts.map((part) => initialOf(part, this.classes));
    const close = (a, b) => Math.abs(a - b) <= 1e-14 * Math.max(Math.abs(a), Math.abs(b));
    const shared = later.filter((_, i) => FORMULAS[this.parts[i + 1][0]].sharesInitial !== false);
    const filling = this.parts.filter(([name]) => FORMULAS[name].fillsGroups);
    const cycling = this.parts.filter(cyclesOf);
    return (
      shared.every((lr) => close(lr, first)) &&
      filling.length <= 1 &&
      (!filling.some(cyclesOf) || (cycling.length === 1 && cycling[0] === filling[0]))
    );
  }

  repr() {
    const [first, ...others] = this.parts.map((part) => reprOf(part, this.classes));
    return first + others.map((part, i) => `.then(${part}, at=${this.joins[i]})`).join("");
  }
}

function builtPart(name, fields, about) {
  const all = { ...Object.fromEntries(about.fields.map((f) => [f.name, f.default])), ...fields };
  const faced = FORMULAS[name]?.faces ? FORMULAS[name].faces(all) : all;
  FORMULAS[name]?.check?.(faced);
  return [name, faced];
}

const endOf = ([name, f]) => FORMULAS[name].end?.(f) ?? null;
const lastOf = (part) => (FORMULAS[part[0]].raises ? endOf(part) - 1 : Infinity);
const cyclesOf = ([name, f]) => Boolean(FORMULAS[name].cycles?.(f));
const peakOf = ([name, f], classes) =>
  Math.max(0, ...classes[name].fields.filter((x) => x.isRate && x.compare).map((x) => f[x.name]));
const initialOf = (part, classes) => FORMULAS[part[0]].initial?.(part[1]) ?? peakOf(part, classes);

function reprOf([name, f], classes) {
  const shown = classes[name].fields.filter((x) => x.repr);
  const type = (x) => (x.kind.type === "list" ? "tuple" : x.kind.type);
  return `${name}(${shown.map((x) => `${x.name}=${repr(f[x.name], type(x))}`).join(", ")})`;
}

function codeOf(part, classes) {
  const [name, f] = part;
  const own = FORMULAS[name].code?.(f);
  if (own) return own;
  const { twin, always, fields } = classes[name];
  const shown = fields.filter(
    (x) =>
      x.name !== "lr" &&
      x.compare &&
      !FORMULAS[name].without?.includes(x.name) &&
      (always.includes(x.name) || String(f[x.name]) !== String(x.default)),
  );
  const given = shown.map((x) => `${x.name}=${repr(f[x.name], x.kind.type)}`);
  return `${twin}(${["optimizer", ...given].join(", ")})`;
}
