// @ts-check
// `quiz`: radio buttons and a button per question; what is right comes from Python when answered.

function renderQuiz(model, el) {
  const { title, questions } = model.get("content");
  const box = begin(model, el, "quiz", title);
  const mine = hand(model, draw);
  const parts = questions.map((question, i) => {
    const group = newId("quiz");
    const said = make("div", { class: "lrc-said", role: "status" });
    const asked = newId("question");
    let chosen = null;
    const choices = question.choices.map((text, j) => {
      const letter = "abcdef"[j];
      const input = make("input", {
        type: "radio",
        name: group,
        value: letter,
        onchange: () => {
          chosen = letter;
        },
      });
      const mark = make("span", { class: "lrc-verdict" });
      const line = make("label", {}, input, make("span", {}, `(${letter}) `, prose(text), " ", mark));
      return { letter, input, mark, line };
    });
    const check = make(
      "button",
      {
        type: "button",
        class: "lrc-main lrc-asks",
        "aria-describedby": asked,
        onclick: () => {
          forget(); // what was said about another answer
          if (chosen) mine.act("answer", i + 1, chosen);
          else said.replaceChildren(make("p", {}, "Choose one of the answers first."));
        },
      },
      "Check",
    );
    const set = make(
      "fieldset",
      {},
      make("legend", { id: asked }, `${i + 1}. `, prose(question.ask)),
      make("div", { class: "lrc-choices" }, choices.map((c) => c.line)),
      make("div", { class: "lrc-row" }, check),
      said,
    );
    let shown = "";
    const forget = () => {
      shown = "";
      said.className = "lrc-said";
      said.replaceChildren();
      for (const { mark } of choices) mark.textContent = "";
    };
    const show = (answer) => {
      const now = JSON.stringify(answer);
      if (now === shown) return; // leave what the learner is choosing in the other questions alone
      forget();
      shown = now;
      if (!answer) return;
      chosen = answer.choice;
      for (const { letter, input, mark } of choices) {
        input.checked = letter === answer.choice;
        mark.textContent = letter === answer.choice ? (answer.right ? "✓" : "✗") : "";
      }
      check.textContent = answer.right ? "Check again" : "Try again";
      said.className = `lrc-said ${answer.right ? "lrc-yes" : "lrc-no"}`;
      said.append(
        make(
          "p",
          {},
          make("strong", {}, answer.right ? "✓ Right. " : "✗ Not quite. "),
          prose(answer.because),
        ),
      );
    };
    return { set, show };
  });
  const score = make("p", { class: "lrc-score", role: "status" });
  box.body.append(...parts.map((part) => part.set), score);
  box.ends.push(mine.end);
  function draw() {
    if (mine.leads()) return;
    const state = model.get("state");
    parts.forEach((part, i) => part.show(state.answers[i]));
    score.textContent = state.words;
  }
  return follow(model, box, draw);
}

export default { render: ({ model, el }) => onceFilled(model, () => renderQuiz(model, el)) };
