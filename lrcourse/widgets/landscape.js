// @ts-check
// The explorer of landscapes: a path over contours, the rate beneath, and a dot that steps along.
//
// Python knows the formula and the surface; this file knows neither. It gets a picture of each
// surface once, and the numbers of paths: x, y and loss after each update, and the rate of each.

const TALL = { above: 380, below: 150 };

class LandscapeView extends PanelView {
  build() {
    this.above = make("div", { class: "lrx-stays" });
    this.below = make("div");
    this.trait = make("p", { class: "lrc-hint" });
    this.readout = make("div", { class: "lrx-readout" });
    this.verdict = make("p", { class: "lrc-said" });
    this.here = make("p", { class: "lrw-here" });
    this.news = "";
    this.images = {};
    const id = newId("update");
    this.scrubber = make("input", {
      type: "range",
      id,
      min: 0,
      step: 1,
      oninput: () => this.step(Number(this.scrubber.value) - this.chosen, false),
      onchange: () => this.tellUpdate(),
    });
    const step = (by, text, label) =>
      make("button", { type: "button", "aria-label": label, title: label, onclick: () => this.step(by) }, text);
    const name = this.model.get("content").name;
    return this.box(
      "lrw",
      `Explorer of a landscape with ${name}`,
      make(
        "div",
        { class: "lrx-left" },
        this.trait,
        this.above,
        make("p", { class: "lrc-hint" }, "Ring: the start. Solid: walked. Dashed: still ahead. Orange dot: now."),
        this.below,
        make(
          "div",
          { class: "lrc-row" },
          step(-1, "◀", "One update back"),
          step(1, "▶", "One update forward"),
          make("label", { for: id }, "update"),
          this.scrubber,
        ),
        this.here,
        this.verdict,
        this.readout,
      ),
      this.buildControls(),
    );
  }

  listen() {
    super.listen();
    this.room = { width: 700, resize: (to) => (this.room.width = to) };
    this.ends.push(fit(this.root.querySelector(".lrx-left"), [this.room], () => this.drawAnew()));
    this.on("change:_update", () => {
      const leads = [...this.unheard.values()].some((said) => said.key === "go");
      if (!leads) this.go(this.model.get("_update"));
    });
    this.ends.push(() => Object.values(this.images).forEach((url) => URL.revokeObjectURL(url)));
  }

  unpack(message, buffers) {
    const numbers = floats(buffers[0]);
    let from = 0;
    return message.rows.map((row) => {
      if (row.steps === undefined) return row; // nothing is drawn there
      const length = 4 * row.steps + 3;
      from += length;
      return { ...row, numbers: numbers.subarray(from - length, from) };
    });
  }

  show(drawn) {
    const { steps, numbers, surface, below, words, rates, readout } = drawn;
    const all = floats(numbers);
    const cut = (from, length) => [...all.subarray(from, from + length)];
    const known = this.path?.steps;
    const at = known === undefined ? this.model.get("_update") : this.chosen;
    this.path = {
      steps,
      surface,
      below,
      words,
      rates,
      x: cut(0, steps + 1),
      y: cut(steps + 1, steps + 1),
      loss: cut(2 * steps + 2, steps + 1),
      rate: cut(3 * steps + 3, steps),
    };
    this.chosen = at === known || at > steps ? steps : at; // at the end it stays at the end
    this.scrubber.max = steps;
    fillReadout(this.readout, [{ readout }], []);
    if (this.verdict.textContent !== words) this.verdict.textContent = words;
    this.news = `${words} `;
    this.drawSoon();
  }

  // Along the path

  go(update) {
    this.chosen = Math.min(Math.max(update, 0), this.path.steps);
    this.drawSoon();
  }

  step(by, tell = true) {
    this.news = "";
    this.go(this.chosen + by);
    if (tell) this.tellUpdate();
  }

  tellUpdate() {
    this.tellNow();
    this.tell({ key: "go" }, "go", this.chosen);
  }

