// @ts-check
// The explorer: matplotlib's figure as the ground, the curve drawn on it here.
//
// Python knows the formula; this file knows none. The controls, and how the curve follows them, are
// in panel.js.

const MOST_GROUNDS = 48; // figures kept, each some 20 kB

class ExplorerView extends PanelView {
  constructor(model) {
    super(model);
    this.grounds = new Map(); // limits of the axes -> figure
  }

  start(el) {
    super.start(el);
    this.takeGround(this.model.get("_ground"));
  }

  build() {
    this.ground = make("canvas", { class: "lrx-ground", "aria-hidden": "true" });
    this.canvas = make("canvas", { class: "lrx-curves", "aria-hidden": "true" });
    this.figure = make("div", { class: "lrx-figure", role: "img" }, this.ground, this.canvas);
    this.buildGrip();
    this.buildLook();
    this.ruler = make("div", { class: "lrc-ruler" });
    this.readout = make("div", { class: "lrx-readout" });
    this.pins = make("ul", { class: "lrx-pins", "aria-label": "pinned curves" });
    this.code = make("code", {});
    this.copyButton = make("button", { type: "button", onclick: () => this.copy() }, "Copy");
    this.pinButton = this.button("Pin this curve", "pin");
    this.clearButton = this.button("Clear pins", "clear");
    const id = newId("explorer");
    return this.box(
      this.kind,
      `Explorer of ${this.model.get("content").names.join(" and ")}`,
      make(
        "div",
        { class: "lrx-left" },
        this.ruler,
        make("div", { class: "lrx-stays" }, this.picture()),
        this.look,
        this.readout,
        this.pins,
      ),
      this.buildControls(this.pinButton, this.clearButton, ...this.more()),
      make(
        "div",
        { class: "lrx-code" },
        make("span", { class: "lrx-caption", id }, "In PyTorch"),
        make("pre", { tabindex: 0, role: "region", "aria-labelledby": id }, this.code),
        this.copyButton,
      ),
    );
  }

  // The end of the run, by hand: the control of the same name is its twin for the keyboard.
  buildGrip() {
    const grip = make("div", { class: "lrx-grip", "aria-hidden": "true", title: "length of the run" });
    const held = holding(grip);
    grip.addEventListener("pointerdown", (event) => {
      if (lrcAsleep.has(this.model)) return;
      grip.setPointerCapture(event.pointerId);
      this.touch("run");
    });
    grip.addEventListener("pointermove", (event) => {
      if (!held()) return;
      const { positions } = this.controls.get("run");
      const at = nearest(positions, this.updateAt(event.clientX));
      if (at !== (this.at.get("run") ?? this.shown.values.run.at)) this.move("run", at);
    });
    for (const end of ["pointerup", "pointercancel"]) grip.addEventListener(end, () => this.tellSoon());
    this.grip = grip;
    this.figure.append(grip);
  }

  // A control is in hand, or about to be.
  touch(key) {
    this.want(key);
  }

  // The rate at any update: point at it, or type it and go on with the arrow keys.
  buildLook() {
    this.update = make("input", { type: "number", min: 0, step: 1, class: "lrx-update" });
    this.update.addEventListener("input", () => this.update.value && this.lookAt(Number(this.update.value)));
    this.values = make("output", { class: "lrx-values" });
    this.isLog = make("input", { type: "checkbox" });
    this.isLog.addEventListener("change", () =>
      this.tell({}, "scale", this.isLog.checked ? "log" : "linear"),
    );
    const at = make("label", {}, "at t =", this.update);
    const log = make("label", { class: "lrx-log" }, this.isLog, "log axis");
    this.look = make("div", { class: "lrc-row lrx-look" }, at, this.values, log);
    this.figure.addEventListener("pointermove", (event) => {
      if (event.buttons || !this.drawnGround) return;
      const t = this.updateAt(event.clientX);
      if (t < 0 || t > floats(this.shown.t).at(-1)) return;
      this.lookAt(t);
      this.update.value = String(floats(this.shown.t)[this.looked]);
    });
  }

  // The update over which a pixel of the page lies.
  updateAt(clientX) {
    const { left, width, x } = this.drawnGround.panels[0];
    const box = this.figure.getBoundingClientRect();
    const share = ((clientX - box.left) / box.width - left) / width;
    return x[0] + share * (x[1] - x[0]);
  }

  lookAt(t) {
    this.looked = nearest(floats(this.shown.t), t);
    this.writeLook();
    this.drawSoon();
  }

  writeLook() {
    const text = this.looked === undefined ? "" : this.wordsAt(this.looked);
    if (this.values.textContent !== text) this.values.textContent = text;
  }

