// What can be copied: any element with data-copy. Says in place that it was done.

import { icon } from "./dom.js";

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    if (!(await copy(button.dataset.copy)) && !copySelected(button)) return;
    const sign = button.querySelector("span");
    button.dataset.copied = "";
    sign.replaceChildren(icon("i-check", 14));
    setTimeout(() => {
      delete button.dataset.copied;
      sign.replaceChildren(icon("i-copy", 14));
    }, 1500);
  });
}

// The clipboard exists only on secure origins, which another machine's address is not: there what is
// selected is copied the old way.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copySelected(button) {
  const code = button.querySelector("code") ?? button.closest("figure")?.querySelector("code");
  if (!code) return false;
  getSelection().selectAllChildren(code);
  return document.execCommand("copy");
}
