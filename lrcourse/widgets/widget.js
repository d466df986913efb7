// @ts-check
// What all teaching widgets share. Python puts it before the script of each widget.

// JupyterLab and Notebook take no shortcut from an element that says so: see `keepKeys`.
const SUPPRESS = "data-lm-suppress-shortcuts";
const FOCUSABLE = "input, button, select, textarea";

/** @typedef {{ [name: string]: any }} Attributes  `onclick: f` listens; true, false and null as HTML has them */
/**
 * The half of a widget that Python knows: anywidget's, which is ipywidgets'.
 * @typedef {{
 *   get(name: string): any, send(message: object): void, widget_manager?: any,
 *   on(name: string, call: (...args: any[]) => void): void,
 *   off(name: string, call: (...args: any[]) => void): void,
 * }} Model
 */
/** @typedef {{ from: number, to: number, ticks: [number, string][], label: string }} Axis  from Python */
/** @typedef {{ x: Axis, y: Axis }} Axes */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {...any} children
 * @returns {SVGElementTagNameMap[T]}
 */
function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} node
 * @param {Attributes} attributes
 * @param {any[]} [children]
 * @returns {E}
 */
function fill(node, attributes, children = []) {
  if (node.matches(FOCUSABLE) || "tabindex" in attributes) node.setAttribute(SUPPRESS, "true");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  if (node instanceof HTMLInputElement && attributes.type === "range") undoWhenScrolled(node);
  return node;
}

// A finger that goes down to scroll the page may land on a slider, which jumps there at once. When the
// browser takes the finger away to scroll, the slider goes back to where it was.
/** @param {HTMLInputElement} slider */
function undoWhenScrolled(slider) {
  let before = slider.value;
  slider.addEventListener("pointerdown", () => (before = slider.value), true);
  slider.addEventListener("pointercancel", () => {
    slider.value = before;
    for (const told of ["input", "change"]) slider.dispatchEvent(new Event(told, { bubbles: true }));
  });
}

// Whether something is in hand: pressed by a mouse, a pen or a finger, and not let go of yet.
/** @param {Element} node */
function holding(node) {
  let held = false;
  node.addEventListener("pointerdown", () => (held = true));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    node.addEventListener(end, () => (held = false));
  return () => held;
}

