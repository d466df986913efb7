// The explorer: matplotlib's figure as the ground, the curve drawn on it here, the controls.
//
// Python knows the formula; this file knows none. `_shown` is what is drawn now. When a control is
// touched, Python sends the curve at every position of it (its "rows"), and from then on a move is
// a choice of a row: nothing is asked while you drag. When you let go, Python is told.

const TELL_AFTER = 120; // ms of rest before Python is told where a control stands
const SAY_AFTER = 600; // ms of rest before a screen reader is told
const MOST_GROUNDS = 48; // figures kept, each some 20 kB

class ExplorerView {
  constructor(model, el) {
    this.model = model;
    this.rows = new Map(); // control -> its curves at every position
    this.grounds = new Map(); // limits of the axes -> figure
    this.asked = new Set(); // what Python has been asked for and has not sent yet
    this.unheard = new Map(); // serial of a message that Python has not acted on -> what it says
    this.touched = null; // the control in hand
    this.at = new Map(); // control -> position, where it is ahead of Python
    this.ends = [];
    this.build(el);
    this.listen();
    this.takeGround(model.get("_ground"));
    this.refresh();
    this.tellPixels();
  }

  // Once: the elements

  build(el) {
    const panel = this.model.get("_panel");
    this.ground = make("canvas", { class: "lrx-ground" });
    this.canvas = make("canvas", { class: "lrx-curves" });
    this.figure = make("div", { class: "lrx-figure", role: "img" }, this.ground, this.canvas);
    this.readout = make("div", { class: "lrx-readout" });
    this.pins = make("ul", { class: "lrx-pins", "aria-label": "pinned curves" });
    this.fault = make("p", { class: "lrc-trouble", role: "alert", hidden: true });
    this.said = make("p", { class: "lrx-said", role: "status", "aria-live": "polite" });
    this.code = make("code", {});
    this.copyButton = make("button", { type: "button", onclick: () => this.copy() }, "Copy");
    this.pinButton = this.button("Pin this curve", "pin");
    this.clearButton = this.button("Clear pins", "clear");
    this.controls = new Map();
    const groups = new Map();
    for (const control of panel.controls) {
      if (!groups.has(control.group)) groups.set(control.group, []);
      groups.get(control.group).push(this.buildControl(control));
    }
    const fieldsets = [...groups].map(([name, rows]) =>
      make("fieldset", {}, make("legend", {}, name), make("div", { class: "lrx-controls" }, rows)),
    );
    const id = newId("explorer");
    this.root = make(
      "section",
      { class: "lrc lrx", role: "group", "aria-label": `Explorer of ${panel.names.join(" and ")}` },
      make("div", { class: "lrx-left" }, this.figure, this.readout, this.pins),
      make(
        "div",
        { class: "lrx-right" },
        fieldsets,
        make("div", { class: "lrc-row" }, this.pinButton, this.clearButton, this.button("Reset", "reset")),
        this.fault,
      ),
      make(
        "div",
        { class: "lrx-code" },
        make("span", { class: "lrx-caption", id }, "In PyTorch"),
        make("pre", { tabindex: 0, role: "region", "aria-labelledby": id }, this.code),
        this.copyButton,
      ),
      this.said,
    );
    // JupyterLab would take plain keys for shortcuts: arrows move between cells, D D deletes one.
    this.root.addEventListener("keydown", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      const leaves = event.key === "Escape" || (event.key === "Enter" && event.shiftKey);
      if (plain && !leaves) event.stopPropagation();
    });
    el.replaceChildren(this.root);
  }

  button(text, action) {
    const onclick = () => {
      this.tellNow();
      this.send({ do: action }, { key: action });
    };
    return make("button", { type: "button", onclick }, text);
  }

  buildControl(control) {
    const { key, look } = control;
    const id = newId("control");
    const why = make("p", { class: "lrx-why", id: `${id}-why`, role: "alert", hidden: true });
    const attributes = { id, "aria-describedby": why.id, "data-control": key };
    const row = make("div", { class: `lrx-control lrx-${look}`, "data-control": key });
    const entry = { key, row, why, box: null, input: null };
    if (look === "slider") {
      entry.input = make("input", { ...attributes, type: "range", min: 0, step: 1 });
      entry.box = make("input", {
        type: "text",
        class: "lrx-exact",
        "aria-label": `${control.label}, exact value`,
        "aria-describedby": why.id,
        autocomplete: "off",
        spellcheck: "false",
      });
    } else if (look === "choice") {
      entry.input = make("select", attributes);
    } else if (look === "flag") {
      entry.input = make("input", { ...attributes, type: "checkbox" });
    } else {
      entry.box = make("input", { ...attributes, type: "text", autocomplete: "off" });
    }
    row.append(make("label", { for: id }, control.label), ...[entry.input, entry.box].filter(Boolean), why);
    row.addEventListener("pointerenter", (event) => event.buttons || this.want(key));
    row.addEventListener("focusin", () => this.want(key));
    if (entry.input) {
      entry.input.addEventListener("input", () => this.move(key, positionOf(entry.input)));
      entry.input.addEventListener("change", () => this.tellSoon());
    }
    if (entry.box) entry.box.addEventListener("change", () => this.type(key, entry.box.value));
    this.controls.set(key, entry);
    return row;
  }

  listen() {
    const on = (name, handler) => {
      this.model.on(name, handler);
      this.ends.push(() => this.model.off(name, handler));
    };
    on("change:_ground", () => this.takeGround(this.model.get("_ground")));
    on("change:_panel", () => this.refresh());
    on("change:_shown", () => this.refresh());
    on("msg:custom", (message, buffers) => this.hear(message, buffers));
    const resized = () => this.tellPixels(); // zooming resizes the window, too
    addEventListener("resize", resized);
    this.ends.push(() => removeEventListener("resize", resized));
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
    return this.model.get("_shown");
  }

  // Show what Python says. Where a hand is ahead of Python, the hand is right.
  refresh() {
    const { controls, looks, room } = this.model.get("_panel");
    this.looks = looks;
    for (const control of controls) this.refreshControl(control);
    const { pins, fault } = this.shown;
    this.pinButton.disabled = pins.length >= room;
    this.clearButton.disabled = pins.length === 0;
    const first = this.shown.lines.length;
    this.pins.replaceChildren(
      ...pins.map((text, i) => make("li", {}, swatch(looks[first + i]), `pin ${i + 1}: ${text}`)),
    );
    this.fault.textContent = fault;
    this.fault.hidden = !fault;
    if (fault) this.asked.clear(); // it may not have been answered
    if (this.touched && this.at.has(this.touched)) this.showRow(this.touched);
    else this.show(this.shown.lines, this.shown.ground, this.shown.messages);
    if (this.touched) this.want(this.touched);
  }

  refreshControl(control) {
    const entry = this.controls.get(control.key);
    const { at, text } = this.shown.values[control.key];
    entry.texts = control.texts;
    entry.positions = control.positions;
    if (this.at.has(control.key)) return;
    if (control.look === "slider") entry.input.max = control.positions.length - 1;
    if (control.look === "choice" && !entry.input.options.length)
      entry.input.append(...control.texts.map((choice) => make("option", {}, choice)));
    if (entry.input) place(entry.input, at, text);
    const typed = entry.typed !== undefined && this.shown.messages[control.key];
    if (entry.box && !typed && document.activeElement !== entry.box) entry.box.value = text;
    if (entry.box && !typed && entry.typed !== undefined) entry.box.value = text;
    if (!typed) entry.typed = undefined;
  }

  hear(message, buffers) {
    if (message.done) {
      const said = this.unheard.get(message.done);
      if (!this.unheard.delete(message.done)) return; // another view's
      if (this.at.get(said.key) === said.at) this.at.delete(said.key);
      this.refresh();
    } else if (message.rows) {
      this.asked.delete(`rows ${message.control}`);
      const rates = floats(buffers[0]);
      const momenta = buffers[1] ? floats(buffers[1]) : null;
      const length = rates.length / message.positions;
      const cut = (all, i) => all.subarray(i * length, (i + 1) * length);
      const lines = message.rows.map((row, i) => ({
        ...row,
        rate: cut(rates, i),
        momentum: momenta && cut(momenta, i),
      }));
      this.rows.set(message.control, { stamp: message.stamp, lines });
      if (message.control === this.touched) {
        if (this.at.has(this.touched)) this.showRow(this.touched);
        this.want(this.touched);
      }
      setTimeout(() => this.prefetch(), 20);
    } else if (message.ground) {
      this.asked.delete(`ground ${message.ground.key}`);
      this.takeGround({ ...message.ground, png: buffers[0] });
    }
  }

  async takeGround(ground) {
    if (!this.grounds.has(ground.key)) {
      const image = await createImageBitmap(new Blob([ground.png], { type: "image/png" }));
      if (this.ended) return;
      this.grounds.set(ground.key, { ...ground, image });
      if (this.grounds.size > MOST_GROUNDS) this.grounds.delete(this.grounds.keys().next().value);
    }
    this.askGrounds();
    this.drawSoon();
  }

  // What Python is asked

  // `said` is kept until Python has acted on the message.
  send(message, said) {
    const serial = newId("message");
    if (said) this.unheard.set(serial, said);
    this.model.send(said ? { ...message, serial } : message);
  }

  // Whether Python knows where every control stands, but for this one.
  knowsAllBut(key) {
    const others = [...this.at.keys(), ...[...this.unheard.values()].map((said) => said.key)];
    return others.every((other) => other === key);
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
    this.askGrounds();
  }

  askRows(key) {
    if (!this.knowsAllBut(key) || !this.controls.get(key).positions.length) return false;
    if (this.rowsOf(key) || this.asked.has(`rows ${key}`)) return false;
    this.asked.add(`rows ${key}`);
    this.send({ do: "rows", control: key });
    return true;
  }

  // One at a time, and the nearest first, so that Python is free when it is needed.
  askGrounds() {
    if ([...this.asked].some((what) => what.startsWith("ground"))) return;
    const rows = this.touched && this.rowsOf(this.touched);
    if (!rows) return;
    const here = this.at.get(this.touched) ?? this.shown.values[this.touched].at;
    let nearest = null;
    rows.lines.forEach((line, i) => {
      if (!line.ground || this.grounds.has(line.ground)) return;
      const far = Math.abs(i - here);
      if (!nearest || far < nearest.far) nearest = { far, key: line.ground };
    });
    if (!nearest) return;
    this.asked.add(`ground ${nearest.key}`);
    this.send({ do: "grounds", keys: [nearest.key] });
  }

  // While nothing is in hand: the rows of the other controls, one after the other.
  prefetch() {
    if (this.at.size || this.unheard.size) return;
    while (this.ahead?.length) if (this.askRows(this.ahead.shift())) return;
  }

  tellPixels() {
    if (devicePixelRatio !== this.model.get("_ground").ratio)
      this.send({ do: "pixels", ratio: devicePixelRatio });
  }

  // A hand on a control

  move(key, at) {
    const entry = this.controls.get(key);
    if (this.touched !== key) this.want(key);
    this.at.set(key, at);
    entry.typed = undefined;
    place(entry.input, at, entry.texts[at]);
    if (entry.box) entry.box.value = entry.texts[at];
    if (!this.rowsOf(key)) this.askRows(key);
    this.showRow(key);
  }

  type(key, text) {
    this.tellNow();
    this.controls.get(key).typed = text;
    this.touched = key;
    this.send({ do: "set", control: key, text }, { key });
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
      if (!told) this.send({ do: "set", control: key, value }, { key, at });
    }
  }

  // What is seen

  showRow(key) {
    const rows = this.rowsOf(key);
    const line = rows?.lines[this.at.get(key)];
    if (!line) return;
    if (line.error) {
      this.show(this.lines, this.wantedGround, { [key]: line.error });
      return;
    }
    const { which } = this.model.get("_panel").controls.find((control) => control.key === key);
    this.show(this.shown.lines.with(which, line), line.ground, {});
  }

  show(lines, ground, messages) {
    this.lines = lines;
    this.wantedGround = ground;
    for (const [key, { why, input, box }] of this.controls) {
      const message = messages[key] ?? "";
      if (why.textContent === message) continue;
      why.textContent = message;
      why.hidden = !message;
      for (const part of [input, box].filter(Boolean))
        part.setAttribute("aria-invalid", String(Boolean(message)));
    }
    const { names } = this.model.get("_panel");
    fillReadout(this.readout, lines, lines.length > 1 ? names : []);
    this.showCode(lines.map(({ code }) => code).join("\n"));
    const words = lines.map(({ readout }, i) => `${names[i]}: ${inWords(readout)}`).join(". ");
    this.figure.setAttribute("aria-label", `Curve of the learning rate. ${words}`);
    this.saySoon(words);
    this.drawSoon();
  }

  // The box of the code grows and never shrinks, so that nothing jumps under your hands.
  showCode(text) {
    if (this.code.textContent === text) return;
    this.code.textContent = text;
    this.most = Math.max(this.most ?? 0, text.split("\n").length);
    this.code.style.minHeight = `${this.most * 1.45}em`;
  }

  saySoon(words) {
    if (this.words === undefined) this.words = words; // nothing to say about the first picture
    if (this.words === words) return;
    this.words = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.said.textContent = words), SAY_AFTER);
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.ended) this.draw();
    });
  }

  // The ground and the curves in one go. Until the figure with the right limits has come, the
  // curve is drawn on the one that is there, by its limits: never a curve on wrong axes.
  draw() {
    const ground = this.grounds.get(this.wantedGround) ?? this.drawnGround;
    if (!ground || !this.lines) {
      const first = this.grounds.values().next().value;
      if (!first || !this.lines) return;
      this.drawnGround = first;
      return this.draw();
    }
    const { image } = ground;
    if (this.drawnGround !== ground || this.ground.width !== image.width) {
      this.drawnGround = ground;
      for (const canvas of [this.ground, this.canvas])
        if (canvas.width !== image.width || canvas.height !== image.height)
          [canvas.width, canvas.height] = [image.width, image.height];
      this.figure.style.aspectRatio = `${ground.width} / ${ground.height}`;
      this.figure.style.maxWidth = `${ground.width}px`;
      this.ground.getContext("2d").drawImage(image, 0, 0);
    }
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, image.width, image.height);
    const t = floats(this.shown.t);
    const scale = image.width / ground.width;
    const ends = this.lines.map(({ end }) => end).filter((end) => end != null);
    ground.panels.forEach((panel, row) => {
      const box = pixels(panel, image);
      pen.save();
      pen.beginPath();
      pen.rect(box.left, box.top - 2 * scale, box.width, box.height + 4 * scale);
      pen.clip();
      if (ends.length) shade(pen, box, box.x(Math.max(...ends)));
      this.lines.forEach((line, i) => {
        const values = row ? line.momentum : line.rate;
        if (values) drawLine(pen, box, t, floats(values), line.end, this.looks[i], scale);
      });
      pen.restore();
    });
    // What stands on the canvas now, for whoever wants to check it.
    this.canvas.drawn = {
      t,
      lines: this.lines.map(({ rate, momentum, end }) => ({
        rate: floats(rate),
        momentum: momentum && floats(momentum),
        end,
      })),
      panels: ground.panels,
    };
    this.canvas.dataset.frame = Number(this.canvas.dataset.frame ?? 0) + 1;
  }

  async copy() {
    const text = this.code.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { class: "lrx-said" }, text);
      this.root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      this.copyButton.focus();
    }
    this.copyButton.textContent = "Copied";
    this.said.textContent = "Copied";
    setTimeout(() => (this.copyButton.textContent = "Copy"), 1500);
  }
}

