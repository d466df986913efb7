// @ts-check
// The explorer that trains: the test score under the rate, and its ends beside it.
//
// Python trains all positions of the control that is touched, and sends what is there as it comes, in
// `trained`: what that holds, `consequences.py` says. A drag picks a position of it, and asks nobody.

const SCORE_TALL = 226; // px of the score's panel with its axis
const SCORE_ROOM = { top: 20, bottom: 42, right: 14, between: 26 };
const LEAST_BESIDE = 170; // px: with less room, the ends come below
const SHADE = "#009e73"; // what cannot be told from the best, and the ring
const HERE = "#d55e00";
const GHOST = "#808080";

class TrainedView extends ExplorerView {
  get kind() {
    return "lrt";
  }

  picture() {
    this.score = shape("svg", { class: "lrc-plot lrt-score", role: "img" });
    this.frame_ = shape("g", { "aria-hidden": "true" });
    this.moving = shape("g", { "aria-hidden": "true" });
    this.score.append(this.frame_, this.moving);
    this.sentence = make("p", { class: "lrt-sentence" });
    this.range = make("p");
    this.made = make("p", { class: "lrt-made" });
    this.stopButton = this.button("Stop training", "stop");
    this.stopButton.classList.remove("lrc-asks"); // heard while Python is busy, too
    const words = make("div", { class: "lrt-words" }, this.sentence, this.range, this.made);
    return [this.figure, words, this.score];
  }

  more() {
    this.tuned = make("input", { type: "checkbox" });
    this.tuned.addEventListener("change", () => this.tell({}, "tune", this.tuned.checked));
    return [
      this.stopButton,
      make("label", { class: "lrt-tuned" }, this.tuned, "each position at its own best peak"),
    ];
  }

  buildControl(control) {
    const row = super.buildControl(control);
    for (const touch of ["focusin", "pointerdown"])
      row.addEventListener(touch, () => this.train(control.key));
    return row;
  }

  listen() {
    super.listen();
    this.on("change:trained", () => this.takeTrained());
    const seen = new ResizeObserver(() => this.drawSoon());
    seen.observe(this.score);
    seen.observe(this.figure);
    this.ends.push(() => seen.disconnect());
    this.root.addEventListener(FELL_ASLEEP, () => this.writeWords());
    this.takeTrained();
    // No hand did it, so no hand waits for it: a busy kernel hears it later.
    if (!lrcAsleep.has(this.model)) this.model.send({ do: "look", with: [] });
  }

  // What is trained

  takeTrained() {
    const found = this.model.get("trained");
    if (!found.control) return; // Python has not come so far
    const marks = floats(found.marks);
    const [mean, half] = [floats(found.mean), floats(found.half)];
    const cut = (all, c) => all.subarray(c * marks.length, (c + 1) * marks.length);
    this.found = {
      ...found,
      marks,
      all: mean,
      mean: (c) => cut(mean, c),
      half: (c) => cut(half, c),
    };
    if (this.asking === found.control) this.asking = null;
    this.tuned.checked = found.tuned;
    this.stopButton.disabled = !found.running;
    this.frameOf = null; // its axes may be others
    this.writeWords();
    if (!found.running) this.saySoon(this.spoken(this.readoutWords ?? ""));
    this.drawSoon();
  }

  // A control was touched: have all its positions trained.
  train(key) {
    const { control, stamp, running, n, of } = this.found;
    const there = control === key && stamp === this.shown.stamps[key] && (running || n === of);
    if (this.asking ? this.asking === key : there) return; // what is there is old while another is asked for
    this.asking = key;
    this.tell({ key }, "touch", key);
  }

  move(key, at) {
    super.move(key, at);
    this.train(key);
  }

  get atRest() {
    return super.atRest && !this.asking && !this.found?.running;
  }

  touch(key) {
    super.touch(key);
    this.train(key);
  }

  // The rate, and the score after the nearest number of updates at which it was taken.
  wordsAt(i) {
    const words = super.wordsAt(i);
    const { found, here } = this;
    if (!found || !this.isFresh || here < 0 || found.copy[here] < 0) return words;
    const m = nearest(found.marks, floats(this.shown.t)[i]);
    const score = found.mean(found.copy[here])[m];
    if (!Number.isFinite(score)) return words;
    return `${words}; ${found.metric} ${digits(score)} after ${found.marks[m]} updates`;
  }

  // Where the control stands among the positions that are trained; -1 if it is none of them.
  get here() {
    const { control, texts } = this.found;
    const at = this.at.get(control);
    const { text } = this.shown.values[control];
    return texts.indexOf(at === undefined ? text : this.controls.get(control).texts[at]);
  }

