// @ts-check
// The controls of an explorer, and how a hand on them and Python stay in step.
//
// When a control is touched, Python sends what is drawn at every position of it (its "rows"), and
// from then on a move is a choice of a row: nothing is asked while you drag. When you let go, Python
// is told. An explorer extends this class and says what is drawn: see the end of it.

const TELL_AFTER = 120; // ms of rest before Python is told where a control stands

class PanelView {
  constructor(model) {
    this.model = model;
    this.rows = new Map(); // control -> what is drawn at every position
    this.asked = new Set(); // what Python has been asked for and has not sent yet
    this.unheard = new Map(); // serial of a message that Python has not acted on -> what it says
    this.touched = null; // the control in hand
    this.at = new Map(); // control -> position, where it is ahead of Python
    this.ends = [];
  }

  start(el) {
    const root = this.build();
    this.ends.push(living(this.model, el, root));
    this.listen();
    this.refresh();
  }

  // Once: the elements

  // The explorer's box: `parts`, and what is told to a screen reader.
  box(kind, label, ...parts) {
    this.said = make("p", { class: "lrx-said", role: "status", "aria-live": "polite" });
    const about = { class: `lrc lrx ${kind}`.trim(), role: "group", "aria-label": label };
    const trouble = troubleOf(this.model);
    this.ends.push(trouble.end);
    this.root = keepKeys(make("section", about, ...parts, trouble.node, this.said));
    /** @type {any} */ (this.root).atRest = () => this.atRest;
    return this.root;
  }

  // All controls and the buttons.
  buildControls(...buttons) {
    this.controls = new Map();
    const groups = new Map();
    for (const control of this.model.get("content").controls) {
      if (!groups.has(control.group)) groups.set(control.group, []);
      groups.get(control.group).push(this.buildControl(control));
    }
    const fieldsets = [...groups].map(([name, rows]) =>
      make("fieldset", {}, make("legend", {}, name), make("div", { class: "lrx-controls" }, rows)),
    );
    const row = make("div", { class: "lrc-row" }, ...buttons, this.button("Reset", "reset"));
    return make("div", { class: "lrx-right" }, fieldsets, row);
  }

  button(text, action) {
    const onclick = () => {
      this.tellNow();
      this.tell({ key: action }, action);
    };
    return make("button", { type: "button", class: "lrc-asks", onclick }, text);
  }

  buildControl(control) {
    const { key, look } = control;
    const id = newId("control");
    const why = make("p", { class: "lrx-why", id: `${id}-why`, role: "alert", hidden: true });
    const attributes = { id, "aria-describedby": why.id, "data-control": key };
    const row = make("div", { class: `lrx-control lrx-${look}`, "data-control": key });
    const parts = LOOKS[look](control, attributes);
    const entry = { key, row, why, input: null, box: null, ...parts };
    const shown = [entry.input, entry.box].filter(Boolean);
    row.append(make("label", { for: id }, control.label), ...shown, why);
    row.addEventListener("pointerenter", (event) => event.buttons || this.want(key));
    row.addEventListener("focusin", () => this.want(key));
    if (entry.input) {
      entry.input.addEventListener("input", () => this.move(key, entry.at()));
      entry.input.addEventListener("change", () => this.tellSoon());
    }
    if (entry.box) entry.box.addEventListener("change", () => this.enter(key, entry.box.value));
    this.controls.set(key, entry);
    return row;
  }

  on(name, handler) {
    this.model.on(name, handler);
    this.ends.push(() => this.model.off(name, handler));
  }

