// @ts-check
// `sharpness`: the rate against 2/h over a run of two weights, and a map of what was tried. The formulas
// are those of sharpness.py, in the same order.

/** @param {number} done */
function halfWave(done) {
  return toBillionths((1 + Math.cos(Math.PI * done)) / 2);
}

/** @param {number} peak @param {number} rise @param {number} steps */
function wave(peak, rise, steps) {
  const [top, last, end] = [rise * steps - 1, steps - 1, peak / 250000];
  return Array.from({ length: steps }, (_, t) => {
    if (top <= 0) return end + (peak - end) * halfWave(t / last);
    if (t <= top) return peak + (peak / 25 - peak) * halfWave(Math.min(t / top, 1));
    return end + (peak - end) * halfWave(Math.max((t - top) / (last - top), 0));
  });
}

/**
 * @param {{ start: number[], noise: number, seed: number, far: number }} model
 * @param {number[]} rates
 */
function twoWeights({ start, noise, seed, far }, rates) {
  let [u, v] = start;
  const path = [[u, v]];
  for (const [t, rate] of rates.entries()) {
    const error = u * v - 1;
    const [[a], [b]] = normals(seed, t, 1);
    [u, v] = [u - rate * (error * v + noise * a), v - rate * (error * u + noise * b)];
    if (!(Math.abs(u) + Math.abs(v) < far)) break;
    path.push([u, v]);
  }
  const out = path.length <= rates.length ? path.length : null;
  return { h: path.map(([x, y]) => x * x + y * y), out, survives: out === null && Math.abs(u * v - 1) < 0.1 };
}

