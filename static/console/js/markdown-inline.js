// Markdown inside a block: emphasis, code, links. Gives nodes, and no markup of the text ever
// becomes any: an element is made only for what is recognised here, and links only lead to
// http, https and mailto. Every scan is bounded, because a model may write anything.

import { el } from "./dom.js";

const SAFE = new Set(["http:", "https:", "mailto:"]);
const MOST_DELIMITERS = 200; // of one block; those after are text
const LINK = /!?\[((?:\\.|[^\\[\]\n]){0,1000})\]\(\s*(<[^<>\n]{0,2000}>|[^\s()<>]{0,2000}(?:\([^\s()<>]{0,500}\)[^\s()<>]{0,500}){0,5})(?:\s+(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s*\)/y;
const ANGLE = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const BARE = /https?:\/\/[^\s<>"'`]{1,2000}/y;
const MARKUP = /[\\`*_~[!<h\n]/g;
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;

/** The address of a link that may be followed, or null. */
export function safeAddress(text) {
  if (!/^(https?:\/\/|mailto:)/i.test(text)) return null;
  try {
    const url = new URL(text);
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The nodes of a block's text. */
export function inline(text, depth = 0) {
  const parts = []; // nodes, and delimiters {mark, count, canOpen, canClose}
  let delimiters = 0;
  let plain = "";
  let at = 0;
  const unclosed = new Set(); // lengths of runs of ` that nothing closes
  const put = (node) => {
    if (plain) parts.push(document.createTextNode(plain));
    plain = "";
    if (node) parts.push(node);
  };

  while (at < text.length) {
    MARKUP.lastIndex = at;
    const next = MARKUP.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at >= text.length) break;
    const mark = text[at];
    if (mark === "\\" && PUNCTUATION.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
    } else if (mark === "\n") {
      plain = plain.trimEnd();
      put(el("br"));
      at += 1;
    } else if (mark === "`") {
      const code = codeAt(text, at, unclosed);
      if (code) put(el("code", {}, code.text));
      else plain += "`".repeat(runLength(text, at));
      at = code ? code.end : at + runLength(text, at);
    } else if (mark === "[" || mark === "!" || mark === "<" || mark === "h") {
      const link = linkAt(text, at, depth);
      if (link) put(link.node);
      else plain += mark;
      at = link ? link.end : at + 1;
    } else if (mark === "*" || mark === "_" || mark === "~") {
      const count = runLength(text, at);
      const run = flanks(text, at, count, mark);
      if ((run.canOpen || run.canClose) && delimiters < MOST_DELIMITERS && !(mark === "~" && count !== 2)) {
        delimiters += 1;
        put(run);
      } else plain += mark.repeat(count);
      at += count;
    } else {
      plain += mark;
      at += 1;
    }
  }
  put(null);
  return emphasised(parts);
}

function runLength(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

function codeAt(text, at, unclosed) {
  const length = runLength(text, at);
  if (unclosed.has(length)) return null;
  let close = text.indexOf("`", at + length);
  while (close >= 0) {
    const run = runLength(text, close);
    if (run === length) {
      let code = text.slice(at + length, close).replace(/\n/g, " ");
      if (code.startsWith(" ") && code.endsWith(" ") && code.trim()) code = code.slice(1, -1);
      return { text: code, end: close + length };
    }
    close = text.indexOf("`", close + run);
  }
  unclosed.add(length);
  return null;
}

function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function linkAt(text, at, depth) {
  const named = depth < 2 && text[at] !== "<" && text[at] !== "h" ? matchAt(LINK, text, at) : null;
  if (named) {
    const address = safeAddress(named[2].replace(/^<|>$/g, ""));
    const isPicture = text[at] === "!"; // nothing is loaded for it: a link to it will do
    const words = named[1].trim() ? (isPicture ? [unescaped(named[1])] : inline(named[1], depth + 1)) : [address ?? ""];
    const end = at + named[0].length;
    return address ? { node: anchor(address, words), end } : { node: document.createTextNode(named[0]), end };
  }
  if (text[at] === "<") {
    const angle = matchAt(ANGLE, text, at);
    const address = angle && safeAddress(angle[1]);
    return address ? { node: anchor(address, [angle[1]]), end: at + angle[0].length } : null;
  }
  if (text[at] !== "h" || depth > 0 || WORD.test(text[at - 1] ?? "")) return null;
  const bare = matchAt(BARE, text, at);
  if (!bare) return null;
  const shown = withoutTail(bare[0]);
  const address = safeAddress(shown);
  return address ? { node: anchor(address, [shown]), end: at + shown.length } : null;
}

/** An address in a sentence ends before the sentence's own marks. */
function withoutTail(address) {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1];
    const isClosing = last === ")" && !address.slice(0, end).includes("(");
    if (!isClosing && !/[.,;:!?*_~\]]/.test(last)) break;
    end -= 1;
  }
  return address.slice(0, end);
}

const unescaped = (text) => text.replace(/\\([!-/:-@[-`{-~])/g, "$1");

// The title is the address: words cannot pretend that a link leads elsewhere.
const anchor = (address, words) =>
  el("a", { href: address, title: address, rel: "noopener noreferrer nofollow", target: "_blank" }, ...words);

function flanks(text, at, count, mark) {
  const before = text[at - 1] ?? " ";
  const after = text[at + count] ?? " ";
  const opens = !/\s/.test(after) && (!PUNCTUATION.test(after) || /\s/.test(before) || PUNCTUATION.test(before));
  const closes = !/\s/.test(before) && (!PUNCTUATION.test(before) || /\s/.test(after) || PUNCTUATION.test(after));
  const isInside = mark === "_"; // snake_case is no emphasis
  return {
    mark,
    count,
    canOpen: opens && !(isInside && WORD.test(before)),
    canClose: closes && !(isInside && WORD.test(after)),
  };
}

const isRun = (part) => part.mark !== undefined;

/** Pairs of delimiters become elements around what is between them; the others text. */
function emphasised(parts) {
  const out = [];
  for (const part of parts) {
    if (!isRun(part)) {
      out.push(part);
      continue;
    }
    if (part.canClose) closeRuns(out, part);
    if (part.count > 0) out.push(part);
  }
  return out.map((part) => (isRun(part) ? document.createTextNode(part.mark.repeat(part.count)) : part));
}

function closeRuns(out, closer) {
  while (closer.count > 0) {
    const opener = out.findLastIndex((part) => isRun(part) && part.mark === closer.mark && part.canOpen && part.count > 0);
    if (opener < 0) return;
    const wide = Math.min(out[opener].count, closer.count, 2);
    const tag = closer.mark === "~" ? "del" : wide === 2 ? "strong" : "em";
    const inner = out.splice(opener + 1).map((part) => (isRun(part) ? document.createTextNode(part.mark.repeat(part.count)) : part));
    out[opener].count -= wide;
    closer.count -= wide;
    if (out[opener].count === 0) out.pop();
    out.push(el(tag, {}, ...inner));
  }
}
