// @ts-check
// `play`: walk along a run that Python computed. `ball`: pick the run of one rate.

function landscape({ axes, grid, height, words }, options) {
  const p = plot(axes, { label: words, ...options });
  const line = shape("path", { class: "lrc-curve lrc-truth" });
  const draw = () => line.setAttribute("d", path(p, grid, height));
  draw();
  const trail = shape("path", { class: "lrc-curve lrc-trail" });
  const dots = shape("g", { "aria-hidden": "true" });
  const ball = shape("circle", { r: 8, class: "lrc-dot" });
  const note = shape("text", { class: "lrc-note", "text-anchor": "middle" });
  p.inside.append(line, trail, dots);
  p.above.append(ball, note);
  return { p, trail, dots, ball, note, draw };
}

// Put the ball at (x, y); at the edge, with a note, when that is outside the picture.
function place({ p, ball, note }, x, y) {
  note.textContent = "";
  ball.style.display = x == null || y == null ? "none" : "";
  if (x == null || y == null) {
    note.textContent = "out of sight";
    fill(note, { x: p.width / 2, y: p.room.t + 16 });
    return;
  }
  const clamp = (v, low, high) => Math.min(Math.max(v, low), high);
  const px = clamp(p.x(x), p.room.l, p.width - p.room.r);
  const py = clamp(p.y(y), p.room.t, p.height - p.room.b);
  fill(ball, { cx: px, cy: py });
  if (Math.abs(px - p.x(x)) < 1 && Math.abs(py - p.y(y)) < 1) return;
  note.textContent = `${p.x(x) < p.width / 2 ? "◀" : "▶"} outside: x = ${rounded(x)}`;
  fill(note, { x: clamp(px, 120, p.width - 120), y: p.room.t + 16 });
}

