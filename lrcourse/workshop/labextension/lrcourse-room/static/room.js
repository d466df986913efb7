// In a room, above the notebook: what the instructor says to all, and the learner's own note,
// "I am stuck" or "done". JupyterLab loads this file as a federated module, built by hand.
"use strict";

(() => {
  const EVERY = 3000; // milliseconds between two questions to one's own server
  const NOTES = { stuck: "I am stuck", done: "I am done" };

  function make(tag, about = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(about)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  function activate(app) {
    const settings = app.serviceManager.serverSettings;
    const url = `${settings.baseUrl}lrcourse/room`;
    const said = make("span", { role: "status" });
    const buttons = Object.entries(NOTES).map(([note, words]) => {
      const button = make("button", { type: "button", "aria-pressed": "false" }, words);
      button.dataset.note = note;
      button.addEventListener("click", () => {
        const pressed = button.getAttribute("aria-pressed") === "true";
        tell(pressed ? "" : note);
      });
      return button;
    });
    const bar = make("div", { id: "lrcourse-room", role: "region", "aria-label": "The room" }, said, ...buttons);
    const style = make(
      "style",
      {},
      `#lrcourse-room { display: flex; gap: 8px; align-items: center; flex-wrap: wrap; padding: 4px 10px; min-height: 28px;
         background: #fff6ea; color: #16202a; border-bottom: 1px solid #b35900; font: 15px/1.35 system-ui, sans-serif; }
       #lrcourse-room span { flex: 1 1 auto; font-weight: 600; }
       #lrcourse-room button { font: inherit; padding: 3px 12px; border: 1px solid #16202a; border-radius: 5px; background: #fff; color: inherit; cursor: pointer; }
       #lrcourse-room button[aria-pressed="true"] { background: #16202a; color: #fff; }
       #lrcourse-room button:focus-visible { outline: 3px solid #d55e00; outline-offset: 1px; }`,
    );
    document.head.append(style);
    document.body.prepend(bar);
    const fit = () => {
      const height = bar.getBoundingClientRect().height;
      const main = document.getElementById("main");
      if (main) {
        main.style.top = `${height}px`;
        main.style.height = `calc(100% - ${height}px)`;
      }
      window.dispatchEvent(new Event("resize"));
    };

    function show(room) {
      const words = [room.mine, room.message].filter(Boolean).join(" ");
      if (words !== undefined && said.textContent !== words) {
        said.textContent = words;
        fit();
      }
      for (const button of buttons)
        button.setAttribute("aria-pressed", String(button.dataset.note === room.sticky));
    }

    async function ask(about = {}) {
      const xsrf = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
      const headers = xsrf ? { "X-XSRFToken": xsrf[1], "Content-Type": "application/json" } : {};
      const answer = await fetch(url, { credentials: "same-origin", headers, ...about });
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    }

    async function tell(sticky) {
      try {
        await ask({ method: "POST", body: JSON.stringify({ sticky }) });
        show(await ask());
      } catch (error) {
        said.textContent = "Your note did not reach the room. Try again.";
      }
    }

    async function look() {
      try {
        if (!document.hidden) show(await ask());
      } catch (error) {
        // the server is being started again: JupyterLab says so itself
      }
      setTimeout(look, EVERY);
    }

    app.restored.then(fit);
    look();
  }

  const plugin = { id: "lrcourse-room:bar", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["lrcourse-room"] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
