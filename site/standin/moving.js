// @ts-check
// What Python does for pictures that move by themselves (moving.js): it takes down what the hand did.
// Python's methods name what they are told; these are the names under which the state has it.

class MovingKernel {
  constructor(model, packed) {
    this.model = model;
    this.packed = packed;
    for (const [action, names] of Object.entries(packed.actions))
      this[action] ??= (...values) => this.take(names, values);
    model.set({ content: packed.content, state: packed.state });
  }

  take(names, values) {
    const told = names.slice(0, values.length).map((name, i) => [name, values[i]]);
    this.model.set({ state: { ...this.model.get("state"), ...Object.fromEntries(told) } });
  }
}

class SharpnessKernel extends MovingKernel {
  forget() {
    const state = this.model.get("state");
    const now = ([peak, rise]) => peak === state.peak && rise === state.rise;
    this.model.set({ state: { ...state, tried: state.tried.filter(now) } });
  }
}