  // Whether what is trained belongs to where all the other controls stand.
  get isFresh() {
    const { control, stamp } = this.found;
    const others = [...this.at.keys()].filter((key) => key !== control);
    return !others.length && stamp === this.shown.stamps[control];
  }

  // Words

  show(drawn, key) {
    super.show(drawn, key);
    this.writeWords();
  }

  spoken(readout) {
    this.readoutWords = readout;
    return this.found ? `${this.sentenceHere} ${readout}`.trim() : readout;
  }

  get sentenceHere() {
    return (this.isFresh && this.found.words[this.here]) || "";
  }

  writeWords() {
    if (!this.found) return;
    const { range, said, n, of, metric } = this.found;
    const running = this.found.running && !lrcAsleep.has(this.model);
    const left = running ? ` Training: ${n} of ${of} seeds.` : n < of ? ` Stopped: ${n} of ${of} seeds.` : "";
    const put = (node, text) => node.textContent !== text && (node.textContent = text);
    put(this.sentence, this.sentenceHere);
    put(this.range, this.isFresh ? range : "");
    put(this.made, (n ? said : "") + left);
    this.score.setAttribute("aria-label", `${metric}. ${this.sentenceHere} ${range}`);
  }

  // The picture

  draw() {
    super.draw();
    if (this.drawnGround && this.found) this.drawScore();
  }

  // Both panels, in pixels of a page with plain text: the left one under the rate's, as wide as that.
  places() {
    const [panel] = this.drawnGround.panels;
    const size = textSize(this.score);
    const wide = this.score.clientWidth / size;
    const figure = this.figure.clientWidth / size;
    const left = panel.left * figure;
    const right = left + panel.width * figure;
    const isBeside = wide - figure > LEAST_BESIDE;
    const { top, bottom, between } = SCORE_ROOM;
    const tall = SCORE_TALL - top - bottom;
    const score = { left, right, top, bottom: top + tall };
    const ends = isBeside
      ? { left: figure + between, right: wide - SCORE_ROOM.right, top, bottom: top + tall }
      : { left, right, top: SCORE_TALL + top, bottom: SCORE_TALL + top + tall };
    return { size, wide, tall: isBeside ? SCORE_TALL : 2 * SCORE_TALL, score, ends, isBeside };
  }

  drawScore() {
    const places = this.places();
    if (!places.wide) return; // it is hidden
    const about = JSON.stringify([places, this.found.axes, this.found.texts]);
    if (this.frameOf !== about) this.drawFrame(places);
    this.frameOf = about;
    this.score.classList.toggle("lrt-old", !this.isFresh);
    const { axes, texts } = this.found;
    const share = ({ from, to }, v) => (v - from) / (to - from);
    const { score, ends } = places;
    const at = {
      ...places,
      x: (t) => score.left + share(axes.x, t) * (score.right - score.left),
      y: (v) => score.bottom - share(axes.y, v) * (score.bottom - score.top),
      below: (v) => ends.bottom - share(axes.y, v) * (ends.bottom - ends.top),
      place: (p) => ends.left + ((p + 0.5) / texts.length) * (ends.right - ends.left),
    };
    this.moving.replaceChildren(...this.endsParts(at), ...this.curveParts(at));
    asDrawn(/** @type {any} */ (this.score), this.asNumbers());
  }

  asNumbers() {
    const { found, here } = this;
    const copy = here < 0 ? -1 : found.copy[here];
    return {
      control: found.control,
      text: found.texts[here],
      fresh: this.isFresh,
      n: found.n,
      end: found.end,
      near: found.near,
      best: found.best,
      marks: [...found.marks],
      mean: copy < 0 ? null : [...found.mean(copy)],
      trained: found.all.filter(Number.isFinite).length, // of all curves
    };
  }

