// @ts-check
// What the pictures that move share: chance that comes out as in moving.py, a clock, powers of ten.

const APART = 0x9e3779b9; // seeds begin far from 0, which `scrambled` leaves at 0

// Each 32-bit number as another that looks as if drawn by chance.
/** @param {number} word */
function scrambled(word) {
  let x = word >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** @param {number} v */
function toBillionths(v) {
  return Math.round(v * 1e9) / 1e9;
}

// The random numbers of update `t`: two for each of `count`, standard normal.
/** @param {number} seed @param {number} t @param {number} count */
function normals(seed, t, count) {
  const drawn = [new Float64Array(count), new Float64Array(count)];
  const key = scrambled(scrambled((seed + APART) >>> 0) + t);
  for (let i = 0; i < count; i++) {
    const u = (scrambled(scrambled(key + 2 * i)) + 0.5) / 2 ** 32;
    const v = (scrambled(scrambled(key + 2 * i + 1)) + 0.5) / 2 ** 32;
    const radius = Math.sqrt(-2 * Math.log(u));
    drawn[0][i] = toBillionths(radius * Math.cos(2 * Math.PI * v));
    drawn[1][i] = toBillionths(radius * Math.sin(2 * Math.PI * v));
  }
  return drawn;
}

// A rate of many digits, short, and the same in every picture.
/** @param {number} v */
function inPowers(v) {
  return v > 0 && Number.isFinite(v) ? Math.log10(v) : null;
}

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const LEAPS = 10; // of a run, where nothing is to move by itself

// Plays a run of `total` updates: `forward(n)` makes n of them, `rest()` is called when it stops. Who
// wants no motion gets the run in leaps, one for each press.
/**
 * @param {{ total: number, natural: number, next: HTMLElement, at(): number, forward(n: number): void, rest(): void }} run
 */
function clock({ total, natural, next, at, forward, rest }) {
  let playing = false;
  const toggle = make("button", { type: "button", class: "lrc-main", onclick: () => (playing ? pause() : start()) });
  const one = make("button", { type: "button", onclick: () => by(1) }, "1 update");
  const speeds = [5, 10, 20, 40, 60, 120];
  const speed = make(
    "select",
    {},
    speeds.map((v) => make("option", { value: v, selected: v === natural }, `${v} updates a second`)),
  );
  const leap = () => Math.ceil(total / LEAPS);
  const show = () => {
    const begun = at() > 0 && at() < total;
    const text = playing ? "❚❚ Pause" : STILL.matches ? `▶ ${leap()} updates` : begun ? "▶ Go on" : "▶ Run";
    if (toggle.textContent !== text) toggle.textContent = text;
    const held = document.activeElement;
    toggle.disabled = one.disabled = at() >= total;
    for (const button of [toggle, one]) passFocus(held, button, next);
  };
  /** @param {number} n */
  function by(n) {
    pause();
    forward(Math.min(n, total - at()));
    rest();
  }
  function start() {
    if (STILL.matches) return by(leap());
    playing = true;
    let last = performance.now();
    /** @param {number} now */
    const tick = (now) => {
      if (!playing || !toggle.isConnected) return;
      last = Math.max(last, now - 250); // a page that was hidden goes on where it was
      const due = Math.floor(((now - last) / 1000) * Number(speed.value));
      if (due > 0) {
        last += (due * 1000) / Number(speed.value);
        forward(Math.min(due, total - at()));
      }
      if (at() >= total) pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    show();
  }
  function pause() {
    if (!playing) return;
    playing = false;
    show();
    rest();
  }
  show();
  return {
    buttons: [toggle, one],
    speed: make("label", { class: "lrm-speed" }, "Speed", speed),
    playing: () => playing,
    pause,
    show,
    end: () => (playing = false),
  };
}

// Many dots in one stroke: pieces of no length with round ends. What is far outside stays so.
/** @param {Plot} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
function dotted(p, xs, ys) {
  const near = (/** @type {number} */ v) => Math.min(Math.max(v, -9999), 9999);
  let d = "";
  for (let i = 0; i < xs.length; i++) {
    const [px, py] = [p.x(xs[i]), p.y(ys[i])];
    if (Number.isFinite(px) && Number.isFinite(py)) d += `M${near(px).toFixed(1)} ${near(py).toFixed(1)}h0`;
  }
  return d;
}

const counted = (/** @type {ArrayLike<any>} */ ys) => Array.from(ys, (_, i) => i);

/** @param {number[]} values @param {number} wanted  the nearest on a scale of ratios */
function nearest(values, wanted) {
  const far = values.map((v) => Math.abs(Math.log(v / wanted)));
  return far.indexOf(Math.min(...far));
}
