// @ts-check
// `cloud`: noisy balls in a long valley, and a rate that is dragged while they roll. The formulas are
// those of cloud.py, in the same order, so that both come to the same numbers.

/**
 * @typedef {{ h: number[], kick: number[], start: number[], balls: number, seed: number }} Valley
 * @param {Valley} valley
 */
function cloudIn({ h, kick, start, balls, seed }) {
  const at = start.map((v) => new Float64Array(balls).fill(v));
  const centre = [...start];
  const square = [0, 0];
  /** @type {number[]} */
  const used = [];
  const measured = () => {
    let loss = 0;
    const width = at.map((row, way) => {
      let [sum, squares] = [0, 0];
      for (const v of row) sum += v;
      for (const v of row) squares += (v - sum / balls) ** 2;
      for (const v of row) loss += (h[way] * v * v) / 2 / balls;
      return Math.sqrt(squares / balls);
    });
    const expected = h.reduce((all, hi, way) => all + (hi * (centre[way] ** 2 + square[way])) / 2, 0);
    return { loss, expected, width, theory: square.map(Math.sqrt), centre: at.map((row) => row.reduce((a, b) => a + b) / balls) };
  };
  const history = [measured()];
  return {
    at,
    used,
    history,
    /** @param {number} rate */
    update(rate) {
      const z = normals(seed, used.length, balls);
      for (const way of [0, 1]) {
        const [row, noise] = [at[way], z[way]];
        for (let i = 0; i < balls; i++) row[i] = row[i] - rate * (h[way] * row[i] + kick[way] * noise[i]);
        const shrink = 1 - rate * h[way];
        centre[way] = shrink * centre[way];
        square[way] = shrink ** 2 * square[way] + (rate * kick[way]) ** 2;
      }
      used.push(rate);
      history.push(measured());
    },
  };
}

// A list of rates as its changes, [[update, the rate from then on], ...], and back.
/** @param {number[]} used @param {number} next */
function changesOf(used, next) {
  const all = [...used, next];
  return all.flatMap((rate, t) => (t === 0 || rate !== all[t - 1] ? [[t, rate]] : []));
}

/** @param {[number, number][]} changes @param {number} t */
function ratesOf(changes, t) {
  const rates = [];
  for (const [i, [from, rate]] of changes.entries())
    for (let s = from; s < Math.min(changes[i + 1]?.[0] ?? t, t); s++) rates.push(rate);
  return rates;
}

const CLEARLY = 0.995; // below what there is to beat: to do the same is not to beat it