  // What is drawn at the update number `i` of those that are drawn.
  wordsAt(i) {
    const names = this.model.get("content").names;
    return this.lines
      .map(({ rate, momentum }, k) => {
        const value = floats(rate)[i];
        const held = momentum && floats(momentum)[i];
        const words = Number.isNaN(value) ? "over" : `rate ${digits(value)}`;
        const more = held && !Number.isNaN(held) ? `, momentum ${digits(held)}` : "";
        return `${names.length > 1 ? `${names[k].slice(0, 1)}: ` : ""}${words}${more}`;
      })
      .join("; ");
  }

  // What an explorer of more says otherwise: its class, the picture, buttons, words that are told.
  get kind() {
    return "";
  }

  /** @returns {Element[]} */
  picture() {
    return [this.figure];
  }

  /** @returns {Element[]} */
  more() {
    return [];
  }

  /** @param {string} readout */
  spoken(readout) {
    return readout;
  }

  listen() {
    super.listen();
    this.on("change:_ground", () => this.takeGround(this.model.get("_ground")));
    const resized = () => this.tellPage();
    const seen = new ResizeObserver(resized);
    seen.observe(this.ruler);
    addEventListener("resize", resized); // zooming resizes the window, too
    this.ends.push(() => seen.disconnect(), () => removeEventListener("resize", resized));
  }

  refresh() {
    const { looks, room } = this.model.get("content");
    this.looks = looks;
    const { pins } = this.shown;
    const before = this.pinned ?? pins.length;
    this.pinned = pins.length;
    if (pins.length > before) this.said.textContent = `Pinned as pin ${pins.length}: ${pins.at(-1)}`;
    if (pins.length < before) this.said.textContent = "The pins are cleared.";
    const held = document.activeElement;
    this.pinButton.disabled = pins.length >= room;
    this.clearButton.disabled = pins.length === 0;
    this.isLog.checked = this.shown.scale === "log";
    const t = floats(this.shown.t);
    fill(this.update, { max: t.at(-1), step: t[1] - t[0] });
    passFocus(held, this.pinButton, this.clearButton);
    passFocus(held, this.clearButton, this.pinButton);
    const first = this.shown.lines.length;
    this.pins.replaceChildren(
      ...pins.map((text, i) => make("li", {}, swatch(looks[first + i]), `pin ${i + 1}: ${text}`)),
    );
    super.refresh();
  }

  unpack(message, buffers) {
    if (!buffers.length) return message.rows; // the length of the run, which no curve knows
    const rates = floats(buffers[0]);
    const momenta = buffers[1] ? floats(buffers[1]) : null;
    const length = rates.length / message.positions;
    const cut = (all, i) => all.subarray(i * length, (i + 1) * length);
    return message.rows.map((row, i) => ({
      ...row,
      rate: cut(rates, i),
      momentum: momenta && cut(momenta, i),
    }));
  }

  hear(message, buffers) {
    super.hear(message, buffers);
    if (!message.ground) return;
    this.asked.delete(`ground ${message.ground.key}`);
    this.takeGround({ ...message.ground, png: buffers[0] });
  }

  want(key) {
    super.want(key);
    this.askGrounds();
  }

  // The figures

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

  // One at a time, and the nearest first, so that Python is free when it is needed.
  askGrounds() {
    if ([...this.asked].some((what) => what.startsWith("ground"))) return;
    const rows = this.touched && this.rowsOf(this.touched);
    if (!rows) return;
    const here = this.at.get(this.touched) ?? this.shown.values[this.touched].at;
    /** @type {{ far: number, key: string } | null} */
    let nearest = null;
    rows.lines.forEach((line, i) => {
      if (!line.ground || this.grounds.has(line.ground)) return;
      const far = Math.abs(i - here);
      if (!nearest || far < nearest.far) nearest = { far, key: line.ground };
    });
    if (!nearest) return;
    this.asked.add(`ground ${nearest.key}`);
    ask(this.model, "ground", nearest.key);
  }

  // How much room the page has, in a few steps, and how fine the screen is.
  tellPage() {
    const { widths } = this.model.get("content");
    const room = this.ruler.clientWidth;
    if (!room) return; // it is hidden
    const larger = textSize(this.root);
    const width = widths.findLast((wide) => wide * larger <= room) ?? widths[0];
    const ratio = devicePixelRatio * larger;
    const page = `${ratio} ${width}`;
    const drawn = this.model.get("_ground");
    if (page === (this.page ?? `${drawn.ratio} ${drawn.width}`)) return;
    this.page = page;
    this.tell({}, "page", ratio, width);
  }

  // What is seen