function renderSharpness(model, el) {
  const { title, steps, peaks, rises, axes, map, ...two } = model.get("content");
  const box = begin(model, el, "sharpness", title, MOVES_ALONE);
  box.root.classList.add("lrm");
  const run = plot(axes, { height: 250 });
  const seen = plot(map, { height: 250 });
  const rateLine = shape("path", { class: "lrc-curve lrc-truth" });
  const limitLine = shape("path", { class: "lrc-curve lrc-guess" });
  run.inside.append(limitLine, rateLine);
  const marks = shape("g");
  seen.inside.append(marks);

  const mine = hand(model, catchUp);
  /** @type {Map<string, [number, number, boolean]>} */
  let tried = new Map();
  let [peak, rise] = [peaks[0], rises[0]];
  /** @param {string} label @param {number[]} values @param {(k: number) => void} choose */
  const control = (label, values, choose) => {
    const id = newId("control");
    const value = make("output", { for: id });
    const slider = make("input", {
      type: "range",
      id,
      min: 0,
      max: values.length - 1,
      step: 1,
      oninput: () => {
        choose(values[Number(slider.value)]);
        show();
      },
      onchange: tell,
    });
    return { slider, value, held: holding(slider), row: make("div", { class: "lrc-row" }, make("label", { for: id }, label), slider, value) };
  };
  const peakControl = control("peak", peaks, (v) => (peak = v));
  const riseControl = control("length of the rise", rises, (v) => (rise = v));
  const said = make("p", { class: "lrc-said lrm-said", role: "status" });
  const say = sayAtRest(said);
  const forget = make("button", { type: "button", onclick: () => {
    tried = new Map();
    show();
    mine.act("forget");
  } }, "Empty the map");
  const places = [make("div", {}, run.svg), make("div", {}, seen.svg)];
  box.body.append(
    peakControl.row,
    riseControl.row,
    make("div", { class: "lrm-pair" }, places),
    key(["truth", "the rate"], ["guess", "2/h: above it, a bottom holds nothing"]),
    make("div", { class: "lrc-row" }, make("span", { class: "lrc-hint" }, "The map: ● survived, ✕ did not, ○ around what you see."), forget),
    said,
  );

  function tell() {
    mine.act("move", peak, rise, [...tried.values()]);
  }

  function show() {
    const rates = wave(peak, rise, steps);
    const { h, out, survives } = twoWeights(two, rates);
    tried.set(`${peak} ${rise}`, [peak, rise, survives]);
    const limits = h.map((v) => 2 / v);
    rateLine.setAttribute("d", path(run, counted(rates), rates.map(inPowers)));
    limitLine.setAttribute("d", path(run, counted(limits), limits.map(inPowers)));
    const texts = [rounded(peak), `${rounded(100 * rise)} %`];
    for (const [i, { slider, value }] of [peakControl, riseControl].entries()) {
      slider.value = String(i ? rises.indexOf(rises.reduce((a, b) => (Math.abs(b - rise) < Math.abs(a - rise) ? b : a))) : nearest(peaks, peak));
      value.textContent = texts[i];
      slider.setAttribute("aria-valuetext", texts[i]);
    }
    drawMap();
    const first = limits.findIndex((limit, t) => t < rates.length && rates[t] > limit);
    const pushed = first < 0 ? "The rate is never above 2/h." : `The rate is above 2/h for the first time at update ${first}.`;
    const fate = survives
      ? `It began with h = ${rounded(h[0])} and ends at a bottom with h = ${rounded(h[steps])}, 2/h = ${rounded(limits[steps])}.`
      : out === null
        ? "But after the last update it is not at a bottom yet."
        : `It began with h = ${rounded(h[0])}, swings too far, and is out of sight after update ${out - 1}.`;
    const name = survives ? "✓ Survives. " : out === null ? "✗ Does not arrive. " : "✗ Diverges. ";
    const what = `Peak ${texts[0]}, ${rise ? `reached after ${texts[1]} of the run` : "from the first update on"}. `;
    run.svg.setAttribute("aria-label", `The rate and 2/h over ${steps} updates. ${what}${pushed} ${fate}`);
    said.className = `lrc-said lrm-said ${survives ? "lrc-yes" : "lrc-no"}`;
    say(make("strong", {}, name), what, pushed, " ", fate);
  }

  // Every pair of values that was tried: at which peaks each rise survived.
  function drawMap() {
    const at = (/** @type {any[]} */ [p, r]) => [seen.x(placeOf(rises, r)), seen.y(Math.log10(p))];
    const all = [...tried.values()];
    const [x, y] = at([peak, rise]);
    marks.replaceChildren(
      ...all.map((row) => {
        const [px, py] = at(row);
        return row[2]
          ? shape("circle", { cx: px, cy: py, r: 3, class: "lrm-survived" })
          : shape("path", { d: `M${px - 3} ${py - 3}l6 6m0 -6l-6 6`, class: "lrm-lost" });
      }),
      shape("circle", { cx: x, cy: y, r: 7, class: "lrm-here" }),
    );
    const survived = all.filter((row) => row[2]);
    const best = survived.length ? survived.reduce((a, b) => (b[0] > a[0] ? b : a)) : null;
    const most = best ? ` The largest peak that survived: ${rounded(best[0])}, with a rise of ${rounded(100 * best[1])} %.` : "";
    seen.svg.setAttribute("aria-label", `Map of ${all.length} tried: ${survived.length} survived.${most}`);
  }

  function catchUp() {
    if (mine.leads() || peakControl.held() || riseControl.held()) return;
    const state = model.get("state");
    if (state.peak === undefined) return;
    ({ peak, rise } = state);
    tried = new Map(state.tried.map((row) => [`${row[0]} ${row[1]}`, row]));
    show();
  }

  box.ends.push(mine.end, ...[run, seen].map((p, i) => fit(places[i], [p], show)));
  return follow(model, box, catchUp);
}

// Where a value is between those of a list that grows, as a place in it.
/** @param {number[]} values @param {number} v */
function placeOf(values, v) {
  const i = Math.max(1, values.findIndex((known, k) => known >= v || k === values.length - 1));
  return i - 1 + (v - values[i - 1]) / (values[i] - values[i - 1]);
}

export default { render: ({ model, el }) => onceFilled(model, () => renderSharpness(model, el)) };