  // What stays while you drag.
  drawFrame({ size, wide, tall, score, ends, isBeside }) {
    fill(this.score, { viewBox: `0 0 ${wide} ${tall}`, height: tall * size });
    this.score.style.height = `${tall * size}px`;
    this.root.style.setProperty("--lrx-tall", `${this.score.parentElement.offsetHeight}px`);
    const { axes, metric, label, better, texts } = this.found;
    const best = better === "lower" ? "lowest" : "highest";
    /** @type {Element[]} */
    const parts = [];
    const text = (x, y, words, more = {}) => shape("text", { x, y, class: "lrc-tick", ...more }, words);
    const y = (box, v) =>
      box.bottom - ((v - axes.y.from) / (axes.y.to - axes.y.from)) * (box.bottom - box.top);
    for (const box of [score, ends]) {
      for (const [v, words] of axes.y.ticks) {
        const line = { x1: box.left, x2: box.right, y1: y(box, v), y2: y(box, v), class: "lrc-grid" };
        parts.push(shape("line", line));
        if (box === score || !isBeside)
          parts.push(text(box.left - 7, y(box, v) + 4, words, { "text-anchor": "end" }));
      }
      parts.push(shape("path", { d: `M${box.left} ${box.top}V${box.bottom}H${box.right}`, class: "lrc-spine" }));
    }
    const x = (t) => score.left + ((t - axes.x.from) / (axes.x.to - axes.x.from)) * (score.right - score.left);
    for (const [t, words] of axes.x.ticks)
      parts.push(text(x(t), score.bottom + 16, words, { "text-anchor": "middle" }));
    const middle = { "text-anchor": "middle", class: "lrc-axis" };
    const centre = (box) => (box.left + box.right) / 2;
    const up = (score.top + score.bottom) / 2;
    const upright = score.left > 70; // else there is no room beside the numbers
    parts.push(
      upright
        ? text(14, up, metric, { ...middle, transform: `rotate(-90 14 ${up})` })
        : text(score.left, score.top - 7, metric, { class: "lrc-note" }),
      text(centre(score), score.bottom + 35, axes.x.label, middle),
      text(centre(ends), ends.bottom + 35, label, middle),
      text(isBeside ? ends.left : 4, ends.top - 7, `at the end; shaded: not told from the ${best}`, { class: "lrc-note" }),
    );
    const step = (ends.right - ends.left) / texts.length;
    let last = -Infinity;
    texts.forEach((words, p) => {
      const at = ends.left + (p + 0.5) * step;
      const half = 3.6 * words.length + 4;
      if (at - half < last || at + half > ends.right + 12) return;
      last = at + half;
      parts.push(text(at, ends.bottom + 16, words, { "text-anchor": "middle" }));
    });
    this.frame_.replaceChildren(...parts);
  }

  // The ends: a point for each position with its interval, those not told from the best shaded.
  endsParts({ ends, below, place, score, x, y, isBeside }) {
    const { end, halves, near, best, lost, run, at_marks, copy, until } = this.found;
    const here = this.here;
    const step = (ends.right - ends.left) / end.length;
    const parts = near.map((p) =>
      shape("rect", {
        ...{ x: place(p) - step / 2, y: ends.top, width: step, height: ends.bottom - ends.top },
        ...{ fill: SHADE, opacity: 0.16 },
      }),
    );
    const clamp = (v) => Math.min(Math.max(below(v), ends.top), ends.bottom);
    end.forEach((v, p) => {
      if (v === null) return lost.includes(p) && parts.push(triangle(place(p), ends.top));
      const half = halves[p] ?? 0;
      if (below(v) < ends.top) return parts.push(triangle(place(p), ends.top));
      if (below(v) > ends.bottom) return;
      const d = `M${place(p)} ${clamp(v - half)}V${clamp(v + half)}`;
      parts.push(shape("path", { d, class: "lrt-stroke", "stroke-width": 1 }));
      parts.push(shape("circle", { cx: place(p), cy: below(v), r: 2.6, class: "lrt-ink" }));
    });
    if (best !== null && end[best] !== null)
      parts.push(ring(place(best), clamp(end[best])));
    const v = end[here];
    if (here < 0 || v === undefined) return parts;
    if (v === null) {
      if (lost.includes(here)) parts.push(number(place(here), ends.top + 24, "diverged", "middle"));
      return parts;
    }
    const off = below(v) < ends.top;
    if (off) parts.push(number(place(here), ends.top + 24, v.toPrecision(3), "middle"));
    parts.push(off ? triangle(place(here), ends.top, HERE) : diamond(place(here), below(v)));
    const from = x(at_marks ? Number(this.found.texts[here]) : Math.min(run, until[copy[here]]));
    if (isBeside && !off)
      parts.push(shape("path", { d: `M${from} ${y(v)}H${place(here)}`, class: "lrt-dotted", fill: "none" }));
    return parts;
  }

