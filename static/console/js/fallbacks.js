// Where requests could not run as they were routed, alike ones together, in words.

import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { ago, count, moment } from "./format.js";
import { receiptOf } from "./paths.js";

export function drawFallbacks(parent, picture, serverNow) {
  if (picture.fallbacks.length === 0) {
    const words = picture.decisions.length
      ? "None: every request ran where it was sent."
      : "Requests that could not run where they were sent appear here, with the reason.";
    drawEmpty(parent, "li", words);
    return;
  }
  const keyOf = ({ routed, device, words }) => [routed, device, words].join("|");
  drawList(parent, picture.fallbacks, keyOf, () => makeFallback(serverNow));
}

function makeFallback(serverNow) {
  const device = chip();
  const why = el("a", { class: "row-link" });
  const when = el("time", { class: "row-when" });
  const facts = el("p", { class: "row-facts" });
  const node = el("li", { class: "row" }, device, el("p", { class: "row-words" }, why), when, facts);
  node.draw = (fallback) => {
    device.draw(fallback);
    setText(why, fallback.words);
    setAttribute(why, "href", receiptOf(fallback.id));
    setText(facts, fallback.count === 1 ? "once" : `${count(fallback.count)} times; this is the last one`);
    setText(when, ago(serverNow() - fallback.at));
    setAttribute(when, "datetime", new Date(fallback.at).toISOString());
    setAttribute(when, "title", moment(fallback.at));
  };
  return node;
}
