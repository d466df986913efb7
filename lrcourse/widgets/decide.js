// @ts-check
// `decide`: a box for what you think, a button, and then what happened.

/** @param {Model} model @param {HTMLElement} el */
function renderDecision(model, el) {
  const { question } = model.get("content");
  const box = begin(model, el, "decide", question);
  const id = newId("thought");
  const thought = make("textarea", { id, rows: 2, maxlength: 2000 });
  const show = make(
    "button",
    { type: "button", class: "lrc-main lrc-asks", onclick: () => act(model, "decide", thought.value) },
    "Show what happened",
  );
  const asked = make("div", {}, make("label", { for: id }, "What you think, in a few words"), thought, make("div", { class: "lrc-row" }, show));
  const said = make("div", { class: "lrc-said", role: "status", tabindex: -1 });
  box.body.append(asked, said);

  return follow(model, box, ({ thought: kept, answer }) => {
    const held = document.activeElement;
    asked.hidden = Boolean(kept);
    if (!kept) return said.replaceChildren();
    said.replaceChildren(
      make("p", {}, make("strong", {}, "You thought: "), kept),
      make("p", {}, make("strong", {}, "What happened:")),
      make("pre", {}, answer),
    );
    if (held === show || held === thought) said.focus();
  });
}

export default { render: ({ model, el }) => onceFilled(model, () => renderDecision(model, el)) };