function renderCloud(model, el) {
  const { title, steps, rates, targets, axes, ...valley } = model.get("content");
  const box = begin(model, el, "cloud", title, MOVES_ALONE);
  box.root.classList.add("lrm");
  const above = plot(axes.valley, { height: 210 });
  const left = plot(axes.rate, { height: 170 });
  const right = plot(axes.width, { height: 170 });
  const contours = shape("g", { "aria-hidden": "true" });
  const dots = shape("path", { class: "lrm-dots" });
  above.inside.append(contours, dots);
  const line = shape("path", { class: "lrc-curve lrc-truth" });
  const now = shape("circle", { r: 6, class: "lrc-dot" });
  left.inside.append(line);
  left.above.append(now);
  const widths = [0, 1].map((way) => ({
    way,
    real: shape("path", { class: `lrc-curve lrc-${["along", "across"][way]}` }),
    ideal: shape("path", { class: "lrc-curve lrc-theory" }),
  }));
  right.inside.append(...widths.map(({ real }) => real), ...widths.map(({ ideal }) => ideal));

  const mine = hand(model, catchUp);
  let cloud = cloudIn(valley);
  let rate = rates[0];
  const id = newId("rate");
  const value = make("output", { for: id });
  const slider = make("input", {
    type: "range",
    id,
    min: 0,
    max: rates.length - 1,
    step: 1,
    oninput: () => {
      rate = rates[Number(slider.value)];
      show();
    },
    onchange: () => run.playing() || tell(),
  });
  const held = holding(slider);
  const again = make("button", { type: "button", onclick: restart }, "Start again");
  const run = clock({
    total: steps,
    natural: 20,
    next: again,
    at: () => cloud.used.length,
    forward: (n) => {
      for (let i = 0; i < n; i++) cloud.update(rate);
      show();
    },
    rest: () => {
      show();
      tell();
    },
  });
  const said = make("p", { class: "lrc-said lrm-said", role: "status" });
  const say = sayAtRest(said);
  const places = [make("div", {}, left.svg), make("div", {}, right.svg)];
  box.body.append(
    above.svg,
    make("div", { class: "lrc-row" }, make("label", { for: id }, "learning rate"), slider, value),
    make("div", { class: "lrc-row" }, run.buttons, again, run.speed),
    make("div", { class: "lrm-pair" }, places),
    key(["along", "width along"], ["across", "width across"], ["theory", "what theory says of both"]),
    said,
  );

  function restart() {
    run.pause();
    cloud = cloudIn(valley);
    show();
    tell();
  }

  function tell() {
    mine.act("drive", changesOf(cloud.used, rate), cloud.used.length);
  }

  function show() {
    const t = cloud.used.length;
    const { width, theory, loss, expected, centre } = cloud.history[t];
    slider.value = String(nearest(rates, rate));
    value.textContent = rounded(rate);
    slider.setAttribute("aria-valuetext", rounded(rate));
    dots.setAttribute("d", dotted(above, cloud.at[0], cloud.at[1]));
    const drawn = [...cloud.used, rate];
    line.setAttribute("d", stairs(left, counted(drawn), drawn.map(inPowers)));
    fill(now, { cx: left.x(t), cy: left.y(Math.log10(rate)) });
    for (const { way, real, ideal } of widths)
      for (const [drawn, name] of /** @type {[SVGPathElement, string][]} */ ([[real, "width"], [ideal, "theory"]]))
        drawn.setAttribute("d", path(right, counted(cloud.history), cloud.history.map((h) => inPowers(h[name][way]))));
    above.svg.setAttribute("aria-label", inWords.cloud(centre, width, valley.balls));
    left.svg.setAttribute("aria-label", `The rate so far: ${inWords.rates(cloud.used, rate)}`);
    right.svg.setAttribute(
      "aria-label",
      `Width of the cloud after ${t} updates: along ${rounded(width[0])}, theory ${rounded(theory[0])}; ` +
        `across ${rounded(width[1])}, theory ${rounded(theory[1])}.`,
    );
    const where = `After ${t} of ${steps} updates, with the rate at ${rounded(rate)}: loss ${inWords.short(loss)}, expected ${inWords.short(expected)}. ` +
      `Width along ${inWords.short(width[0])} (theory ${inWords.short(theory[0])}), across ${inWords.short(width[1])} (theory ${inWords.short(theory[1])}). `;
    const beaten = t === steps ? targets.filter(([, , target]) => expected < CLEARLY * target) : [];
    said.className = `lrc-said lrm-said ${t < steps ? "" : beaten.length ? "lrc-yes" : "lrc-no"}`;
    say(where, make("br"), ...inWords.game(targets, beaten, t === steps));
    run.show();
  }

  function catchUp() {
    if (run.playing() || mine.leads() || held()) return;
    const { changes, t } = model.get("state");
    const known = changesOf(cloud.used, rate);
    if (cloud.used.length === t && String(known) === String(changes)) return show();
    cloud = cloudIn(valley);
    for (const r of ratesOf(changes, t)) cloud.update(r);
    rate = changes.at(-1)[1];
    show();
  }

  function drawContours() {
    const levels = [0.02, 0.1, 0.3, 0.7];
    contours.replaceChildren(
      ...levels.map((level) => {
        const [rx, ry] = valley.h.map((h) => Math.sqrt((2 * level) / h));
        const [cx, cy] = [above.x(0), above.y(0)];
        return shape("ellipse", { cx, cy, rx: above.x(rx) - cx, ry: cy - above.y(ry), class: "lrm-contour" });
      }),
      shape("path", { d: `M${above.x(0) - 6} ${above.y(0)}h12m-6 -6v12`, class: "lrm-contour" }),
    );
  }

  box.ends.push(
    mine.end,
    run.end,
    fit(box.body, [above], () => {
      drawContours();
      show();
    }),
    ...[left, right].map((p, i) => fit(places[i], [p], show)),
  );
  drawContours();
  return follow(model, box, catchUp);
}

const inWords = {
  short: (/** @type {number} */ v) => (Number.isFinite(v) ? (Math.abs(v) < 1e4 ? String(Number(v.toPrecision(2))) : "beyond all bounds") : "beyond all bounds"),
  /** @param {number[]} centre @param {number[]} width @param {number} balls */
  cloud: (centre, width, balls) =>
    `${balls} balls seen from above: centre ${inWords.short(centre[0])} along the valley and ${inWords.short(centre[1])} across, ` +
    `width ${inWords.short(width[0])} along and ${inWords.short(width[1])} across. The lowest place is at 0, 0.`,
  /** @param {number[]} used @param {number} next */
  rates(used, next) {
    const changes = changesOf(used, next);
    const few = changes.length > 6 ? [...changes.slice(0, 2), null, ...changes.slice(-3)] : changes;
    return few.map((c) => (c ? `${rounded(c[1])} from update ${c[0]}` : `${changes.length - 5} more changes`)).join(", ");
  },
  /** @param {[string, number, number][]} targets */
  game(targets, beaten, over) {
    const to = ([name, , loss]) => `${name} (${inWords.short(loss)})`;
    if (!over) return ["To beat, by the expected loss at the end: ", targets.map(to).join(", "), "."];
    const left = targets.filter((t) => !beaten.includes(t));
    return [
      beaten.length ? make("strong", {}, `✓ Beaten: ${beaten.map(to).join(", ")}. `) : make("strong", {}, "✗ Nothing beaten yet. "),
      left.length ? `Still ahead of you: ${left.map(to).join(", ")}.` : "There is nothing left to beat.",
    ];
  },
};

export default { render: ({ model, el }) => onceFilled(model, () => renderCloud(model, el)) };
