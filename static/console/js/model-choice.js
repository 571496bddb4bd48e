// Which model the chat asks: those that can answer now, the last choice remembered in this browser.

import { el } from "./dom.js";

const KEY = "npuconsole.model";

export class ModelChoice {
  #shown = null;

  constructor(select) {
    this.select = select;
    select.addEventListener("change", () => remember(select.value));
  }

  /** The chosen model's name, "" while none is ready. */
  get value() {
    return this.select.value;
  }

  draw(picture) {
    const names = picture.models
      .filter(({ status, generates }) => status === "ready" && generates)
      .map(({ name }) => name);
    const wanted = names.join("\n");
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const before = this.select.value || recall();
    this.select.replaceChildren(
      ...(names.length
        ? names.map((name) => el("option", { value: name }, name))
        : [el("option", { value: "" }, "no model yet")]),
    );
    if (names.includes(before)) this.select.value = before;
    this.select.disabled = names.length === 0;
  }
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function recall() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
