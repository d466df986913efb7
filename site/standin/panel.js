// @ts-check
// What Python does for an explorer, done in the page: lrcourse/widgets/drafts.py, controls.py, panel.py.

class Refused extends Error {}

// A value under the controls, part by part, whether or not it fits together.
const changedDraft = (draft, { part, name }, value, classes) => {
  if (name === null) return { ...draft, joins: draft.joins.with(part ?? 0, value) };
  const parts = draft.parts.map(([kind, fields], i) => {
    if (part !== null && i !== part) return [kind, fields];
    const { fields: known } = classes[kind];
    const faces = known.some((f) => !f.compare);
    const hidden = faces ? known.filter((f) => f.noDefault).map((f) => f.name) : [];
    const kept = hidden.includes(name) ? without(fields, hidden) : fields;
    return [kind, { ...kept, [name]: value }];
  });
  return { ...draft, parts };
};

const without = (fields, names) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
const samePlace = (a, b) => a.which === b.which && a.part === b.part && a.name === b.name;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

class PanelKernel {
  constructor(model, packed) {
    this.model = model;
    this.packed = packed;
    this.classes = packed.classes;
    this.start = packed.values;
    this.controls = packed.controls.map((control) => ({ ...control }));
    this.stamps = Object.fromEntries(this.controls.map(({ key }) => [key, 0]));
    this.active = 0;
    this.begin();
  }

  begin() {
    this.asked = this.start;
    this.drawn = this.start.map((draft) => this.build(draft));
    this.drawnDrafts = this.start;
    this.waiting = new Map(); // key of a control -> why it does not fit with the others
    this.refused = new Map(); // key of a control -> what was wrong with the value alone
  }

  /** @returns {any} a schedule, or what else a draft becomes */
  build(draft) {
    return new ScheduleValue(draft.parts, draft.joins, this.classes);
  }

  // Of what is drawn, or asked for

  valueIn(drafts, { which, part, name }) {
    const draft = drafts[which];
    if (name === null) return draft.joins[part ?? 0];
    return draft.parts[part ?? 0][1][name];
  }

  value({ which, part, name }) {
    const drawn = this.drawn[which];
    return name === null ? drawn.joins[part ?? 0] : drawn.parts[part ?? 0][1][name];
  }

  askedFor(control) {
    return this.valueIn(this.asked, control.place) ?? this.valueOrNull(control.place);
  }

  valueOrNull(place) {
    const draft = this.asked[place.which];
    if (place.name !== null && place.name in draft.parts[place.part ?? 0][1]) return null;
    return this.value(place);
  }

  positions(control) {
    return withValue(withValue(control.grid, control.kept), this.askedFor(control));
  }

  // Moving

  changed(drafts, place, value) {
    return drafts.with(place.which, changedDraft(drafts[place.which], place, value, this.classes));
  }

  built(drafts) {
    const made = drafts.map((draft, i) =>
      same(draft, this.drawnDrafts[i]) ? this.drawn[i] : this.build(draft),
    );
    this.tryOut(made);
    return made;
  }

  // What is drawn with `value` in the control, which others wait and why, and its own problem.
  fitting(control, value) {
    try {
      const drafts = this.changed(this.asked, control.place, value);
      return { drawn: this.built(drafts), drafts, waiting: new Map(), problem: null };
    } catch (problem) {
      if (!(problem instanceof ValueError)) throw problem;
      const others = [...this.waiting.keys()].filter((key) => key !== control.key);
      if (!others.length) {
        const waiting = new Map([[control.key, sentenceOf(problem.message)]]);
        return { drawn: this.drawn, drafts: this.drawnDrafts, waiting, problem };
      }
      return this.partly(control, value, others);
    }
  }

  partly(control, value, others) {
    let [drafts, drawn, own] = [this.drawnDrafts, this.drawn, null];
    const waiting = new Map();
    const named = (key) => this.controls.find((c) => c.key === key);
    const moved = [[control, value], ...others.map((key) => [named(key), this.askedFor(named(key))])];
    for (const [one, wanted] of moved) {
      try {
        const next = this.changed(drafts, one.place, wanted);
        [drawn, drafts] = [this.built(next), next];
      } catch (problem) {
        if (!(problem instanceof ValueError)) throw problem;
        waiting.set(one.key, sentenceOf(problem.message));
        if (one === control) own = problem;
      }
    }
    return { drawn, drafts, waiting, problem: own };
  }

  get messages() {
    return Object.fromEntries([...this.waiting, ...this.refused]);
  }

  after(control, value) {
    const { drawn, waiting } = this.fitting(control, value);
    const refused = [...this.refused].filter(([key]) => key !== control.key);
    return { drawn, messages: Object.fromEntries([...waiting, ...refused]) };
  }

