// @ts-check
// `trunk_and_branches`: a run at a held rate, stopped anywhere and cooled down, beside a run that was made
// for that length. All training was done before; here it is only looked at.

function renderTrunk(model, el) {
  const { title, about, every, warmup, cool, peak, trunk, rows, curves, most, axes } = model.get("content");
  const box = begin(model, el, "trunk", title, MOVES_ALONE);
  box.root.classList.add("lrm");
  const lengths = rows.map((row) => row.length);
  const above = plot(axes.risk, { height: 260 });
  const below = plot(axes.rate, { height: 130 });
  const line = (/** @type {Plot} */ p, /** @type {string} */ kind) => {
    const drawn = shape("path", { class: `lrc-curve lrc-${kind}` });
    p.inside.append(drawn);
    return drawn;
  };
  const keptLines = shape("g");
  above.inside.append(keptLines);
  const held = line(above, "truth");
  const made = line(above, "level");
  const branch = line(above, "guess");
  const ends = shape("g");
  above.above.append(ends);
  const madeRate = line(below, "level");
  const heldRate = line(below, "truth");
  const branchRate = line(below, "guess");

  const mine = hand(model, catchUp);
  let stop = lengths[0];
  /** @type {number[]} */
  let kept = [];
  const id = newId("stop");
  const value = make("output", { for: id });
  const slider = make("input", { type: "range", id, min: 0, max: lengths.length - 1, step: 1, oninput: () => {
    stop = lengths[Number(slider.value)];
    show();
  }, onchange: tell });
  const inHand = holding(slider);
  const button = (text, onclick) => make("button", { type: "button", onclick }, text);
  const keep = button("Keep this branch", () => {
    kept = [...new Set([...kept, stop])].sort((a, b) => a - b);
    show();
    tell();
  });
  const forget = button("Keep none", () => {
    kept = [];
    show();
    tell();
  });
  const said = make("p", { class: "lrc-said lrm-said", role: "status" });
  const say = sayAtRest(said);
  box.body.append(
    make("p", { class: "lrc-hint" }, about),
    make("div", { class: "lrc-row" }, make("label", { for: id }, "stop at"), slider, value, keep, forget),
    above.svg,
    below.svg,
    key(["truth", "trunk, its rate held"], ["guess", "branch, cooled down"], ["level", "run made for this length"]),
    said,
  );

  function tell() {
    mine.act("move", stop, kept);
  }

  const marks = (/** @type {number} */ last, /** @type {number} */ n) => Array.from({ length: n }, (_, i) => last - every * (n - 1 - i));
  const branchOf = (/** @type {number} */ length) => path(above, marks(length, curves[length].branch.length), curves[length].branch);

  function show() {
    const row = rows[lengths.indexOf(stop)];
    const down = Math.round(cool * stop);
    slider.value = String(lengths.indexOf(stop));
    value.textContent = String(stop);
    slider.setAttribute("aria-valuetext", `${stop} updates`);
    held.setAttribute("d", path(above, marks(every * trunk.length, trunk.length), trunk));
    branch.setAttribute("d", branchOf(stop));
    made.setAttribute("d", path(above, marks(stop, curves[stop].made.length), curves[stop].made));
    keptLines.replaceChildren(...kept.map((length) => shape("path", { d: branchOf(length), class: "lrc-curve lrm-kept" })));
    ends.replaceChildren(
      ...kept.map((length) => shape("circle", { cx: above.x(length), cy: above.y(rows[lengths.indexOf(length)].branch), r: 4, class: "lrm-kept-end" })),
      shape("circle", { cx: above.x(stop), cy: above.y(row.branch), r: 6, class: "lrc-dot" }),
    );
    heldRate.setAttribute("d", path(below, [0, warmup, every * trunk.length], [0, peak, peak]));
    const cooling = Array.from({ length: 41 }, (_, i) => i / 40);
    branchRate.setAttribute("d", path(below, cooling.map((x) => stop - down + x * down), cooling.map((x) => peak * (1 - Math.sqrt(x)))));
    madeRate.setAttribute("d", path(below, [0, stop], [row.peak, 0]));

    const told = Math.abs(row.behind) > row.behind_half;
    const apart = told
      ? `${row.behind > 0 ? "The branch is behind" : "The branch is ahead"} by ${toDigit(Math.abs(row.behind), row.behind_half)} ± ${toDigit(row.behind_half, row.behind_half)}.`
      : `They are not told apart (${toDigit(row.behind, row.behind_half)} ± ${toDigit(row.behind_half, row.behind_half)}).`;
    const where = `Stopped at ${stop}, and cooled down from update ${stop - down} on: ${row.branch.toFixed(3)}. Not cooled down it would be ${row.trunk.toFixed(3)}. The run made for ${stop} updates: ${row.made.toFixed(3)}. `;
    const cost = kept.length
      ? `You keep ${kept.join(", ")}: trunk and branches took ${spentOn(kept)} updates, runs of their own ${kept.reduce((a, b) => a + b)}.`
      : "Keep some branches to see what they cost together.";
    above.svg.setAttribute("aria-label", `Excess risk over updates. The trunk goes from ${trunk[0].toFixed(3)} to ${trunk.at(-1).toFixed(3)}. ${where}`);
    below.svg.setAttribute("aria-label", `The rate: up to ${rounded(peak)} in ${warmup} updates and held; the branch falls from update ${stop - down} to 0 at ${stop}; the run made for it falls in a line from ${rounded(row.peak)}.`);
    say(where, make("strong", {}, apart), " ", cost);
    const focused = document.activeElement;
    keep.disabled = kept.includes(stop) || kept.length >= most;
    forget.disabled = !kept.length;
    passFocus(focused, keep, slider);
    passFocus(focused, forget, slider);
  }

  // Updates for the kept branches: the trunk up to the last, and every cool-down.
  /** @param {number[]} all */
  function spentOn(all) {
    const cooled = all.map((length) => Math.round(cool * length));
    return Math.max(...all.map((length, i) => length - cooled[i])) + cooled.reduce((a, b) => a + b);
  }

  function catchUp() {
    if (mine.leads() || inHand()) return;
    const state = model.get("state");
    if (state.stop === undefined) return;
    ({ stop, kept } = state);
    show();
  }

  box.ends.push(mine.end, fit(box.body, [above, below], show));
  return follow(model, box, catchUp);
}

// A number to the digit that its half-width leaves a meaning.
/** @param {number} v @param {number} half */
function toDigit(v, half) {
  if (!(half > 0)) return rounded(v);
  const first = Math.floor(Math.log10(half));
  const digits = half < 3 * 10 ** first ? 1 : 0;
  return v.toFixed(Math.max(0, digits - first));
}

export default { render: ({ model, el }) => onceFilled(model, () => renderTrunk(model, el)) };
