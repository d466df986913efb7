// @ts-check
// `choose`: pick a sketch, commit, and see which one is true.

function renderChoice(model, el) {
  const { question, axes, sketches } = model.get("content");
  const box = begin(model, el, "choose", question);
  const group = newId("choice");
  const mine = hand(model, show);
  const cards = sketches.map((sketch) => {
    const p = plot(axes, { width: 168, height: 130, small: true, label: sketch.words });
    const line = shape("path", { class: "lrc-curve lrc-truth" });
    p.inside.append(line);
    p.svg.id = newId("sketch");
    const draw = () => line.setAttribute("d", stairs(p, steps(sketch.rates), sketch.rates));
    draw();
    const input = make("input", {
      type: "radio",
      name: group,
      value: sketch.name,
      "aria-describedby": p.svg.id,
      onchange: () => mine.act("choose", sketch.name),
    });
    const mark = make("span", { class: "lrc-verdict" });
    const name = make("span", {}, `(${sketch.letter}) `, prose(sketch.name));
    const card = make("label", { class: "lrc-card" }, make("span", {}, input, name), mark, p.svg);
    return { name: sketch.name, input, mark, card, p, draw };
  });
  const commit = make(
    "button",
    { type: "button", class: "lrc-main lrc-asks", onclick: () => act(model, "commit") },
    "Commit my guess",
  );
  const said = make("div", { class: "lrc-said", role: "status", tabindex: -1 });
  box.body.append(
    make(
      "div",
      { class: "lrc-cards", role: "radiogroup", "aria-labelledby": box.root.getAttribute("aria-labelledby") },
      cards.map((c) => c.card),
    ),
    make("div", { class: "lrc-row" }, commit),
    said,
  );
  const plots = cards.map((c) => c.p);
  box.ends.push(
    mine.end,
    fit(cards[0].card, plots, () => cards.forEach((c) => c.draw())),
  );

  function show() {
    const state = model.get("state");
    if (mine.leads()) return;
    for (const { name, input, mark, card } of cards) {
      input.checked = name === state.chosen;
      input.disabled = state.committed && !input.checked;
      const words = [];
      if (state.committed && name === state.answer) words.push("✓ the true one");
      if (state.committed && name === state.chosen)
        words.push(state.waiting ? "your vote" : state.right ? "your guess" : "✗ your guess");
      mark.textContent = words.join(", ");
      card.classList.toggle("lrc-yes", state.committed && name === state.answer);
      card.classList.toggle("lrc-no", state.committed && !state.waiting && name === state.chosen && !state.right);
    }
    said.replaceChildren();
    const held = document.activeElement;
    commit.hidden = state.committed;
    passFocus(held, commit, said);
    if (state.says) said.append(make("p", {}, state.says));
    said.className = "lrc-said";
    if (!state.committed || state.waiting) return;
    said.className = `lrc-said ${state.right ? "lrc-yes" : "lrc-no"}`;
    const verdict = state.right
      ? `✓ Right: “${state.answer}”. `
      : `✗ Your guess was “${state.chosen}”. The true one is “${state.answer}”. `;
    said.prepend(
      make("p", {}, make("strong", {}, verdict)),
      ...state.because.map(([name, why]) =>
        make("p", {}, make("strong", {}, prose(name), ": "), prose(why)),
      ),
    );
  }

  return follow(model, box, show);
}

// `draw`: move a few points, commit, and see the drawing against the truth.