  listen() {
    this.on("change:content", () => this.refresh());
    this.on("change:state", () => this.refresh());
    this.on("change:trouble", () => this.asked.clear()); // it may not have been answered
    this.on("msg:custom", (message, buffers) => this.hear(message, buffers));
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      seen.disconnect();
      this.ahead = [...this.controls.keys()].slice(0, 12);
      setTimeout(() => this.prefetch(), 200);
    });
    seen.observe(this.root);
    this.ends.push(() => seen.disconnect());
  }

  end() {
    this.tellNow();
    this.ended = true;
    for (const end of this.ends) end();
  }

  // What Python says

  get shown() {
    return this.model.get("state");
  }

  // Show what Python says. Where a hand is ahead of Python, the hand is right.
  refresh() {
    for (const control of this.model.get("content").controls) this.refreshControl(control);
    if (this.touched && this.at.has(this.touched)) this.showRow(this.touched);
    else {
      this.showMessages(this.shown.messages);
      this.show(this.shown);
    }
    if (this.touched) this.want(this.touched);
  }

  refreshControl(control) {
    const entry = this.controls.get(control.key);
    const { at, text } = this.shown.values[control.key];
    entry.texts = control.texts;
    entry.positions = control.positions;
    if (this.at.has(control.key)) return;
    entry.place?.(at, text, control.positions.length);
    const typed = entry.typed !== undefined && this.shown.messages[control.key];
    if (entry.box && !typed && document.activeElement !== entry.box) entry.box.value = text;
    if (entry.box && !typed && entry.typed !== undefined) entry.box.value = text;
    if (!typed) entry.typed = undefined;
  }

  hear(message, buffers) {
    if (message.done) {
      const said = this.unheard.get(String(message.done));
      if (!this.unheard.delete(String(message.done))) return; // another view's
      if (this.at.get(said.key) === said.at) this.at.delete(said.key);
      this.refresh();
      this.prefetch();
    } else if (message.rows) {
      this.asked.delete(`rows ${message.control}`);
      const lines = this.unpack(message, buffers);
      this.rows.set(message.control, { stamp: message.stamp, lines });
      if (message.control === this.touched) {
        if (this.at.has(this.touched)) this.showRow(this.touched);
        this.want(this.touched);
      }
      setTimeout(() => this.prefetch(), 20);
    }
  }

  // What Python is asked

  // `said` is kept until Python has acted on the message.
  tell(said, action, ...values) {
    this.unheard.set(act(this.model, action, ...values), said);
  }

  // Whether Python knows where every control stands, but for this one.
  knowsAllBut(key) {
    const others = [...this.at.keys(), ...[...this.unheard.values()].map((said) => said.key)];
    return others.every((other) => other === key);
  }

  // Whether Python knows where every control stands, and has sent all that it was asked for.
  get atRest() {
    return !this.waiting && !this.unheard.size && !this.asked.size && !this.ahead?.length;
  }

  // The rows of a control, if they are up to date.
  rowsOf(key) {
    const rows = this.rows.get(key);
    return this.knowsAllBut(key) && rows?.stamp === this.shown.stamps[key] ? rows : null;
  }

  // A control was touched: have its rows, and the figures they need, before it moves.
  want(key) {
    if (this.touched !== key && this.at.size) this.tellNow();
    this.touched = key;
    this.askRows(key);
  }

  askRows(key) {
    if (!this.knowsAllBut(key) || !this.controls.get(key).positions.length) return false;
    if (this.rowsOf(key) || this.asked.has(`rows ${key}`)) return false;
    this.asked.add(`rows ${key}`);
    ask(this.model, "rows", key);
    return true;
  }

  // While nothing is in hand: the rows of the other controls, one after the other.
  prefetch() {
    if (this.at.size || this.unheard.size) return;
    while (this.ahead?.length) if (this.askRows(this.ahead.shift())) return;
  }

  // A hand on a control

  move(key, at) {
    const entry = this.controls.get(key);
    if (this.touched !== key) this.want(key);
    this.at.set(key, at);
    entry.typed = undefined;
    entry.place(at, entry.texts[at], entry.positions.length);
    if (entry.box) entry.box.value = entry.texts[at];
    if (!this.rowsOf(key)) this.askRows(key);
    this.showRow(key);
  }

  enter(key, text) {
    this.tellNow();
    this.controls.get(key).typed = text;
    this.touched = key;
    this.tell({ key }, "enter", key, text);
  }

  tellSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.tellNow(), TELL_AFTER);
  }

  tellNow() {
    clearTimeout(this.waiting);
    this.waiting = null;
    for (const [key, at] of this.at) {
      const value = this.controls.get(key).positions[at];
      const told = [...this.unheard.values()].some((said) => said.key === key && said.at === at);
      if (!told) this.tell({ key, at }, "move", key, value);
    }
  }

  // What is seen

  showRow(key) {
    const line = this.rowsOf(key)?.lines[this.at.get(key)];
    if (!line) return;
    this.showMessages(line.messages);
    if (!(key in line.messages)) this.show(line, key);
  }

  showMessages(messages) {
    for (const [key, { why, input, box }] of this.controls) {
      const message = messages[key] ?? "";
      if (why.textContent === message) continue;
      why.textContent = message;
      why.hidden = !message;
      for (const part of [input, box].filter(Boolean))
        part.setAttribute("aria-invalid", String(Boolean(message)));
    }
  }

  saySoon(words) {
    if (this.words === undefined) this.words = words; // nothing to say about the first picture
    if (this.words === words) return;
    this.words = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.said.textContent = words), SAY_AFTER);
  }

  // What an explorer adds

  /**
   * Its elements, in the box that `box` makes.
   * @returns {HTMLElement}
   */
  build() {
    throw new Error("an explorer says what it is made of");
  }

  // What is drawn at each position of a control, from the rows that Python sends.
  /** @param {any} message @param {DataView[]} buffers */
  unpack(message, buffers) {
    return message.rows;
  }

  // Draw: what Python says, or one of the rows of the control `key`, which is ahead of Python.
  show(drawn, key) {}
}

