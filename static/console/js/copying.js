// What can be copied: any element with data-copy. Says in place that it was done.

import { el, icon } from "./dom.js";

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    if (!(await copy(button.dataset.copy, button))) {
      selectText(button);
      return;
    }
    const sign = button.querySelector("span");
    button.dataset.copied = "";
    sign.replaceChildren(icon("i-check", 14));
    setTimeout(() => {
      delete button.dataset.copied;
      sign.replaceChildren(icon("i-copy", 14));
    }, 1500);
  });
}

// The clipboard exists only on secure origins, which another machine's address is not: there a text
// that is selected for a moment is copied the old way.
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "sr-only", readonly: "", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    return done;
  }
}

function selectText(button) {
  const code = button.querySelector("code") ?? button.closest("figure")?.querySelector("code");
  if (code) getSelection().selectAllChildren(code);
}
