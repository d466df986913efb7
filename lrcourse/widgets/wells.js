// @ts-check
// `wells`: the same balls in a sharp and a wide well, under schedules side by side. The formulas are
// those of wells.py, in the same order.

/**
 * @typedef {{ sharp: number, wide: number, noise: number, balls: number, seed: number }} TwoWells
 * @param {TwoWells} wells @param {number} x
 */
function inSharp({ sharp, wide }, x) {
  return (sharp / 2) * (x + 1) ** 2 < (wide / 2) * (x - 1) ** 2 - 0.5;
}

/** @param {TwoWells} wells @param {number} x */
function wellsLoss({ sharp, wide }, x) {
  return Math.min((sharp / 2) * (x + 1) ** 2, (wide / 2) * (x - 1) ** 2 - 0.5);
}

// The places of the balls before the first update and after each, and the share that is outside.
/** @param {TwoWells} wells @param {number[]} rates @param {Float64Array[]} noise  of each update */
function rollIn(wells, rates, noise) {
  const { sharp, wide, balls } = wells;
  const path = [new Float64Array(balls).fill(-1)];
  for (const [t, rate] of rates.entries()) {
    const next = path[t].map((x, i) => {
      const slope = inSharp(wells, x) ? sharp * (x + 1) : wide * (x - 1);
      return x - rate * (slope + wells.noise * noise[t][i]);
    });
    path.push(next);
  }
  const escaped = path.map((row) => row.reduce((out, x) => out + (inSharp(wells, x) ? 0 : 1), 0) / balls);
  return { path, escaped };
}