  // What is seen

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.ended) this.draw();
    });
  }

  drawAnew() {
    this.surface = this.limits = null;
    if (this.path) this.draw();
  }

  draw() {
    this.drawPath();
    this.drawRate();
    const words = this.inWords();
    this.scrubber.value = this.chosen;
    this.scrubber.setAttribute("aria-valuetext", `${this.chosen} of ${this.path.steps}`);
    if (this.here.textContent !== words) this.here.textContent = words;
    this.saySoon(this.news + words);
    asDrawn(this.root, { ...this.path, at: this.chosen });
  }

  inWords() {
    const { steps, x, y, loss, rate } = this.path;
    const i = this.chosen;
    const place = Number.isFinite(loss[i])
      ? `x = ${toThousandths(x[i])}, y = ${toThousandths(y[i])}, loss ${rounded(loss[i])}`
      : "it is out of sight";
    const next = i < steps ? `The next update uses rate ${rounded(rate[i])}.` : "The run is over.";
    return `After ${i} of ${steps} updates: ${place}. ${next}`;
  }

  // The axes and the picture of the surface stay while the surface does.
  drawPath() {
    const { surface, words } = this.path;
    if (this.surface !== surface) {
      this.surface = surface;
      const { axes, trait } = this.model.get("_surfaces")[surface];
      this.trait.textContent = `${surface}: ${trait}`;
      this.top = plot(axes, { width: this.room.width, height: TALL.above, label: words });
      const { room, width, height } = this.top;
      const [wide, tall] = [width - room.l - room.r, height - room.t - room.b];
      const about = { href: this.image(surface), x: room.l, y: room.t, width: wide, height: tall };
      this.line = shape("path", { class: "lrc-curve lrw-walked" });
      this.rest = shape("path", { class: "lrc-curve lrw-ahead" });
      this.marks = shape("path", { class: "lrw-marks" });
      const [x, y] = this.model.get("_surfaces")[surface].start;
      this.ring = shape("circle", { cx: this.top.x(x), cy: this.top.y(y), r: 7, class: "lrw-start" });
      this.dot = shape("circle", { r: 7, class: "lrc-dot" });
      this.note = shape("text", { class: "lrc-note lrw-note", "text-anchor": "middle" });
      this.top.inside.append(
        shape("image", { ...about, preserveAspectRatio: "none" }),
        this.rest,
        this.line,
        this.marks,
        this.ring,
      );
      this.top.above.append(this.dot, this.note);
      this.above.replaceChildren(this.top.svg);
      this.root.style.setProperty("--lrx-tall", `${height * textSize(this.root)}px`);
    }
    this.top.svg.setAttribute("aria-label", `Path over the contours of ${surface}. ${words}`);
    const places = this.places();
    this.line.setAttribute("d", through(places.slice(0, this.chosen + 1)));
    this.rest.setAttribute("d", through(places.slice(this.chosen)));
    this.marks.setAttribute("d", dots(places));
    this.putDot(places[this.chosen]);
  }

  // Where each place is in the plot; far outside, no farther than ten pictures away; null where a
  // path has run out of numbers.
  places() {
    const { x, y } = this.path;
    const { width, height } = this.top;
    const near = (v, size) => Math.min(Math.max(v, -10 * size), 11 * size);
    return x.map((v, i) =>
      Number.isNaN(v) || Number.isNaN(y[i])
        ? null
        : [near(this.top.x(v), width), near(this.top.y(y[i]), height)],
    );
  }

  // The dot; at the edge, with a note, where the place is outside the picture.
  putDot(place) {
    const { room, width, height } = this.top;
    const [left, right, top, bottom] = [room.l, width - room.r, room.t, height - room.b];
    const [x, y] = place ?? [(left + right) / 2, top];
    const at = [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
    const outside = !place || Math.hypot(x - at[0], y - at[1]) > 1;
    fill(this.dot, { cx: at[0], cy: at[1] });
    this.dot.style.display = place ? "" : "none";
    this.note.textContent = outside ? "outside the picture" : "";
    fill(this.note, { x: Math.min(Math.max(at[0], left + 75), right - 75), y: at[1] > (top + bottom) / 2 ? at[1] - 14 : at[1] + 24 });
  }

  drawRate() {
    const { below, rate, rates } = this.path;
    const limits = JSON.stringify(below);
    if (this.limits !== limits) {
      this.limits = limits;
      this.bottom = plot(below, { width: this.room.width, height: TALL.below });
      this.rates = shape("path", { class: "lrc-curve lrc-truth" });
      this.now = shape("circle", { r: 7, class: "lrc-dot" });
      this.bottom.inside.append(this.rates);
      this.bottom.above.append(this.now);
      this.below.replaceChildren(this.bottom.svg);
    }
    const t = Math.min(this.chosen, rate.length - 1);
    this.bottom.svg.setAttribute("aria-label", rates);
    this.rates.setAttribute("d", stairs(this.bottom, steps(rate), rate));
    fill(this.now, { cx: this.bottom.x(t), cy: this.bottom.y(rate[t]) });
  }

  image(surface) {
    this.images[surface] ??= URL.createObjectURL(
      new Blob([this.model.get("_surfaces")[surface].webp], { type: "image/webp" }),
    );
    return this.images[surface];
  }
}

function toThousandths(v) {
  return rounded(Math.round(1000 * v) / 1000 + 0);
}

function through(places) {
  let open = false;
  return places
    .map((place) => {
      const step = place && `${open ? "L" : "M"}${place[0].toFixed(2)} ${place[1].toFixed(2)}`;
      open = Boolean(place);
      return step ?? "";
    })
    .join("");
}

// Strokes of no length with round ends.
function dots(places) {
  return places.map((place) => place && `M${place[0].toFixed(2)} ${place[1].toFixed(2)}h0`).join("");
}
