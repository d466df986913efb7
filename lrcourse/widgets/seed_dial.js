// @ts-check
// `seed_dial`: draw seeds from a pool, see interval and winner, and what the whole pool says. The
// formulas are those of seed_dial.py.

// The seeds of a draw: n different places of a pool.
/** @param {number} seed @param {number} draw @param {number} n @param {number} size */
function pickedSeeds(seed, draw, n, size) {
  const key = scrambled(scrambled((seed + APART) >>> 0) + draw);
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = 0; i < n; i++) {
    const j = i + Math.floor((scrambled(scrambled(key + i)) / 2 ** 32) * (size - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, n);
}

const meanOf = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0) / values.length;

/** @typedef {{ name: string, mean: number, half: number, true: number, clear: boolean, gaps: number[] }} Compared */
/**
 * @param {[string, number[]][]} entries  name and all scores, the lower the better
 * @param {number[]} at  the seeds
 * @param {number} quantile
 * @returns {{ winner: string, found: Compared[] }}  each of the others against the winner, best first
 */
function comparedOn(entries, at, quantile) {
  const drawn = entries.map(([name, all]) => ({ name, all, row: at.map((i) => all[i]) }));
  drawn.sort((a, b) => meanOf(a.row) - meanOf(b.row));
  const [first, ...others] = drawn;
  const found = others.map(({ name, all, row }) => {
    const gaps = row.map((v, i) => v - first.row[i]);
    const mean = meanOf(gaps);
    const sd = Math.sqrt(gaps.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (gaps.length - 1));
    const half = (quantile * sd) / Math.sqrt(gaps.length);
    return { name, mean, half, true: meanOf(all) - meanOf(first.all), clear: mean - half > 0, gaps };
  });
  return { winner: first.name, found };
}

// One draw as counts: draws, comparisons, clear, wrong among these, sums seen and true, wrong winner.
/** @param {Compared[]} found @param {boolean} wrongWinner */
function countsOf(found, wrongWinner) {
  const clear = found.filter((row) => row.clear);
  const sum = (/** @type {"mean" | "true"} */ name) => clear.reduce((all, row) => all + row[name], 0);
  return [1, found.length, clear.length, clear.filter((row) => row.true < 0).length, sum("mean"), sum("true"), Number(wrongWinner)];
}

const ROW = 30; // px of an entry