function renderWells(model, el) {
  const { title, steps, factors, limit, schedules, axes, rates, ...wells } = model.get("content");
  const box = begin(model, el, "wells", title, MOVES_ALONE);
  box.root.classList.add("lrm");
  const noise = Array.from({ length: steps }, (_, t) => normals(wells.seed, t, wells.balls)[0]);
  const lift = Array.from({ length: wells.balls }, (_, i) => (0.35 * scrambled(i + 1)) / 2 ** 32);
  const grid = Array.from({ length: 301 }, (_, i) => axes.x.from + ((axes.x.to - axes.x.from) * i) / 300);

  const columns = schedules.map(([name, given]) => {
    const above = plot({ x: { ...axes.x, label: "" }, y: { ...axes.y, label: name } }, { height: 190, small: true });
    const below = plot(rates, { height: 150 });
    const curve_ = shape("path", { class: "lrc-curve lrc-truth" });
    const dots = shape("path", { class: "lrm-dots" });
    const line = shape("path", { class: "lrc-curve lrc-truth" });
    const level = shape("path", { class: "lrc-curve lrc-level" });
    const note = shape("text", { class: "lrc-note lrm-name", "text-anchor": "end" }, "2/h");
    const now = shape("circle", { r: 6, class: "lrc-dot" });
    above.inside.append(curve_, dots);
    below.inside.append(level, line, note);
    below.above.append(now);
    const full = make("span", { class: "lrm-full" });
    const share = make("span", {});
    const bar = make("p", { class: "lrm-share" }, make("span", { class: "lrm-bar", "aria-hidden": "true" }, full), share);
    const place = make("div", {}, above.svg, bar, below.svg);
    return { name, given, above, below, curve: curve_, dots, line, level, note, now, full, share, place, roll: null, rates: given };
  });

  const mine = hand(model, catchUp);
  let at = 0;
  let factor = 1;
  /** @param {string} label @param {number} last @param {(k: number) => void} choose */
  const control = (label, last, choose) => {
    const id = newId("control");
    const value = make("output", { for: id });
    const slider = make("input", { type: "range", id, min: 0, max: last, step: 1, oninput: () => {
      choose(Number(slider.value));
      show();
    }, onchange: tell });
    return { slider, value, held: holding(slider), row: make("div", { class: "lrc-row" }, make("label", { for: id }, label), slider, value) };
  };
  const update = control("update", steps, (k) => {
    run.pause();
    at = k;
  });
  const scale = control("all rates times", factors.length - 1, (k) => {
    factor = factors[k];
    rollAll();
  });
  const run = clock({
    total: steps,
    natural: 20,
    next: update.slider,
    at: () => at,
    forward: (n) => {
      at += n;
      show();
    },
    rest: () => {
      show();
      tell();
    },
  });
  const again = make("button", { type: "button", onclick: () => {
    run.pause();
    at = 0;
    show();
    tell();
  } }, "Start again");
  const said = make("p", { class: "lrc-said lrm-said", role: "status" });
  const say = sayAtRest(said);
  box.body.append(
    make("div", { class: "lrm-columns" }, columns.map((c) => c.place)),
    make("div", { class: "lrc-row" }, run.buttons, again, run.speed),
    update.row,
    scale.row,
    said,
  );

  function rollAll() {
    for (const c of columns) {
      c.rates = c.given.map((/** @type {number} */ rate) => factor * rate);
      c.roll = rollIn(wells, c.rates, noise);
    }
  }

  function tell() {
    mine.act("move", at, factor);
  }

  function show() {
    for (const c of columns) {
      const x = c.roll.path[at];
      const share = `${Math.round(100 * c.roll.escaped[at])} %`;
      const t = Math.min(at, steps - 1);
      c.dots.setAttribute("d", dotted(c.above, x, Array.from(x, (v, i) => wellsLoss(wells, v) + lift[i])));
      c.line.setAttribute("d", stairs(c.below, counted(c.rates), c.rates.map(inPowers)));
      const low = c.below.height - c.below.room.b;
      fill(c.now, { cx: c.below.x(t), cy: Math.min(c.below.y(inPowers(c.rates[t]) ?? -99), low) });
      c.full.style.width = `${100 * c.roll.escaped[at]}%`;
      c.share.textContent = `${share} escaped`;
      c.above.svg.setAttribute("aria-label", `${c.name}: ${wells.balls} balls in a sharp well at -1 and a wide one at 1, after ${at} updates. ${share} have left the sharp one.`);
      c.below.svg.setAttribute("aria-label", `${c.name}: the rate of ${steps} updates, ${rounded(c.rates[t])} at update ${t}; the largest is ${rounded(Math.max(...c.rates))}. 2/h of the sharp well is ${rounded(limit)}.`);
    }
    update.slider.value = String(at);
    update.value.textContent = String(at);
    update.slider.setAttribute("aria-valuetext", `${at} of ${steps}`);
    scale.slider.value = String(nearest(factors, factor));
    scale.value.textContent = rounded(factor);
    scale.slider.setAttribute("aria-valuetext", rounded(factor));
    const states = columns.map((c) => {
      const rate = at < steps ? `at rate ${rounded(c.rates[at])}` : "at the end";
      return `${c.name} ${Math.round(100 * c.roll.escaped[at])} %, ${rate}`;
    });
    const first = columns.map((c) => c.roll.escaped.findIndex((share) => share >= 0.5));
    const half = columns.flatMap((c, i) => (first[i] >= 0 && first[i] <= at ? [`${c.name} at update ${first[i]}`] : []));
    say(
      `After ${at} of ${steps} updates, all rates times ${rounded(factor)}, escaped: ${states.join("; ")}. `,
      half.length ? `Half were out: ${half.join("; ")}.` : "",
    );
    run.show();
  }

  function catchUp() {
    if (run.playing() || mine.leads() || update.held() || scale.held()) return;
    const state = model.get("state");
    at = state.update;
    if (state.factor !== factor || !columns[0].roll) {
      factor = state.factor;
      rollAll();
    }
    show();
  }

  function drawGround() {
    for (const { above, below, curve, level, note } of columns) {
      curve.setAttribute("d", path(above, grid, grid.map((x) => wellsLoss(wells, x))));
      const y = Math.log10(limit);
      level.setAttribute("d", path(below, [rates.x.from, rates.x.to], [y, y]));
      fill(note, { x: below.width - below.room.r - 2, y: below.y(y) - 5 });
    }
  }

  drawGround();
  const end = follow(model, box, catchUp);
  box.ends.push(
    mine.end,
    run.end,
    ...columns.map((c) =>
      fit(c.place, [c.above, c.below], () => {
        drawGround();
        show();
      }),
    ),
  );
  return end;
}

export default { render: ({ model, el }) => onceFilled(model, () => renderWells(model, el)) };