function renderPlayer(model, el) {
  const { title, frames, sentences, above, below } = model.get("content");
  const box = begin(model, el, "player", title);
  const top = landscape(above, { height: 230 });
  const bottom = plot(below.axes, { height: 190, label: below.words });
  drawRates(bottom, below);
  const dot = shape("circle", { r: 7, class: "lrc-dot" });
  bottom.above.append(dot);

  const mine = hand(model, catchUp);
  let at = model.get("state").update;
  let playing = false;
  const button = (text, label, onclick) =>
    make("button", { type: "button", "aria-label": label, title: label, onclick }, text);
  const toggle = button("▶ Play", "Play", () => (playing ? pause() : start()));
  toggle.classList.add("lrc-main");
  const slider = make("input", {
    type: "range",
    min: 0,
    max: frames - 1,
    step: 1,
    "aria-label": "Update",
    oninput: () => {
      pause();
      show(Number(slider.value));
    },
    onchange: tell,
  });
  const natural = [1, 2, 5, 10, 30, 100].find((v) => v >= frames / 10) ?? 100;
  const speed = make(
    "select",
    {},
    [1, 2, 5, 10, 30, 100].map((v) =>
      make("option", { value: v, selected: v === natural }, `${v} updates a second`),
    ),
  );
  const held = holding(slider);
  const said = make("p", { class: "lrc-said", role: "status" });
  const say = sayAtRest(said);
  box.body.append(
    top.p.svg,
    bottom.svg,
    make(
      "div",
      { class: "lrc-row" },
      button("◀", "One update back", () => step(-1)),
      toggle,
      button("▶", "One update forward", () => step(1)),
      slider,
      make("label", {}, "Speed", speed),
    ),
    said,
  );

  function show(i) {
    at = i;
    slider.value = i;
    slider.setAttribute("aria-valuetext", sentences[i]);
    const from = Math.max(0, i - 60);
    top.trail.setAttribute(
      "d",
      above.x === above.grid ? "" : path(top.p, above.x.slice(from, i + 1), above.y.slice(from, i + 1)),
    );
    place(top, above.x[i], above.y[i]);
    top.p.svg.setAttribute("aria-label", `${above.words} ${sentences[i]}`);
    const t = Math.min(i, below.rates.length - 1);
    fill(dot, { cx: bottom.x(t), cy: bottom.y(below.rates[t]) });
    say(sentences[i]);
  }

  function tell() {
    mine.act("go", at);
  }

  function step(by) {
    pause();
    show(Math.min(Math.max(at + by, 0), frames - 1));
    tell();
  }

  function start() {
    if (at === frames - 1) show(0);
    playing = true;
    toggle.textContent = "❚❚ Pause";
    toggle.setAttribute("aria-label", "Pause");
    toggle.title = "Pause";
    let last = performance.now();
    const tick = (now) => {
      if (!playing || !box.root.isConnected) return;
      const moved = Math.floor(((now - last) / 1000) * Number(speed.value));
      if (moved > 0) {
        last += (moved * 1000) / Number(speed.value);
        show(Math.min(at + moved, frames - 1));
      }
      if (at === frames - 1) pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  function pause() {
    if (!playing) return;
    playing = false;
    toggle.textContent = "▶ Play";
    toggle.setAttribute("aria-label", "Play");
    toggle.title = "Play";
    tell();
  }

  function catchUp() {
    const moving = playing || mine.leads() || held();
    if (!moving) show(model.get("state").update);
  }

  box.ends.push(
    mine.end,
    fit(box.body, [top.p, bottom], () => {
      top.draw();
      drawRates(bottom, below);
      show(at);
    }),
  );
  const end = follow(model, box, catchUp);
  return () => {
    playing = false;
    end();
  };
}

// The rate of every update, and the rates that are marked with a line.
function drawRates(p, { axes, rates, marks }) {
  const edge = p.width - p.room.r - 4;
  p.inside.replaceChildren(
    curve(p, steps(rates), rates, "truth"),
    ...marks.flatMap(([label, rate]) => [
      curve(p, [axes.x.from, axes.x.to], [rate, rate], "level"),
      shape("text", { x: edge, y: p.y(rate) - 5, class: "lrc-note", "text-anchor": "end" }, label),
    ]),
  );
}

function renderBall(model, el) {
  const { title, axes, grid, height, rates, x, y, verdicts } = model.get("content");
  const box = begin(model, el, "ball", title);
  const words = "A loss curve with a ball on it, and the places it was at after each update.";
  const view = landscape({ axes, grid, height, words }, { height: 300 });
  const id = newId("rate");
  const mine = hand(model, catchUp);
  const value = make("output", { for: id });
  let moved = false; // before that, nothing is said about a rate
  const slider = make("input", {
    type: "range",
    id,
    min: 0,
    max: rates.length - 1,
    step: 1,
    oninput: () => {
      moved = true;
      show(Number(slider.value));
    },
    onchange: () => mine.act("move", rates[Number(slider.value)]),
  });
  const held = holding(slider);
  const said = make("p", { class: "lrc-said", role: "status" });
  const say = sayAtRest(said);
  box.body.append(
    view.p.svg,
    make("div", { class: "lrc-row" }, make("label", { for: id }, "learning rate"), slider, value),
    said,
  );

  function show(k) {
    slider.value = k;
    value.textContent = rounded(rates[k]);
    slider.setAttribute("aria-valuetext", rounded(rates[k]));
    view.trail.setAttribute("d", path(view.p, x[k], y[k]));
    view.dots.replaceChildren(
      ...x[k].flatMap((v, i) =>
        v == null || y[k][i] == null
          ? []
          : [shape("circle", { cx: view.p.x(v), cy: view.p.y(y[k][i]), r: 3, class: "lrc-mark" })],
      ),
    );
    place(view, x[k].at(-1), y[k].at(-1));
    const last = x[k].at(-1);
    const there = last == null ? "out of sight" : `at x = ${rounded(last)}`;
    view.p.svg.setAttribute("aria-label", `${words} At rate ${rounded(rates[k])} it is ${there} at last.`);
    if (!moved && !model.get("state").verdict) return say(model.get("state").words);
    const [verdict, sentence] = verdicts[k];
    said.className = `lrc-said ${verdict === "right" ? "lrc-yes" : "lrc-no"}`;
    say(make("strong", {}, `${verdict[0].toUpperCase()}${verdict.slice(1)}. `), sentence);
  }

  function catchUp() {
    const moving = mine.leads() || held();
    if (!moving) show(model.get("state").position);
  }

  box.ends.push(
    mine.end,
    fit(box.body, [view.p], () => {
      view.draw();
      show(Number(slider.value));
    }),
  );
  return follow(model, box, catchUp);
}

export default {
  render: ({ model, el }) =>
    onceFilled(model, () =>
      (model.get("content").kind === "play" ? renderPlayer : renderBall)(model, el),
    ),
};