  // The curves: the ghost, the other schedules, and the position that is shown, with its band.
  curveParts({ score, x, y }) {
    const { found, here } = this;
    const clip = newId("score");
    const box = { x: score.left, y: score.top - 2, width: score.right - score.left, height: score.bottom - score.top + 2 };
    const inside = shape("g", { "clip-path": `url(#${clip})`, class: "lrt-curves" });
    const parts = [shape("clipPath", { id: clip }, shape("rect", box)), inside];
    const length = found.at_marks && here >= 0 ? Number(found.texts[here]) : found.run;
    const labels = [];
    const add = (c, colour, dash, name, width) => {
      const last = lastOf(found.marks, found.mean(c), Math.min(length, found.until[c]));
      if (last < 0) return;
      const points = (values) => pathOf(found.marks, values, last, x, y);
      const line = { fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dash };
      if (name !== found.ghost[0]) {
        const band = bandOf(found.marks, found.mean(c), found.half(c), last, x, y);
        inside.append(shape("path", { d: band, fill: colour, opacity: 0.16 }));
      }
      inside.append(shape("path", { d: points(found.mean(c)), ...line }));
      const value = found.mean(c)[last];
      labels.push({ x: x(found.marks[last]), y: y(value), words: `${name} ${value.toPrecision(3)}` });
    };
    const [ghostName, ghost] = found.ghost;
    if (here < 0 || found.copy[here] !== ghost) add(ghost, GHOST, "5 4", ghostName, 1.4);
    const names = this.model.get("content").names;
    const dashes = (i) => this.looks[i].dash.map((d) => d * 2.2).join(" ");
    for (const [which, c] of found.others) add(c, this.looks[which].colour, dashes(which), names[which].slice(0, 1), 2.2);
    if (here >= 0 && found.copy[here] >= 0) {
      const name = names.length > 1 ? names[found.which].slice(0, 1) : "";
      add(found.copy[here], this.looks[found.which].colour, dashes(found.which), name, 2.2);
    }
    const end = x(length);
    parts.push(shape("path", { d: `M${end} ${score.top}V${score.bottom}`, class: "lrt-run", fill: "none" }));
    return [...parts, ...atEnds(labels, score)];
  }
}

// Small things

// The last mark up to `until` at which there is a score; -1 if there is none.
function lastOf(marks, mean, until) {
  let last = -1;
  for (let m = 0; m < marks.length && marks[m] <= until; m++) if (Number.isFinite(mean[m])) last = m;
  return last;
}

function pathOf(marks, values, last, x, y) {
  let d = "";
  for (let m = 0; m <= last; m++) {
    if (!Number.isFinite(values[m])) continue;
    d += `${d ? "L" : "M"}${x(marks[m]).toFixed(1)} ${far(y(values[m]))}`;
  }
  return d;
}

function bandOf(marks, mean, half, last, x, y) {
  const [over, under] = [[], []];
  for (let m = 0; m <= last; m++) {
    if (!Number.isFinite(half[m])) continue;
    over.push(`${x(marks[m]).toFixed(1)} ${far(y(mean[m] + half[m]))}`);
    under.unshift(`${x(marks[m]).toFixed(1)} ${far(y(mean[m] - half[m]))}`);
  }
  return over.length > 1 ? `M${[...over, ...under].join("L")}Z` : "";
}

// Where a line leaves the picture, its pixels need not be right, but must be numbers that SVG takes.
function far(y) {
  return Math.min(Math.max(y, -5000), 5000).toFixed(1);
}

// Labels beside the ends of curves, none over another; an end above the panel is written into it.
function atEnds(labels, box) {
  const placed = labels.map((one) => ({ ...one, at: Math.min(Math.max(one.y + 4, box.top + 11), box.bottom) }));
  placed.sort((a, b) => a.at - b.at);
  placed.forEach((one, i) => {
    if (i) one.at = Math.max(one.at, placed[i - 1].at + 14);
  });
  return placed.map((one) => {
    const up = one.y < box.top ? "▲ " : "";
    const right = one.x + 6 + 7 * (one.words.length + up.length) < box.right;
    const x = right ? one.x + 6 : one.x - 6;
    return number(x, one.at, up + one.words.trim(), right ? "start" : "end");
  });
}

function number(x, y, words, anchor) {
  return shape("text", { x, y, class: "lrc-tick lrt-number", "text-anchor": anchor }, words);
}

function triangle(x, top, colour = null) {
  const d = `M${x - 4} ${top + 9}L${x} ${top + 2}L${x + 4} ${top + 9}Z`;
  return shape("path", { d, class: colour ? null : "lrt-ink", fill: colour });
}

function diamond(x, y) {
  return shape("path", {
    ...{ d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z` },
    ...{ fill: HERE },
  });
}

function ring(x, y) {
  return shape("circle", { cx: x, cy: y, r: 10, fill: "none", stroke: SHADE, "stroke-width": 2.2 });
}
