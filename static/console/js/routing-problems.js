// The words of the server about fields that cannot be so, beside those fields.

import { setAttribute, setText } from "./dom.js";

export function tellProblems() {
  const words = new Map();
  for (const item of document.querySelectorAll(".problems li")) {
    words.set(item.dataset.about, item.textContent);
  }
  for (const field of document.querySelectorAll(".field")) {
    const input = field.querySelector("input:not([type=hidden]), select");
    const said = field.querySelector(".field-said");
    if (input.disabled) continue;
    const problem = words.get(field.dataset.field);
    setAttribute(input, "aria-invalid", problem ? "true" : null);
    setAttribute(field, "data-bad", problem ? "" : null);
    setText(said, problem ?? said.dataset.hint);
  }
}