  show(drawn, key) {
    const { names, controls } = this.model.get("content");
    const which = controls.find((control) => control.key === key)?.which;
    const lines = this.shown.lines.map((line, i) => {
      if (key && drawn.lines) return { ...line, ...drawn.lines[i] };
      return key && i === which ? drawn : line;
    });
    this.lines = lines;
    this.run = drawn.run;
    this.wantedGround = drawn.ground;
    fillReadout(this.readout, lines, lines.length > 1 ? names : []);
    this.showCode(lines.map(({ code }) => code).join("\n"));
    const words = lines.map(({ readout }, i) => `${names[i]}: ${inWords(readout)}`).join(". ");
    this.figure.setAttribute("aria-label", `Curve of the learning rate. ${words}`);
    this.saySoon(this.spoken(words));
    this.writeLook();
    this.drawSoon();
  }

  // The box of the code grows and never shrinks, so that nothing jumps under your hands.
  showCode(text) {
    if (this.code.textContent === text) return;
    this.code.textContent = text;
    this.most = Math.max(this.most ?? 0, text.split("\n").length);
    this.code.style.minHeight = `${this.most * 1.45}em`;
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
      this.figure.style.maxWidth = `${ground.width / PLAIN_TEXT}em`;
      this.root.style.setProperty("--lrx-tall", `${ground.height * textSize(this.root)}px`);
      const ground2d = this.ground.getContext("2d");
      ground2d.clearRect(0, 0, image.width, image.height);
      ground2d.drawImage(image, 0, 0);
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
      drawEnd(pen, box, box.x(this.run), scale);
      if (this.looked !== undefined) drawLooked(pen, box, t[this.looked], row, this, scale);
      pen.restore();
    });
    this.placeGrip(ground);
    asDrawn(this.canvas, {
      t,
      lines: this.lines.map(({ rate, momentum, end }) => ({
        rate: floats(rate),
        momentum: momentum && floats(momentum),
        end,
      })),
      panels: ground.panels,
    });
  }

  placeGrip({ panels }) {
    const { left, width, x } = panels[0];
    const { top, height } = panels.at(-1);
    const share = (Math.min(this.run, x[1]) - x[0]) / (x[1] - x[0]);
    this.grip.style.left = `${100 * (left + share * width)}%`;
    this.grip.style.top = `${100 * (top + height)}%`;
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

function swatch({ colour, dash }) {
  const line = { x1: 0, y1: 5, x2: 30, y2: 5, stroke: colour, "stroke-width": 2 };
  const dashes = { "stroke-dasharray": dash.map((d) => d * 2).join(" ") };
  return shape("svg", { width: 30, height: 10, "aria-hidden": "true" }, shape("line", { ...line, ...dashes }));
}

// A panel in pixels of the image, and where a point of the curve falls.
function pixels({ left, top, width, height, x, y, log }, image) {
  const box = {
    left: left * image.width,
    top: top * image.height,
    width: width * image.width,
    height: height * image.height,
  };
  box.x = (t) => box.left + ((t - x[0]) / (x[1] - x[0])) * box.width;
  const along = log ? (v) => Math.log(Math.max(v, y[0] / 1e3)) : (v) => v; // 0 is far below
  const [low, high] = y.map(along);
  box.y = (v) => box.top + ((high - along(v)) / (high - low)) * box.height;
  return box;
}

function shade(pen, box, from) {
  pen.fillStyle = "rgba(0, 0, 0, 0.06)";
  pen.fillRect(from, box.top, box.left + box.width - from, box.height);
}

// The update that is looked at, and its values.
function drawLooked(pen, box, t, row, { lines, looks, looked }, scale) {
  pen.setLineDash([]);
  pen.lineWidth = scale;
  pen.strokeStyle = "#808080";
  pen.beginPath();
  pen.moveTo(box.x(t), box.top);
  pen.lineTo(box.x(t), box.top + box.height);
  pen.stroke();
  lines.forEach((line, i) => {
    const values = row ? line.momentum : line.rate;
    const value = values ? floats(values)[looked] : NaN;
    if (Number.isNaN(value)) return;
    pen.fillStyle = looks[i].colour;
    pen.beginPath();
    pen.arc(box.x(t), box.y(value), 4.5 * scale, 0, 2 * Math.PI);
    pen.fill();
  });
}

// Which of the values, in order, is nearest.
function nearest(values, to) {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if (Math.abs(values[i] - to) < Math.abs(values[best] - to)) best = i;
  return best;
}

const digits = (value) => String(Number(value.toPrecision(4)));

// Where the run ends.
function drawEnd(pen, box, x, scale) {
  pen.strokeStyle = "#808080";
  pen.lineWidth = 1.5 * scale;
  pen.setLineDash([2 * scale, 3 * scale]);
  pen.beginPath();
  pen.moveTo(x, box.top);
  pen.lineTo(x, box.top + box.height);
  pen.stroke();
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
    if (open && jumpsAt(values, i)) pen.lineTo(box.x(t[i]), box.y(values[i - 1]));
    if (open) pen.lineTo(box.x(t[i]), box.y(values[i]));
    else pen.moveTo(box.x(t[i]), box.y(values[i]));
    open = true;
  }
  pen.stroke();
}
