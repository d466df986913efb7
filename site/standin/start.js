// @ts-check
// Stands in for the kernel: each widget of a lesson is drawn by its own script, the one that draws it in
// a notebook, and asks here what it would ask Python.

const KERNELS = {
  Explorer: ExplorerKernel,
  TrainedExplorer: TrainedKernel,
  LandscapeExplorer: LandscapeKernel,
  Choice: ChoiceKernel,
  Drawing: DrawingKernel,
  Quiz: QuizKernel,
  Decision: DecisionKernel,
  Player: PlayerKernel,
  Ball: BallKernel,
  Sharpness: SharpnessKernel,
};
const kernelOf = (kind) => KERNELS[kind] ?? MovingKernel;

// The half of a widget that Python knows in a notebook: see `Model` in lrcourse/widgets/widget.js.
class Model {
  constructor() {
    this.values = { content: {}, state: {}, trained: {}, trouble: "" };
    this.heard = new Map();
    this.kernel = null;
  }

  get(name) {
    return this.values[name];
  }

  set(values) {
    Object.assign(this.values, values);
    for (const name of Object.keys(values)) this.emit(`change:${name}`);
    this.emit("change");
  }

  on(name, call) {
    this.heard.set(name, [...(this.heard.get(name) ?? []), call]);
  }

  off(name, call) {
    this.heard.set(name, (this.heard.get(name) ?? []).filter((other) => other !== call));
  }

  emit(name, ...values) {
    for (const call of this.heard.get(name) ?? []) call(...values);
  }

  send(message) {
    setTimeout(() => this.answer(message));
  }

  answer({ do: action, ask, with: values, serial }) {
    try {
      if (action) this.set({ trouble: "" });
      const answer = this.kernel[action ?? ask](...values);
      if (ask && answer) this.reply(answer);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const said = problem.message;
      this.set({ trouble: sentenceOf(said[0].toUpperCase() + said.slice(1)) });
    } finally {
      if (serial) this.emit("msg:custom", { done: serial }, []);
    }
  }

  reply(answer) {
    if (Array.isArray(answer)) return this.emit("msg:custom", answer[0], answer[1]);
    const { png, ...ground } = answer.ground;
    this.emit("msg:custom", { ground }, [png]);
  }
}

// Bytes are kept as text: { "$bytes": base64 }.
async function unpacked(value) {
  if (Array.isArray(value)) return Promise.all(value.map(unpacked));
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) {
    const bytes = Uint8Array.from(atob(value.$bytes), (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  }
  const entries = Object.entries(value).map(async ([name, v]) => [name, await unpacked(v)]);
  return Object.fromEntries(await Promise.all(entries));
}

async function unzipped(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function bringToLife(place) {
  if ("begun" in place.dataset) return;
  place.dataset.begun = "";
  const kind = place.dataset.kind;
  const packed = await unpacked(await unzipped(place.querySelector("script").textContent));
  const model = new Model();
  model.kernel = new (kernelOf(kind))(model, packed);
  const el = document.createElement("div");
  const still = place.querySelector(".lrc-still-picture");
  if (still) still.replaceWith(el);
  else place.append(el);
  /** @type {any} */ (globalThis).lrcourseViews[place.dataset.view]().render({ model, el });
  distinguish(place);
  place.dataset.alive = "";
}

// Two explorers of one schedule on a page: the second says that it is.
function distinguish(place) {
  const named = "section[aria-label], [role=region][aria-labelledby]";
  const nameOf = (e) =>
    e.getAttribute("aria-label") ?? document.getElementById(e.getAttribute("aria-labelledby"))?.textContent;
  for (const element of place.querySelectorAll(named)) {
    const name = nameOf(element);
    const others = [...document.querySelectorAll(named)].filter((e) => !place.contains(e));
    const taken = (wanted) => others.some((e) => nameOf(e) === wanted);
    let number = 1;
    const wanted = () => (number === 1 ? name : `${name} (${number})`);
    while (taken(wanted())) number += 1;
    if (number > 1) element.setAttribute("aria-label", wanted());
    if (number > 1) element.removeAttribute("aria-labelledby");
  }
}

const whenIdle = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, 200));

// What is near at once, the others when there is nothing else to do: a page opens quickly.
function begin() {
  const places = [...document.querySelectorAll(".lrc-live")];
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        bringToLife(target);
      }
    },
    { rootMargin: "600px" },
  );
  for (const place of places) near.observe(place);
  const rest = [...places];
  const next = async () => {
    const place = rest.shift();
    if (!place) return;
    await bringToLife(place);
    whenIdle(next);
  };
  addEventListener("load", () => whenIdle(next));
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
else begin();

// For the tests, which hold this to Python.
globalThis.lrcourseStandIn = { Model, kernelOf, ScheduleValue, FORMULAS, general, floatRepr, unpacked };
