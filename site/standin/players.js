// @ts-check
// What Python does for `play` and `ball`, whose runs are all on the page: lrcourse/widgets/play.py.

class PlayerKernel {
  constructor(model, packed) {
    this.model = model;
    this.content = packed.content;
    model.set({ content: packed.content, state: packed.state });
  }

  go(update) {
    this.model.set({ state: { update, words: this.content.sentences[update] } });
  }
}

class BallKernel {
  constructor(model, packed) {
    this.model = model;
    this.content = packed.content;
    model.set({ content: packed.content, state: packed.state });
  }

  move(rate) {
    const { rates, verdicts } = this.content;
    const far = rates.map((r) => Math.abs(Math.log(r / rate)));
    const position = far.indexOf(Math.min(...far));
    const [verdict, words] = verdicts[position];
    this.model.set({ state: { position, lr: rates[position], verdict, words } });
  }
}
