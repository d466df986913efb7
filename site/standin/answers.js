// @ts-check
// What Python does for `choose`, `draw` and `quiz`: lrcourse/widgets/predict.py and quiz.py. Answers
// are kept in this browser.

const KEPT = "lrcourse";

const memory = {
  read() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  },
  recall: (kind, key) => memory.read()[kind]?.[key],
  remember(kind, key, value) {
    const all = memory.read();
    all[kind] = { ...all[kind], [key]: value };
    localStorage.setItem(KEPT, JSON.stringify(all));
  },
};

class AnswerKernel {
  constructor(model, packed) {
    this.model = model;
    this.packed = packed;
    this.model.set({ content: packed.content });
    this.open();
  }

  open() {} // each begins in its own way

  get state() {
    return this.model.get("state");
  }

  set state(state) {
    this.model.set({ state });
  }

  keep(kind, value) {
    try {
      memory.remember(kind, this.packed.key, value);
    } catch {
      this.model.set({ trouble: "Your answers cannot be kept: this browser keeps nothing here." });
    }
  }
}

class ChoiceKernel extends AnswerKernel {
  open() {
    const guess = memory.recall("choose", this.packed.key);
    const known = this.packed.content.sketches.some(({ name }) => name === guess);
    this.state = known ? this.revealed(guess) : { chosen: null, committed: false };
  }

  choose(sketch) {
    if (this.state.committed) throw new Refused(`your guess is committed: it was '${this.state.chosen}'`);
    this.state = { ...this.state, chosen: sketch };
  }

  commit() {
    const { chosen, committed } = this.state;
    if (committed) return;
    if (chosen === null) throw new Refused("choose one of the sketches first, then commit");
    this.keep("choose", chosen);
    this.state = this.revealed(chosen);
  }

  revealed(guess) {
    const { answer, because, content } = this.packed;
    const names = content.sketches.map(({ name }) => name);
    const others = names.filter((name) => name !== guess && name !== answer);
    const order = guess === answer ? [answer, ...others] : [guess, answer, ...others];
    return {
      chosen: guess,
      committed: true,
      right: guess === answer,
      answer,
      because: order.map((name) => [name, because[name]]),
    };
  }
}

class DrawingKernel extends AnswerKernel {
  open() {
    const kept = memory.recall("draw", this.packed.key);
    const fits = kept && [kept.first, kept.last].every((points) => this.isCurve(points));
    this.state = fits ? this.revealed(kept.first, kept.last) : this.drawing(null);
  }

  drawing(first) {
    return { points: this.packed.start, committed: false, first };
  }

  isCurve(points) {
    const { start, top, truth } = this.packed;
    const last = truth.length - 1;
    return (
      points?.length === start.length &&
      points[0][0] === 0 &&
      points.at(-1)[0] === last &&
      points.every(([t, rate], i) => (!i || t > points[i - 1][0]) && rate >= 0 && rate <= top)
    );
  }

  draw(points) {
    if (this.state.committed) throw new Refused("this drawing is committed: try again to draw another");
    if (!this.isCurve(points)) throw new Refused("a drawing is a row of points in order, inside the axes");
    this.state = { ...this.state, points };
  }

  commit() {
    const { points, committed, first } = this.state;
    if (committed) return;
    if (same(points, this.packed.start)) throw new Refused("move at least one point first, then commit");
    this.keep("draw", { first: first ?? points, last: points });
    this.state = this.revealed(first ?? points, points);
  }

  again() {
    this.state = this.drawing(this.state.first);
  }

  revealed(first, points) {
    const rates = this.rates(points);
    const { truth, shown } = this.packed;
    const away = rates.map((rate, t) => Math.abs(rate - truth[t]));
    const worst = away.indexOf(Math.max(...away));
    let words = `${this.words(rates, worst)} The true rate ${this.packed.told}.`;
    if (!same(first, points))
      words += ` Your first drawing was ${this.percent(this.rates(first))} % of the peak away.`;
    return { points, first, committed: true, truth: shown, distance: this.distance(rates), worst, words };
  }