// What anywidget calls, for a class of views: `script` writes `export default showing(TheClass)`.
/** @param {new (model: Model) => PanelView} View */
const showing = (View) => ({
  render({ model, el }) {
    return onceFilled(model, () => {
      const view = new View(model);
      view.start(el);
      return () => view.end();
    });
  },
});

// How each kind of control looks and is moved: what it is made of, `input` that is moved and `box`
// that is typed into, or one of them; for an input, `at()`, the position it is in, and `place`, which
// puts it there. The names are those that the kinds of field in Python give.
const LOOKS = {
  slider({ label }, attributes) {
    const input = make("input", { ...attributes, type: "range", min: 0, step: 1 });
    const box = make("input", {
      type: "text",
      class: "lrx-exact",
      "aria-label": `${label}, exact value`,
      "aria-describedby": attributes["aria-describedby"],
      autocomplete: "off",
      spellcheck: "false",
    });
    const place = (at, text, positions) => {
      input.max = String(positions - 1);
      if (Number(input.value) !== at) input.value = String(at);
      input.setAttribute("aria-valuetext", text);
    };
    return { input, box, at: () => Number(input.value), place };
  },
  choice({ texts }, attributes) {
    const input = make("select", attributes, texts.map((text) => make("option", {}, text)));
    return { input, at: () => input.selectedIndex, place: (at) => (input.selectedIndex = at) };
  },
  flag(control, attributes) {
    const input = make("input", { ...attributes, type: "checkbox" });
    return { input, at: () => Number(input.checked), place: (at) => (input.checked = Boolean(at)) };
  },
  text(control, attributes) {
    return { box: make("input", { ...attributes, type: "text", autocomplete: "off" }) };
  },
};

// Small things

// What is drawn on an element now, and in which frame, for whoever wants to check it.
/** @param {HTMLElement & { drawn?: any }} element @param {object} drawn */
function asDrawn(element, drawn) {
  element.drawn = drawn;
  element.dataset.frame = String(Number(element.dataset.frame ?? 0) + 1);
}

function floats(data) {
  if (data instanceof Float32Array) return data;
  const bytes = data.byteOffset % 4 ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : null;
  return bytes ? new Float32Array(bytes) : new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

function inWords(readout) {
  return readout.map(([label, value]) => `${label}: ${value}`).join(", ");
}

function fillReadout(root, lines, names) {
  const cells = lines.flatMap(({ readout }, i) => [
    ...(names.length ? [["lrx-name", names[i], ""]] : []),
    ...readout.map(([label, value]) => ["", label, value]),
  ]);
  if (root.childElementCount !== cells.length)
    root.replaceChildren(...cells.map(([kind]) => make("p", { class: kind }, make("span"), make("b"))));
  cells.forEach(([, label, value], i) => {
    const [name, number] = root.children[i].children;
    if (name.textContent !== label) name.textContent = label;
    if (number.textContent !== value) number.textContent = value;
  });
}
