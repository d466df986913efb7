// The board: draws what the events say, and sends what the instructor does.
// Whatever a learner wrote is put in as text, never as HTML.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const TURNS = ["first", "second"];
const PHASES = { first: "First vote", second: "Second vote", open: "Open the answer" };
const find = (id) => document.getElementById(id);
let projected = null;
let last = null;

function make(tag, about = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...inside);
  return element;
}

function shape(tag, about) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(about)) element.setAttribute(name, value);
  return element;
}

async function act(action, value = {}) {
  const says = find("says");
  try {
    const answer = await fetch(`do/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-XSRFToken": document.body.dataset.xsrf },
      body: JSON.stringify(value),
    });
    says.textContent = (await answer.json()).says;
  } catch (error) {
    says.textContent = `This did not work: ${error}. Load the page again.`;
  }
}

// A part is drawn again only when it is different, so that focus and reading stay where they are.
function redraw(place, value, draw) {
  const text = JSON.stringify(value);
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  const held = place.contains(document.activeElement) ? document.activeElement.dataset.hold : null;
  place.replaceChildren(...draw());
  if (held) place.querySelector(`[data-hold="${CSS.escape(held)}"]`)?.focus();
}

function bar(count, of, turn) {
  const svg = shape("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(shape("rect", { class: turn, x: 0, y: 0, height: 10, width: of ? (100 * count) / of : 0 }));
  return svg;
}

function histogram(about) {
  return about.names.map((name, i) => {
    const counts = TURNS.map((_, turn) => about.votes[turn][i]);
    const two = about.voted[1] > 0;
    const words = two ? `${counts[0]}, then ${counts[1]}` : `${counts[0]}`;
    const mark = name === about.answer ? "✓ " : "";
    return make(
      "div",
      { class: "bar" },
      make("div", name === about.answer ? { class: "true" } : {}, `${mark}${name}: ${words}`),
      bar(counts[0], about.voted[0], "first"),
      ...(two ? [bar(counts[1], about.voted[1], "second")] : []),
    );
  });
}

function drawings(about) {
  const all = about.drawings.flat(2);
  if (!all.length) return [];
  const right = Math.max(...all.map((p) => p[0]), 1);
  const top = Math.max(...all.map((p) => p[1]), 1e-9);
  const label = `${about.voted[0]} drawings, ${about.voted[1]} of them drawn again`;
  const svg = shape("svg", { class: "drawing", viewBox: "0 0 400 200", role: "img", "aria-label": label });
  about.drawings.forEach((turn, which) => {
    for (const points of turn) {
      const places = points.map(([t, rate]) => `${(400 * t) / right},${200 - (195 * rate) / top}`);
      svg.append(shape("polyline", { class: TURNS[which], points: places.join(" ") }));
    }
  });
  return [svg];
}

function vote(about) {
  const phases = Object.entries(PHASES).map(([phase, words]) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(about.phase === phase),
        "data-hold": `${about.key} ${phase}`,
        onclick: () => act("phase", { key: about.key, phase }),
      },
      phase === "open" && about.phase === "open" ? "Answer open" : words,
    ),
  );
  const shown = projected === about.key;
  const project = make(
    "button",
    { type: "button", "data-hold": `${about.key} project`, onclick: () => show(shown ? null : about.key) },
    shown ? "Back to the board" : "Project",
  );
  const voted = about.voted[1] ? `${about.voted[0]} voted, then ${about.voted[1]}.` : `${about.voted[0]} voted.`;
  return make(
    "article",
    { class: shown ? "vote shown" : "vote", "aria-label": about.key },
    make("h3", {}, about.question),
    make("p", {}, voted),
    ...(about.kind === "draw" ? drawings(about) : histogram(about)),
    ...(about.advice ? [make("p", { class: "advice not-projected" }, about.advice)] : []),
    make("div", { role: "group", "aria-label": `Vote on ${about.key}` }, ...phases, project),
  );
}

function show(key) {
  projected = key;
  if (key) document.body.dataset.project = key;
  else delete document.body.dataset.project;
  if (last) draw(last);
}

function row(one) {
  const quizzes = Object.entries(one.quizzes).map(([lesson, score]) => `${lesson} ${score}`);
  const cells = [
    one.on ? "yes" : "no",
    one.sticky === "stuck" ? "stuck" : one.sticky === "done" ? "✓ done" : "",
    one.notebooks.join(", "),
    one.passed.length ? `${one.passed.length}: ${one.passed.join(", ")}` : "0",
    String(one.tries),
    quizzes.join(", "),
  ];
  const reset = make(
    "button",
    {
      type: "button",
      "data-hold": `pin ${one.name}`,
      "aria-label": `Reset the PIN of ${one.name}`,
      onclick: () => act("reset_pin", { name: one.name }),
    },
    "Reset",
  );
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, one.name),
    ...cells.map((text) => make("td", {}, text)),
    make("td", {}, reset),
  );
}

function stuck(learners) {
  const said = learners.filter((one) => one.sticky === "stuck" || one.stuck.length);
  if (!said.length) return [make("li", {}, "Nobody.")];
  return said.map((one) => {
    const where = one.stuck.length ? `: no gain in five minutes at ${one.stuck.join(", ")}` : "";
    const asks = one.sticky === "stuck" ? " asks for help" : "";
    return make("li", {}, make("strong", {}, one.name), `${asks}${where}`);
  });
}

function draw(all) {
  last = all;
  const on = all.learners.filter((one) => one.on).length;
  const done = all.learners.filter((one) => one.sticky === "done").length;
  find("counts").textContent = `${on} of ${all.learners.length} are on; ${done} say that they are done.`;
  redraw(find("stuck"), all.learners.map((o) => [o.name, o.sticky, o.stuck]), () => stuck(all.learners));
  redraw(find("votes"), [all.predictions, projected], () => all.predictions.map(vote));
  redraw(find("learners"), all.learners, () => all.learners.map(row));
  redraw(find("checkpoints"), all.checkpoints, () =>
    all.checkpoints
      .filter((one) => one.count)
      .map((one) =>
        make("tr", {}, ...[one.lesson, one.place, String(one.count)].map((text) => make("td", {}, text))),
      ),
  );
  if (document.activeElement !== find("message")) find("message").value = all.message;
}

find("message-form").addEventListener("submit", (event) => {
  event.preventDefault();
  act("message", { text: find("message").value });
});
find("no-message").addEventListener("click", () => {
  find("message").value = "";
  act("message", { text: "" });
});
find("collect").addEventListener("click", () => act("collect"));
find("hand-back").addEventListener("click", () => act("hand_back"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && projected) show(null);
});

const events = new EventSource(`events?_xsrf=${encodeURIComponent(document.body.dataset.xsrf)}`);
events.onmessage = (event) => draw(JSON.parse(event.data));
events.onerror = () => {
  find("counts").textContent = "The room does not answer. This page tries again by itself.";
};
