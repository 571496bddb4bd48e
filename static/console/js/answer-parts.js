// Parts of an answer that do not move: a tool call, and the bar of what the time went into.

import { el, icon } from "./dom.js";
import { seconds } from "./format.js";

const PARTS = { queue: "waiting", load: "loading the model", prefill: "reading the prompt", decode: "writing" };

/** A call as the model made it, with what is wrong with its arguments if anything is. */
export function drawCall({ name, arguments: values, problem }) {
  return el(
    "div",
    { class: "call" },
    el("p", { class: "call-name" }, icon("i-routing", 14), "Calls ", el("code", {}, name)),
    el("pre", {}, el("code", { tabindex: 0 }, JSON.stringify(values, null, 2))),
    problem ? el("p", { class: "call-problem" }, `Not as the tool wants it: ${problem}`) : null,
  );
}

/** The receipt's bar: what the time went into, in proportion. */
export function timeline(times) {
  const parts = Object.keys(PARTS).filter((part) => times[part] > 0.0005);
  const words = parts.map((part) => `${PARTS[part]} ${seconds(times[part])}`).join(", ");
  const node = el("div", { class: "timeline", role: "img", "aria-label": words || "No time was measured", title: words });
  for (const part of parts) {
    const segment = el("i", { "data-part": part });
    segment.style.flexGrow = Math.max(1, Math.round(times[part] * 1000));
    node.append(segment);
  }
  return node;
}
