// An answer's text as formatted nodes, while it comes: what is finished stays as it is, and only the
// last block is drawn again. Nothing here parses HTML; code is copied, never coloured or run.

import { el, icon } from "./dom.js";
import { inline } from "./markdown-inline.js";
import { blocks } from "./markdown-blocks.js";

export class Markdown {
  #text = "";
  #settled = 0; // where the last block starts; what is before it is drawn for good
  #last = null;

  constructor(node) {
    this.node = node;
  }

  /** All of the text so far. */
  get text() {
    return this.#text;
  }

  /** Show the text with `more` behind it. */
  append(more) {
    if (!more) return;
    this.#text += more;
    // Digits alone may become the next item of the list before them.
    this.#draw(this.#text.slice(this.#settled).replace(/(?:^|\n) {0,3}\d{1,9}$/, ""));
  }

  /** No more will come. */
  end() {
    this.#draw(this.#text.slice(this.#settled));
  }

  #draw(text) {
    const found = blocks(text);
    if (found.length === 0) return;
    const isSameBlock = this.#last?.block.kind === "code" && found.length === 1 && found[0].kind === "code";
    if (isSameBlock && this.#last.block.language === found[0].language) {
      this.#last.block = found[0];
      this.#last.node.querySelector("code").textContent = found[0].text; // keeps place and focus
      return;
    }
    this.#last?.node.remove();
    const nodes = found.map((block) => draw(block));
    this.node.append(...nodes);
    this.#last = { block: found.at(-1), node: nodes.at(-1) };
    this.#settled += found.at(-1).start;
  }
}

/** The nodes of a whole text. */
export const drawMarkdown = (text) => blocks(text).map((block) => draw(block));

function draw(block) {
  switch (block.kind) {
    case "heading":
      // The page's own headings end at the second level.
      return el(`h${Math.min(6, block.level + 2)}`, {}, ...inline(block.text));
    case "rule":
      return el("hr");
    case "code":
      return drawCode(block);
    case "quote":
      return el("blockquote", {}, ...block.blocks.map(draw));
    case "list":
      return drawList(block);
    case "table":
      return drawTable(block);
    default:
      return el("p", {}, ...inline(block.text));
  }
}

function drawCode({ language, text }) {
  const code = el("code", { tabindex: 0 }, text);
  const copy = el("button", { class: "button button-small code-copy", type: "button" }, icon("i-copy", 14), el("span", {}, "Copy"));
  copy.addEventListener("click", () => copyCode(copy, code));
  return el("div", { class: "code-block" }, el("div", { class: "code-head" }, el("span", {}, language || "text"), copy), el("pre", {}, code));
}

async function copyCode(button, code) {
  const words = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(code.textContent);
    words.textContent = "Copied";
  } catch {
    // Without a clipboard (another machine's address is no secure origin) it is marked at least.
    getSelection().selectAllChildren(code);
    words.textContent = "Marked: copy it with the keyboard";
  }
  setTimeout(() => {
    words.textContent = "Copy";
  }, 2000);
}

function drawList({ isOrdered, first, items }) {
  const list = el(isOrdered ? "ol" : "ul", isOrdered && first !== 1 ? { start: first } : {});
  for (const item of items) {
    // One paragraph alone needs no element of its own.
    const isTight = item.length > 0 && item[0].kind === "paragraph" && item.slice(1).every(({ kind }) => kind === "list");
    const nodes = isTight ? [...inline(item[0].text), ...item.slice(1).map(draw)] : item.map(draw);
    list.append(el("li", {}, ...nodes));
  }
  return list;
}

function drawTable({ aligns, head, rows }) {
  const row = (cells, tag) =>
    el("tr", {}, ...cells.map((cell, column) => el(tag, { "data-align": aligns[column], scope: tag === "th" ? "col" : null }, ...inline(cell))));
  return el(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Table" },
    el("table", {}, el("thead", {}, row(head, "th")), el("tbody", {}, ...rows.map((cells) => row(cells, "td")))),
  );
}