// Small things

function positionOf(input) {
  if (input.type === "checkbox") return Number(input.checked);
  return input.tagName === "SELECT" ? input.selectedIndex : Number(input.value);
}

function place(input, at, text) {
  if (input.type === "checkbox") input.checked = Boolean(at);
  else if (input.tagName === "SELECT") input.selectedIndex = at;
  else {
    if (Number(input.value) !== at) input.value = at;
    input.setAttribute("aria-valuetext", text);
  }
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

function swatch({ colour, dash }) {
  const line = { x1: 0, y1: 5, x2: 30, y2: 5, stroke: colour, "stroke-width": 2 };
  const dashes = { "stroke-dasharray": dash.map((d) => d * 2).join(" ") };
  return shape("svg", { width: 30, height: 10, "aria-hidden": "true" }, shape("line", { ...line, ...dashes }));
}

// A panel in pixels of the image, and where a point of the curve falls.
function pixels({ left, top, width, height, x, y }, image) {
  const box = {
    left: left * image.width,
    top: top * image.height,
    width: width * image.width,
    height: height * image.height,
  };
  box.x = (t) => box.left + ((t - x[0]) / (x[1] - x[0])) * box.width;
  box.y = (v) => box.top + ((y[1] - v) / (y[1] - y[0])) * box.height;
  return box;
}

function shade(pen, box, from) {
  pen.fillStyle = "rgba(0, 0, 0, 0.06)";
  pen.fillRect(from, box.top, box.left + box.width - from, box.height);
}

// Solid (or the style of its own) up to the end of the schedule, dotted and thin past it.
function drawLine(pen, box, t, values, end, look, scale) {
  const width = (2.2 * 100 * scale) / 72;
  const past = (1.3 * 100 * scale) / 72;
  pen.lineJoin = "round";
  pen.strokeStyle = look.colour;
  const stop = end ?? Infinity;
  stroke(pen, box, t, values, (x) => x <= stop, width, look.dash);
  if (end != null) stroke(pen, box, t, values, (x) => x >= stop, past, [1, 1.65]);
}

function stroke(pen, box, t, values, holds, width, dash) {
  pen.lineWidth = width;
  pen.setLineDash(dash.map((d) => d * width));
  pen.beginPath();
  let open = false;
  for (let i = 0; i < t.length; i++) {
    if (!holds(t[i]) || Number.isNaN(values[i])) {
      open = false;
      continue;
    }
    if (open) pen.lineTo(box.x(t[i]), box.y(values[i]));
    else pen.moveTo(box.x(t[i]), box.y(values[i]));
    open = true;
  }
  pen.stroke();
}

export default {
  render({ model, el }) {
    const view = new ExplorerView(model, el);
    return () => view.end();
  },
};