function renderDrawing(model, el) {
  const { question, axes } = model.get("content");
  const box = begin(model, el, "draw", question);
  const p = plot(axes, { height: 290, role: "group", label: "Your drawing: points to move" });
  const hint = make(
    "p",
    { class: "lrc-hint", id: newId("hint") },
    "Drag the points. Or go to a point with Tab and move it with the arrow keys: up and down for the rate, left and right for the update; Page Up and Page Down take larger steps.",
  );
  const truth = shape("path", { class: "lrc-curve lrc-truth" });
  const first = shape("path", { class: "lrc-curve lrc-first" });
  const line = shape("path", { class: "lrc-curve lrc-guess" });
  const gap = shape("path", { class: "lrc-gap" });
  p.inside.append(truth, first, line, gap);

  let held = null; // the point in hand
  const mine = hand(model, draw);
  let points = [];
  let open = true;
  const end = axes.x.to;
  const top = axes.y.to;
  const limit = (v, low, high) => Math.min(Math.max(v, low), high);

  const handles = model.get("state").points.map((_, i) => {
    const handle = shape("g", {
      class: "lrc-handle",
      role: "slider",
      tabindex: 0,
      "aria-orientation": "vertical",
      "aria-valuemin": 0,
      "aria-valuemax": rounded(top),
      "aria-describedby": hint.id,
    });
    handle.append(shape("circle", { r: 20, class: "lrc-touch" }), shape("circle", { r: 8, class: "lrc-dot" }));
    handle.addEventListener("pointerdown", (event) => {
      if (!open || event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      held = i;
      handle.classList.add("lrc-held");
      handle.focus();
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!open || !handle.hasPointerCapture(event.pointerId)) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        p.svg.getScreenCTM().inverse(),
      );
      move(i, p.inverse.x(at.x), p.inverse.y(at.y));
    });
    // However the drag ends: let go, or taken away by the browser, what was drawn counts.
    handle.addEventListener("lostpointercapture", () => {
      held = null;
      handle.classList.remove("lrc-held");
      send();
    });
    // A finger on a point draws; beside the points it scrolls the page.
    handle.addEventListener("touchstart", (event) => open && event.preventDefault(), { passive: false });
    handle.addEventListener("keydown", (event) => {
      const step = {
        ArrowUp: [0, 0.02], ArrowDown: [0, -0.02], PageUp: [0, 0.1], PageDown: [0, -0.1],
        ArrowRight: [1, 0], ArrowLeft: [-1, 0], Home: [0, -1], End: [0, 1],
      }[event.key];
      if (!step || !open) return;
      event.preventDefault();
      move(i, points[i][0] + step[0] * Math.max(1, Math.round(end / 100)), points[i][1] + step[1] * top);
      send();
    });
    return handle;
  });
  p.above.append(...handles);

  // The ends keep their update; the others stay between their neighbours.
  function move(i, t, rate) {
    if (p.svg.closest("fieldset:disabled")) return;
    const last = points.length - 1;
    const step =
      i === 0 ? 0 : i === last ? end : limit(Math.round(t), points[i - 1][0] + 1, points[i + 1][0] - 1);
    points[i] = [step, limit(rate, 0, top)];
    show();
  }

  function through(places) {
    return path(p, places.map((q) => q[0]), places.map((q) => q[1]));
  }

  function send() {
    if (open) mine.act("draw", points);
  }

  function show() {
    line.setAttribute("d", through(points));
    points.forEach(([t, rate], i) => {
      handles[i].setAttribute("transform", `translate(${p.x(t)} ${p.y(rate)})`);
      handles[i].setAttribute("aria-valuenow", rounded(rate));
      handles[i].setAttribute("aria-valuetext", `rate ${rounded(rate)} at update ${t}`);
      handles[i].setAttribute("aria-label", `Point ${i + 1} of ${points.length}`);
    });
  }

  const commit = make(
    "button",
    { type: "button", class: "lrc-main lrc-asks", onclick: () => act(model, "commit") },
    "Commit my drawing",
  );
  const again = make("button", { type: "button", class: "lrc-asks", onclick: () => act(model, "again") }, "Try again");
  const said = make("div", { class: "lrc-said", role: "status" });
  const legend = make("div");
  box.body.append(hint, p.svg, legend, make("div", { class: "lrc-row" }, commit, again), said);

  box.ends.push(mine.end, fit(box.body, [p], draw));

  function draw() {
    const state = model.get("state");
    open = !state.committed;
    if (held === null && !mine.leads()) points = state.points.map((q) => [...q]);
    show();
    const focused = document.activeElement;
    commit.hidden = !open;
    again.hidden = open || state.waiting;
    passFocus(focused, commit, again);
    passFocus(focused, again, handles[0]);
    hint.hidden = !open;
    for (const handle of handles) {
      handle.setAttribute("aria-disabled", String(!open));
      handle.setAttribute("tabindex", open ? "0" : "-1");
      handle.classList.toggle("lrc-still", !open);
    }
    const redrawn = !open && !state.waiting && String(state.first) !== String(state.points);
    const at = state.worst;
    const closed = open || state.waiting;
    truth.setAttribute("d", closed ? "" : stairs(p, steps(state.truth), state.truth));
    first.setAttribute("d", redrawn ? through(state.first) : "");
    gap.setAttribute("d", closed ? "" : through([[at, heightAt(points, at)], [at, state.truth[at]]]));
    legend.replaceChildren(...(closed ? [] : [keyOf(redrawn)]));
    // Only what is new is put in, so that a screen reader says it once.
    const words = closed ? state.says : state.words;
    if (!words) said.replaceChildren();
    else if (said.textContent !== words) said.replaceChildren(make("p", {}, words));
  }

  return follow(model, box, draw);
}

function keyOf(redrawn) {
  return key(
    ["truth", "the true rate"],
    ["guess", "your drawing"],
    ...(redrawn ? [["first", "your first drawing"]] : []),
    ["gap", "where they differ most"],
  );
}

// The height of a line through points, at t.
function heightAt(points, t) {
  const i = Math.max(1, points.findIndex(([x]) => x >= t));
  const [[a, low], [b, high]] = [points[i - 1], points[i]];
  return low + ((t - a) / (b - a)) * (high - low);
}

export default {
  render: ({ model, el }) =>
    onceFilled(model, () =>
      (model.get("content").kind === "choose" ? renderChoice : renderDrawing)(model, el),
    ),
};