function renderSeedDial(model, el) {
  const { title, about, scores, pair, sign, seed, sizes, quantiles, axes } = model.get("content");
  const box = begin(model, el, "seed-dial", title, MOVES_ALONE);
  box.root.classList.add("lrm");
  const all = scores.map(([name, row]) => [name, row.map((/** @type {number} */ v) => sign * v)]);
  const size = all[0][1].length;
  const entriesOf = (/** @type {boolean} */ everyone) => (everyone ? all : all.filter(([name]) => pair.includes(name)));
  const bestOf = (entries) => entries.reduce((a, b) => (meanOf(b[1]) < meanOf(a[1]) ? b : a))[0];

  const mine = hand(model, catchUp);
  let state = structuredClone(model.get("state"));
  /** @type {Plot} */
  let p;
  const place = make("div", {});
  const id = newId("seeds");
  const value = make("output", { for: id });
  const slider = make("input", { type: "range", id, min: 0, max: sizes.length - 1, step: 1, oninput: () => {
    state = { ...state, seeds: sizes[Number(slider.value)], draw: 0 };
    show();
  }, onchange: tell });
  const held = holding(slider);
  const group = newId("entries");
  const choice = (/** @type {boolean} */ everyone, /** @type {string} */ text) => {
    const input = make("input", { type: "radio", name: group, onchange: () => {
      state = { ...state, everyone, draw: 0 };
      build();
      show();
      tell();
    } });
    return { everyone, input, label: make("label", {}, input, text) };
  };
  const choices = [choice(false, `2 entries, ${pair[0]} and ${pair[1]}`), choice(true, `all ${all.length}`)];
  const truth = make("input", { type: "checkbox", onchange: () => {
    state = { ...state, truth: truth.checked };
    show();
    tell();
  } });
  const button = (text, onclick, main = false) => make("button", { type: "button", class: main ? "lrc-main" : null, onclick }, text);
  const draws = (/** @type {number} */ times) => () => {
    drawSeeds(times);
    show();
    tell();
  };
  const said = make("p", { class: "lrc-said lrm-said", role: "status" });
  const say = sayAtRest(said);
  const table = make("table", { class: "lrm-counts" });
  box.body.append(
    ...(about ? [make("p", { class: "lrc-hint" }, about)] : []),
    make("div", { class: "lrc-row", role: "radiogroup", "aria-label": "Who is compared", hidden: all.length === 2 }, choices.map((c) => c.label)),
    make("div", { class: "lrc-row" }, make("label", { for: id }, "seeds in a draw"), slider, value),
    make("div", { class: "lrc-row" }, button("Draw", draws(1), true), button("Draw 100", draws(100)), make("label", {}, truth, "Show the truth")),
    place,
    said,
    make("div", { class: "lrm-scroll", role: "region", tabindex: 0, "aria-label": "What the draws come to" }, table),
    make("div", { class: "lrc-row" }, button("Empty the table", () => {
      state = { ...state, counts: {}, draw: 0 };
      show();
      tell();
    })),
  );

  const setting = () => `${entriesOf(state.everyone).length} entries, ${state.seeds} seeds`;
  const quantileNow = () => quantiles[entriesOf(state.everyone).length][sizes.indexOf(state.seeds)];

  /** @param {number} times */
  function drawSeeds(times) {
    const entries = entriesOf(state.everyone);
    const best = bestOf(entries);
    let row = state.counts[setting()] ?? [0, 0, 0, 0, 0, 0, 0];
    for (let i = 1; i <= times; i++) {
      const { winner, found } = comparedOn(entries, pickedSeeds(seed, state.draw + i, state.seeds, size), quantileNow());
      const more = countsOf(found, winner !== best);
      row = row.map((/** @type {number} */ v, /** @type {number} */ k) => v + more[k]);
    }
    state = { ...state, draw: state.draw + times, counts: { ...state.counts, [setting()]: row } };
  }

  function tell() {
    mine.act("move", state.everyone, state.seeds, state.draw, state.truth, state.counts);
  }

  // The plot has a row for each of the others.
  function build() {
    const rows = entriesOf(state.everyone).length - 1;
    p = plot(axes[rows + 1], { width: p?.width ?? 700, height: 66 + ROW * rows, fixed: true });
    place.querySelector("svg")?.remove();
    place.append(p.svg);
  }

  function show() {
    slider.value = String(sizes.indexOf(state.seeds));
    value.textContent = String(state.seeds);
    slider.setAttribute("aria-valuetext", `${state.seeds} seeds`);
    for (const c of choices) c.input.checked = c.everyone === state.everyone;
    truth.checked = state.truth;
    if (state.draw) showDraw();
    else {
      p.inside.replaceChildren(zero());
      p.above.replaceChildren();
      p.svg.setAttribute("aria-label", "Nothing is drawn yet.");
      said.className = "lrc-said lrm-said";
      say(`A draw takes ${state.seeds} of the ${size} seeds. Nothing is drawn yet.`);
    }
    showCounts();
  }

  const zero = () => shape("path", { d: `M${p.x(0)} ${p.room.t}V${p.height - p.room.b}`, class: "lrc-spine" });

  function showDraw() {
    const entries = entriesOf(state.everyone);
    const { winner, found } = comparedOn(entries, pickedSeeds(seed, state.draw, state.seeds, size), quantileNow());
    p.inside.replaceChildren(
      zero(),
      ...found.flatMap((row, i) => {
        const y = rowAt(i);
        const edge = (/** @type {number} */ v) => Math.min(Math.max(p.x(v), -50), p.width + 50);
        const [low, high] = [edge(row.mean - row.half), edge(row.mean + row.half)];
        return [
          ...row.gaps.map((gap) => shape("circle", { cx: edge(gap), cy: y, r: 2.5, class: "lrm-gap" })),
          shape("path", { d: `M${low} ${y - 5}v10m0 -5H${high}m0 -5v10`, class: `lrm-interval${row.clear ? " lrm-clear" : ""}` }),
          shape("circle", { cx: edge(row.mean), cy: y, r: 5, class: row.clear ? "lrm-clear" : "lrm-unclear" }),
          ...(state.truth ? [shape("path", { d: `M${edge(row.true)} ${y - 8}l6 8l-6 8l-6 -8z`, class: "lrm-truth" })] : []),
        ];
      }),
    );
    const names = found.map((row, i) => shape("text", { x: p.width - p.room.r - 2, y: rowAt(i) - 5, class: "lrc-note lrm-name", "text-anchor": "end" }, row.name));
    p.above.replaceChildren(...names);
    tellDraw(winner, found, bestOf(entries));
  }

  const rowAt = (/** @type {number} */ i) => p.room.t + ROW * (i + 0.6);

  function tellDraw(winner, found, best) {
    const behind = (/** @type {Compared} */ row) =>
      `${row.name} ${short(row.mean)} ± ${short(row.half)}${state.truth ? ` (in truth ${short(row.true)})` : ""}`;
    const clear = found.filter((/** @type {Compared} */ row) => row.clear);
    const wrong = clear.filter((/** @type {Compared} */ row) => row.true < 0);
    const verdict = clear.length === found.length ? "yes" : clear.length ? "in part" : "no";
    const why =
      found.length === 1
        ? clear.length ? "the interval leaves zero out" : "the interval holds zero"
        : `${clear.length} of ${found.length} intervals leave zero out`;
    const words = `Winner on these ${state.seeds} seeds: ${winner}. Behind it: ${found.map(behind).join(", ")}. `;
    const after = state.truth
      ? ` The pool's best is ${best}${best === winner ? ", too" : ""}.${wrong.length ? " A clear difference points the wrong way." : ""}`
      : "";
    p.svg.setAttribute("aria-label", `Differences to the winner with their intervals. ${words}`);
    said.className = `lrc-said lrm-said ${verdict === "yes" ? "lrc-yes" : verdict === "no" ? "lrc-no" : ""}`;
    say(words, make("strong", {}, `Would you have published? ${verdict[0].toUpperCase()}${verdict.slice(1)}`), `: ${why}.${after}`);
  }

  function showCounts() {
    const share = (/** @type {number} */ part, /** @type {number} */ of) => `${Math.round((100 * part) / of)} %`;
    const heads = ["setting", "draws", "clear of zero", "missed", "exaggerated", "plainly wrong", "wrong winner"];
    const rows = Object.entries(state.counts).map(([name, [n, comparisons, clear, wrong, seen, real, winner]]) => [
      name,
      n,
      share(clear, comparisons),
      share(comparisons - clear, comparisons),
      state.truth ? (clear ? `${(seen / real).toFixed(1)} times` : "-") : "?",
      state.truth ? share(wrong, comparisons) : "?",
      state.truth ? share(winner, n) : "?",
    ]);
    table.hidden = !rows.length;
    table.replaceChildren(
      make("caption", {}, state.truth ? "What such draws come to" : "What such draws come to; the truth fills in the rest"),
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row" }, name), cells.map((cell) => make("td", {}, cell))))),
    );
  }

  function catchUp() {
    if (mine.leads() || held()) return;
    const changed = state.everyone !== model.get("state").everyone;
    state = structuredClone(model.get("state"));
    if (changed) build();
    show();
  }

  build();
  const end = follow(model, box, catchUp);
  const wide = { width: p.width, resize: (/** @type {number} */ to) => {
    wide.width = to;
    p.width = to;
  } };
  box.ends.push(mine.end, fit(place, [wide], () => {
    build();
    show();
  }));
  return end;
}

// To the digits that a difference of such runs has.
/** @param {number} v */
function short(v) {
  return Number(v.toPrecision(2)).toString();
}

export default { render: ({ model, el }) => onceFilled(model, () => renderSeedDial(model, el)) };