// Text with `code` in it. Nothing else is markup, so nothing in it can act.
function prose(text) {
  return text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

let lrcCount = 0;
function newId(name) {
  return `lrc-${name}-${Date.now().toString(36)}-${lrcCount++}`;
}

// Have Python do something. The message has its number among those of this page: a kernel may take up
// two at once, or the second first, and Python puts them in order by it. Returned is what `done` says
// after it.
/** @type {WeakMap<Model, { page: string, count: number, unheard: Map<string, number> }>} */
const lrcSent = new WeakMap();
/**
 * @param {Model} model
 * @param {string} name
 * @param {...any} values
 */
function act(model, name, ...values) {
  if (lrcAsleep.has(model)) return "";
  const sent = lrcSent.get(model) ?? beginToSend(model);
  const serial = [sent.page, ++sent.count];
  sent.unheard.set(String(serial), performance.now());
  model.send({ do: name, with: values, serial });
  return String(serial);
}

/** @param {Model} model */
function beginToSend(model) {
  const sent = { page: newId("page"), count: 0, unheard: new Map() };
  lrcSent.set(model, sent);
  model.on("msg:custom", ({ done }) => {
    for (const serial of [...sent.unheard.keys()]) if (isOver(serial, done)) sent.unheard.delete(serial);
  });
  return sent;
}

// Python takes up what a page sends in the order in which it was sent. When one is done, what was sent
// before it is done, too, or was lost on the way to a server that had just died, and never will be.
/** @param {string} serial  as `act` returned it @param {[string, number] | undefined} done */
function isOver(serial, done) {
  const [page, number] = serial.split(",");
  return done?.[0] === page && Number(number) <= done[1];
}

// For how many ms Python has not taken up what it was told first of all that it has not taken up.
/** @param {Model} model */
function waitsSince(model) {
  const [first] = lrcSent.get(model)?.unheard.values() ?? [];
  return first === undefined ? 0 : performance.now() - first;
}

// Have Python send something, which changes nothing.
/**
 * @param {Model} model
 * @param {string} name
 * @param {...any} values
 */
function ask(model, name, ...values) {
  if (!lrcAsleep.has(model)) model.send({ ask: name, with: values });
}

// A notebook would take plain keys for shortcuts: arrows move between cells, X cuts one. JupyterLab
// does so when they have bubbled up to it, Notebook 7 before they are here, so each element that can
// have the focus says that it wants its keys for itself. What goes with Ctrl, such as saving, is the
// notebook's; Escape leads back to it.
/** @template {HTMLElement} E @param {E} root */
function keepKeys(root) {
  document[lrcKeys] ??= addEventListener("keydown", lendKeys, true) ?? true;
  root.addEventListener("keydown", (event) => {
    if (isCommand(event)) return;
    event.stopPropagation();
    if (event.key === "Escape") leave(root);
  });
  return root;
}

const lrcKeys = Symbol.for("lrcourse keys"); // once a page, whatever the number of widgets
/** @param {KeyboardEvent} event */
function lendKeys(event) {
  const target = event.target;
  if (!(target instanceof Element) || !target.closest(".lrc") || !isCommand(event)) return;
  if (!target.hasAttribute(SUPPRESS)) return;
  target.removeAttribute(SUPPRESS);
  setTimeout(() => target.setAttribute(SUPPRESS, "true"));
}

/** @param {KeyboardEvent} event */
function isCommand({ ctrlKey, metaKey, altKey, key }) {
  return ctrlKey || metaKey || (altKey && !key.startsWith("Arrow"));
}

// The focus goes to what holds the widget: in a notebook, its cell.
/** @param {HTMLElement} root */
function leave(root) {
  const outside = root.closest(".lrc").parentElement?.closest("[tabindex]");
  if (outside instanceof HTMLElement) outside.focus();
  if (root.contains(document.activeElement) && document.activeElement instanceof HTMLElement)
    document.activeElement.blur();
}

// A widget moves as long as Python hears it. It does not after the kernel was restarted or has died,
// nor when a notebook was saved and is opened again, before anything is run: then the widget stays
// readable, says how to go on, and has no button that would do nothing. And where Python is busy with
// something else, the widget says so until it has caught up; a button that asks Python (`lrc-asks`) is
// held until then.
const LEFT = "This is how you left it. To use it again, choose Run All Cells from the Run menu.";
const GONE = "The kernel was restarted or is gone. This is how you left it; run its cell to use it again.";
// A picture that moves by itself goes on moving, and only says that Python is not told.
const MOVES_ALONE = {
  left: "This is how you left it. It still moves, but Python is not told: for that, choose Run All Cells from the Run menu.",
  gone: "The kernel was restarted or is gone. It still moves, but Python is not told; run its cell to change that.",
};
const BUSY = "Python is busy. What you did counts as soon as it is free.";
const BUSY_AFTER = 1000; // ms
const ENDS = ["restarting", "autorestarting", "terminating", "dead"]; // of a kernel, as Jupyter calls them

const FELL_ASLEEP = "lrc-asleep"; // what the widget's own element hears of it
/** @type {WeakMap<Model, string>} */
const lrcAsleep = new WeakMap(); // and what is said about it

/**
 * @param {Model} model
 * @param {HTMLElement} el
 * @param {HTMLElement} root
 * @param {typeof MOVES_ALONE} [alone]  what is said instead where the widget needs no Python to move
 */
function living(model, el, root, alone) {
  const note = make("p", { class: "lrc lrc-asleep" });
  const hands = make("fieldset", { class: "lrc-hands" }, root);
  el.replaceChildren(hands);

  const cut = () => el.classList.contains("jupyter-widgets-disconnected");
  const tell = () => {
    const asleep = lrcAsleep.get(model);
    const busy = !asleep && !alone && waitsSince(model) > BUSY_AFTER;
    const words = asleep ?? (busy ? BUSY : "");
    if (asleep) keepWhenSaved(model); // JupyterLab may mark it as gone any time after a restart
    if (note.textContent !== words) {
      note.textContent = words;
      if (words !== left) note.setAttribute("role", "alert");
      if (words) hands.before(note);
      else note.remove();
    }
    hands.disabled = Boolean(asleep) && !alone;
    if (busy || hands.matches(".lrc-busy"))
      for (const button of root.querySelectorAll("button.lrc-asks"))
        fill(button, { "aria-disabled": String(busy) });
    hands.classList.toggle("lrc-busy", busy);
  };
  /** @param {string} words */
  const sleep = (words) => {
    if (!lrcAsleep.has(model)) lrcAsleep.set(model, words);
    tell();
    root.dispatchEvent(new Event(FELL_ASLEEP));
  };
  root.addEventListener("click", holdButtons, true);

  const { left, gone } = alone ?? { left: LEFT, gone: GONE };
  if (cut()) sleep(left);
  tell();
  const seen = new MutationObserver(() => cut() && sleep(gone));
  seen.observe(el, { attributeFilter: ["class"] });
  const clock = setInterval(tell, 250);
  const session = model.widget_manager?.context?.sessionContext;
  const status = (/** @type {any} */ _, /** @type {string} */ now) => ENDS.includes(now) && sleep(gone);
  session?.statusChanged?.connect(status);
  return () => {
    seen.disconnect();
    clearInterval(clock);
    session?.statusChanged?.disconnect(status);
  };
}

// A button that waits, as it says, takes no click.
/** @param {Event} event */
function holdButtons(event) {
  const button = event.target instanceof Element && event.target.closest("button");
  if (!button || button.getAttribute("aria-disabled") !== "true") return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

// JupyterLab saves only the widgets that a kernel made: to open a notebook, read it and save it
// would lose them all. So this one, with its layout, counts as such.
function keepWhenSaved(model) {
  const known = [...(model.widget_manager?._modelsSync?.values() ?? [])];
  const layout = model.get("layout");
  for (const other of known)
    if (other === layout || other.get("layout") === layout) other.comm_live = true;
}

// A button that was just disabled or hidden cannot keep the focus: it goes to `next`. What `held` it
// is asked before, for a browser may take it away at once.
function passFocus(held, button, next) {
  if (held === button && (button.disabled || button.hidden)) next.focus();
}

// The place for what went wrong.
/** @param {Model} model */
function troubleOf(model) {
  const node = make("p", { class: "lrc-trouble", role: "alert" });
  const tell = () => {
    node.textContent = model.get("trouble");
    node.hidden = !node.textContent;
  };
  tell();
  model.on("change:trouble", tell);
  return { node, end: () => model.off("change:trouble", tell) };
}

// The box of a widget: a group with a name, a place for trouble, and keys that stay inside.
/** @param {Model} model @param {HTMLElement} el @param {string} kind @param {string} title @param {typeof MOVES_ALONE} [alone] */
function begin(model, el, kind, title, alone) {
  const id = newId("title");
  const trouble = troubleOf(model);
  const body = make("div");
  const root = make(
    "section",
    { class: `lrc lrc-${kind}`, "aria-labelledby": id },
    make("p", { class: "lrc-question", id }, prose(title)),
    body,
    trouble.node,
  );
  keepKeys(root);
  return { root, body, ends: [trouble.end, living(model, el, root, alone)] };
}

// A widget is made in Python before it is filled, and a page may be quick enough to see it empty.
/** @param {Model} model @param {() => () => void} render */
function onceFilled(model, render) {
  const filled = () => ["content", "state"].every((name) => Object.keys(model.get(name)).length);
  if (filled()) return render();
  let end = () => model.off("change", look);
  function look() {
    if (!filled()) return;
    end();
    end = render();
  }
  model.on("change", look);
  return () => end();
}

// Draw now and whenever Python changes the state; stop when the view goes away.
/** @param {Model} model @param {{ ends: (() => void)[] }} box @param {(state: any) => void} draw */
function follow(model, box, draw) {
  const redraw = () => draw(model.get("state"));
  redraw();
  model.on("change:state", redraw);
  return () => {
    model.off("change:state", redraw);
    for (const end of box.ends) end();
  };
}

const SAY_AFTER = 600; // ms of rest before a screen reader is told

// Fills a `node` with words that follow the hand, and has a screen reader say them once it rests.
/** @param {HTMLElement} node */
function sayAtRest(node) {
  /** @type {number | undefined} */
  let waiting;
  return (/** @type {(Node | string)[]} */ ...words) => {
    const text = words.map((word) => (typeof word === "string" ? word : word.textContent)).join("");
    if (node.textContent === text) return;
    const first = !node.hasChildNodes(); // nothing to say about what the widget opens with
    node.setAttribute("aria-live", "off");
    node.replaceChildren(...words);
    clearTimeout(waiting);
    if (first) return;
    waiting = setTimeout(() => {
      node.setAttribute("aria-live", "polite");
      node.replaceChildren(...node.childNodes);
    }, SAY_AFTER);
  };
}

// The kernel answers late: what it says of an older move must not undo a newer one. From a move
// until Python has acted on the last one, the hand `leads`; then `caughtUp` is called.
/** @param {Model} model @param {() => void} caughtUp */
function hand(model, caughtUp) {
  let last = null;
  const hear = ({ done }) => {
    if (last === null || !isOver(last, done)) return; // an older move, or another view's
    last = null;
    caughtUp();
  };
  model.on("msg:custom", hear);
  return {
    leads: () => last !== null,
    act(name, ...values) {
      last = act(model, name, ...values);
    },
    end: () => model.off("msg:custom", hear),
  };
}

// Plots as wide as `place`, now and whenever that changes; `redraw` then puts their lines right.
function fit(place, plots, redraw) {
  const ruler = make("div", { class: "lrc-ruler" });
  place.prepend(ruler);
  const seen = new ResizeObserver(() => {
    const width = Math.round(ruler.clientWidth / textSize(ruler)); // 0 while it is hidden
    if (!width || plots.every((p) => p.width === width)) return;
    for (const p of plots) p.resize(width);
    redraw();
  });
  seen.observe(ruler);
  return () => seen.disconnect();
}

// How large the text of a place is, as a share of plain text.
/** @param {Element} place */
function textSize(place) {
  return parseFloat(getComputedStyle(place).fontSize) / PLAIN_TEXT;
}

const PLAIN_TEXT = 14; // px: where text is larger, so is a plot and all that is in it
const LOWEST = 150; // px: a narrow plot is lower, too, but never lower than this

// Axes on the ground of the page, as in the figures of the course. `axes` comes from Python. A
// unit of the plot is a pixel of a page with plain text, so that its words keep their size in a narrow
// place and grow with the text.
/**
 * @typedef {{
 *   svg: SVGSVGElement, inside: SVGGElement, above: SVGGElement,
 *   room: { l: number, r: number, t: number, b: number }, width: number, height: number,
 *   x(v: number): number, y(v: number): number, resize(to: number): void,
 *   inverse: { x(px: number): number, y(py: number): number },
 * }} Plot  a place for curves: `x` and `y` give the pixels of a point, `inverse` the point of a pixel
 */
/**
 * @param {Axes} axes
 * @param {{ width?: number, height?: number, label?: string, role?: string, small?: boolean, beside?: number, fixed?: boolean }} options
 *   `beside`: room to the right; `fixed`: as high as it is, however narrow
 */
function plot(axes, { width = 700, height = 260, label, role = "img", small = false, beside = 16, fixed = false } = {}) {
  const room = small ? { l: 8, r: 8, t: 24, b: 24 } : { l: 66, r: beside, t: 12, b: 46 };
  const ground = shape("rect", { fill: "transparent", class: "lrc-ground" });
  const inner = shape("rect", { x: room.l, y: room.t });
  const clip = newId("clip");
  const frame = shape("g", { "aria-hidden": "true" });
  const inside = shape("g", { "clip-path": `url(#${clip})` });
  const above = shape("g");
  const svg = shape(
    "svg",
    { class: "lrc-plot", role, "aria-label": label },
    ground,
    shape("clipPath", { id: clip }, inner),
    frame,
    inside,
    above,
  );
  const p = /** @type {Plot} */ ({ svg, inside, above, room });
  const wide = () => p.width - room.l - room.r;
  const tall = () => p.height - room.t - room.b;
  const share = ({ from, to }, v) => (v - from) / (to - from);
  p.x = (v) => room.l + share(axes.x, v) * wide();
  p.y = (v) => p.height - room.b - share(axes.y, v) * tall();
  p.inverse = {
    x: (px) => axes.x.from + ((px - room.l) / wide()) * (axes.x.to - axes.x.from),
    y: (py) => axes.y.from + ((p.height - room.b - py) / tall()) * (axes.y.to - axes.y.from),
  };
  p.resize = (to) => {
    p.width = to;
    p.height = fixed ? height : Math.round(Math.min(height, Math.max(LOWEST, 0.7 * to)));
    svg.setAttribute("viewBox", `0 0 ${p.width} ${p.height}`);
    fill(ground, { width: p.width, height: p.height });
    fill(inner, { width: wide(), height: tall() });
    frame.replaceChildren(...(small ? [] : grid(p, axes)), ...labels(p, axes, small));
  };
  p.resize(width);
  return p;
}

/** @param {Plot} plot @param {Axes} axes */
function grid({ x, y, room, width, height }, axes) {
  const bottom = height - room.b;
  return [
    ...axes.x.ticks.flatMap(([v, text]) => [
      shape("line", { x1: x(v), x2: x(v), y1: room.t, y2: bottom, class: "lrc-grid" }),
      shape("text", { x: x(v), y: bottom + 17, class: "lrc-tick", "text-anchor": "middle" }, text),
    ]),
    ...axes.y.ticks.flatMap(([v, text]) => [
      shape("line", { x1: room.l, x2: width - room.r, y1: y(v), y2: y(v), class: "lrc-grid" }),
      shape("text", { x: room.l - 7, y: y(v) + 4, class: "lrc-tick", "text-anchor": "end" }, text),
    ]),
  ];
}

// The labels of the axes, and the axes themselves.
/** @param {Plot} plot @param {Axes} axes @param {boolean} small */
function labels({ room, width, height }, axes, small) {
  const bottom = height - room.b;
  const middle = (room.t + bottom) / 2;
  const centre = { class: "lrc-axis", "text-anchor": "middle" };
  const upright = { x: 14, y: middle, transform: `rotate(-90 14 ${middle})`, ...centre };
  return [
    shape("text", small ? { x: 4, y: 15, class: "lrc-axis" } : upright, axes.y.label),
    shape("path", { d: `M${room.l} ${room.t}V${bottom}H${width - room.r}`, class: "lrc-spine" }),
    shape("text", { x: (room.l + width - room.r) / 2, y: height - 7, ...centre }, axes.x.label),
  ];
}

// A path through points; where a value is missing, the line breaks.
/** @param {Plot} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
function path(p, xs, ys) {
  let d = "";
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    if (xs[i] == null || ys[i] == null) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${p.x(xs[i]).toFixed(2)} ${p.y(ys[i]).toFixed(2)}`;
    pen = true;
  }
  return d;
}

// Whether a curve jumps at its value i: with a move ten times as long as those around it. A rate is one
// number up to an update and another from it on, so that a jump is drawn upright.
/** @param {ArrayLike<number>} ys @param {number} i */
function jumpsAt(ys, i) {
  const move = (/** @type {number} */ k) =>
    ys[k] == null || ys[k - 1] == null ? 0 : Math.abs(ys[k] - ys[k - 1]) || 0;
  return move(i) > 10 * Math.max(move(i - 1), move(i + 1));
}

// A path through the rates of updates, upright where they jump.
/** @param {Plot} p @param {ArrayLike<number>} ts @param {ArrayLike<number>} rates */
function stairs(p, ts, rates) {
  const [xs, ys] = [[], []];
  for (let i = 0; i < ts.length; i++) {
    if (jumpsAt(rates, i)) {
      xs.push(ts[i]);
      ys.push(rates[i - 1]);
    }
    xs.push(ts[i]);
    ys.push(rates[i]);
  }
  return path(p, xs, ys);
}

/** @param {Plot} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {string} kind */
function curve(p, xs, ys, kind) {
  return shape("path", { d: stairs(p, xs, ys), class: `lrc-curve lrc-${kind}` });
}

const steps = (ys) => ys.map((_, i) => i);

// The key to the lines of a plot: a piece of the line itself, and what it is.
function key(...lines) {
  return make(
    "p",
    { class: "lrc-key" },
    lines.map(([kind, text]) =>
      make(
        "span",
        {},
        shape(
          "svg",
          { width: 34, height: 12, "aria-hidden": "true" },
          shape("path", { d: "M1 6H33", class: `lrc-curve lrc-${kind}` }),
        ),
        text,
      ),
    ),
  );
}

function rounded(v) {
  return String(Number(Number(v).toPrecision(3)));
}