  move(key, value) {
    const control = this.controls.find((c) => c.key === key);
    const others = [...this.waiting.keys()].filter((k) => k !== key).join();
    const positions = this.positions(control);
    const problem = checked(control.label, value, control.kind);
    if (problem) return this.refuse(control, problem);
    control.kept = value;
    this.refused.delete(key);
    const found = this.fitting(control, value);
    const asked = this.changed(this.asked, control.place, value);
    Object.assign(this, { drawn: found.drawn, drawnDrafts: found.drafts, waiting: found.waiting });
    this.asked = found.waiting.size ? asked : found.drafts;
    const moved = this.drawn[control.place.which];
    if (!found.problem && moved instanceof ScheduleValue) this.active = control.place.which;
    const rest = [...this.waiting.keys()].filter((k) => k !== key).join() === others;
    this.stampAll(rest && same(this.positions(control), positions) ? key : null);
    this.show();
  }

  enter(key, text) {
    const control = this.controls.find((c) => c.key === key);
    const { value, problem } = readText(control.label, text.trim(), control.kind);
    if (problem) this.refuse(control, problem);
    else this.move(key, value);
  }

  reset() {
    this.begin();
    this.stampAll();
    this.show();
  }

  refuse(control, problem) {
    this.refused.set(control.key, sentenceOf(problem));
    this.stampAll();
    this.show();
  }

  stampAll(but = null) {
    for (const key of Object.keys(this.stamps)) if (key !== but) this.stamps[key] += 1;
  }

  // Shown

  controlsShown() {
    return {
      controls: this.controls.map((control) => {
        const positions = this.positions(control);
        const texts = positions.map((value) => textOf(value, control.kind.type));
        const { key, label, group, look, place } = control;
        return { key, label, group, which: place.which, look, positions, texts };
      }),
    };
  }

  valuesShown() {
    const values = this.controls.map((control) => {
      const asked = this.askedFor(control);
      const at = Math.max(0, this.positions(control).findIndex((v) => isClose(v, asked)));
      return [control.key, { at, text: textOf(asked, control.kind.type) }];
    });
    return {
      values: Object.fromEntries(values),
      messages: this.messages,
      stamps: { ...this.stamps },
    };
  }

  tryOut(made) {}
  show() {}
}

function withValue(grid, value) {
  if (!grid.length || grid.some((v) => isClose(v, value))) return grid;
  const at = grid.filter((v) => v === null || v < value).length;
  return grid.toSpliced(at, 0, value);
}

function isClose(a, b) {
  if (typeof a !== "number" || typeof b !== "number") return same(a, b);
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

// Whether a field takes a value: "" or why not.

const HOLDS = {
  "a finite number above 0": (v) => v > 0,
  "a finite number of at least 0": (v) => v >= 0,
  "above 0 and at most 1": (v) => v > 0 && v <= 1,
  "strictly between 0 and 1": (v) => v > 0 && v < 1,
  "between 0 and 1": (v) => v >= 0 && v <= 1,
  "at least 0 and below 1": (v) => v >= 0 && v < 1,
};

function checked(name, value, kind) {
  const got = `got ${repr(value, kind.type)}`;
  if (kind.type === "float") {
    const fine = Number.isFinite(value) && HOLDS[kind.must](value);
    const percent = value > 1 && value <= 100 && HOLDS[kind.must](value / 100);
    return fine ? "" : `${name} must be ${kind.must}, ${got}${percent ? `: write ${general(value / 100, 6)}` : ""}`;
  }
  if (kind.type === "int") {
    if (value === null && kind.optional) return "";
    const least = kind.least > 1 ? `a whole number of at least ${kind.least}` : "a positive whole number";
    if (!Number.isInteger(value) || value < kind.least) {
      const near = value === null ? NaN : Math.round(value);
      const fix = near >= kind.least ? `: write ${near}` : "";
      const shown = Number.isInteger(value) || value === null ? got : `got ${floatRepr(value)}`;
      return `${name} must be ${kind.must || least}, ${shown}${fix}`;
    }
    const most = kind.mostAllowed;
    return most && value > most ? `${name} must be at most ${most}, ${got}: look at a part of it` : "";
  }
  if (kind.type === "list") {
    const must = "a list of positive whole numbers";
    const bad = value.find((v) => !Number.isInteger(v) || v < 1);
    if (bad !== undefined) return `${name} must be ${must}, got ${bad}`;
    const twice = new Set(value).size < value.length;
    return !value.length || twice ? `${name} must name at least one step, and none twice, ${got}` : "";
  }
  return "";
}

const WHOLE = /^[+-]?\d+$/;

function readText(name, text, kind) {
  if (kind.type === "list") {
    const parts = text.replaceAll(",", " ").split(/\s+/).filter(Boolean);
    const bad = parts.find((part) => !isNumber(part));
    if (bad !== undefined) return { problem: notDigits(name, bad) };
    return { value: parts.map(Number).sort((a, b) => a - b) };
  }
  if (["none", ""].includes(text.toLowerCase())) return { value: null };
  if (!isNumber(text)) return { problem: notDigits(name, text) };
  const value = Number(text.replaceAll("_", ""));
  if (kind.type === "int" && !WHOLE.test(text) && Number.isInteger(value))
    return { problem: `${name} must be a positive whole number, got ${floatRepr(value)}: write ${value}` };
  return { value };
}

const isNumber = (text) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
const notDigits = (name, text) =>
  `${name} must be a number, got '${text}': write digits, such as 10 or 0.1`;