  // The rate of every update in a drawing.
  rates(points) {
    return this.packed.truth.map((_, t) => {
      const i = Math.max(1, points.findIndex(([x]) => x >= t));
      const [[a, low], [b, high]] = [points[i - 1], points[i]];
      return low + ((high - low) / (b - a)) * (t - a);
    });
  }

  distance(rates) {
    const { truth } = this.packed;
    const sum = rates.reduce((all, rate, t) => all + Math.abs(rate - truth[t]), 0);
    return sum / rates.length / Math.max(...truth);
  }

  percent(rates) {
    return wholeOf(100 * this.distance(rates));
  }

  words(rates, worst) {
    const distance = this.distance(rates);
    /** @type {[number, string][]} */
    const limits = [[0.03, "Very close"], [0.1, "Close"], [0.25, "Part of it"], [9e9, "Far off"]];
    const close = limits.find(([limit]) => distance < limit)[1];
    return (
      `${close}: on average your curve is ${this.percent(rates)} % of the peak away from the true one. ` +
      `They differ most at t = ${worst}: you drew ${general(rates[worst], 3)}, ` +
      `the schedule says ${general(this.packed.truth[worst], 3)}.`
    );
  }
}

// f"{v:.0f}": a half goes to the even number
function wholeOf(v) {
  const low = Math.floor(v);
  if (v - low !== 0.5) return String(Math.round(v));
  return String(low % 2 ? low + 1 : low);
}

const MOST_LETTERS = 2000; // of a thought: more is not kept

class DecisionKernel extends AnswerKernel {
  open() {
    const kept = memory.recall("decide", this.packed.key);
    this.show(typeof kept === "string" ? kept : "");
  }

  decide(thought) {
    const text = String(thought).trim();
    if (!text) throw new Refused("write down what you think first; a few words will do");
    if (this.state.thought) return; // the first one is kept: it was there before the answer
    this.keep("decide", text.slice(0, MOST_LETTERS));
    this.show(text.slice(0, MOST_LETTERS));
  }

  show(thought) {
    this.state = { thought, answer: thought ? this.packed.answer : "" };
  }
}

class QuizKernel extends AnswerKernel {
  open() {
    const kept = memory.recall("quiz", this.packed.key) ?? {};
    const known = (ask, text) =>
      this.packed.questions.find((q) => q.ask === ask)?.choices.some((c) => c.text === text);
    const fits = ([ask, given]) => known(ask, given?.first) && known(ask, given?.last);
    this.answers = Object.fromEntries(Object.entries(kept).filter(fits));
    this.show();
  }

  answer(question, choice) {
    const { ask, choices } = this.packed.questions[question - 1];
    const text = choices["abcdef".indexOf(choice)].text;
    this.answers = { ...this.answers, [ask]: { first: this.answers[ask]?.first ?? text, last: text } };
    this.keep("quiz", this.answers);
    this.show();
  }

  show() {
    const answers = this.packed.questions.map(({ ask, choices }) => {
      const given = this.answers[ask];
      if (!given) return null;
      const last = choices.findIndex(({ text }) => text === given.last);
      const first = choices.find(({ text }) => text === given.first);
      const { right, because } = choices[last];
      return { choice: "abcdef"[last], right, first_right: first.right, because };
    });
    const right = answers.filter((a) => a?.right).length;
    const first = answers.filter((a) => a?.first_right).length;
    this.state = { answers, right, words: scoreOf(answers, right, first) };
  }
}

function scoreOf(answers, right, first) {
  const done = answers.filter(Boolean).length;
  if (!done) return "";
  const text = `${right} of ${answers.length} right`;
  if (done < answers.length) return `${text}, ${answers.length - done} still to answer.`;
  return first === right ? `${text}.` : `${text}; ${first} at the first try.`;
}
