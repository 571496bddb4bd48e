// What it just did, and why there: the last requests of every client, each a link to its receipt.

import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { ago, counted, family, moment, rate, seconds } from "./format.js";
import { receiptOf } from "./paths.js";

export function drawDecisions(parent, picture, serverNow) {
  if (picture.decisions.length === 0) {
    drawEmpty(parent, "li", "Every request appears here, from any client, with the device it ran on and why.");
    return;
  }
  drawList(parent, picture.decisions, (decision) => decision.id, () => makeDecision(serverNow));
}

function makeDecision(serverNow) {
  const device = chip();
  const why = el("a", { class: "row-link" });
  const outcome = el("span");
  const facts = el("span");
  const slow = el("span", { class: "note" });
  const when = el("time", { class: "row-when" });
  const node = el(
    "li",
    { class: "row" },
    device,
    el("p", { class: "row-words" }, why),
    when,
    el("p", { class: "row-facts" }, outcome, facts, slow),
  );
  node.draw = (decision) => {
    device.draw(decision);
    setText(why, decision.words);
    setAttribute(why, "href", receiptOf(decision.id));
    const failed = !["stop", "length", "cancelled"].includes(decision.outcome);
    setAttribute(outcome, "class", failed ? "bad" : "note");
    setText(outcome, decision.outcome_words ? `${decision.outcome_words} · ` : "");
    const parts = [family(decision.family), decision.model];
    if (decision.completion_tokens) parts.push(counted(decision.completion_tokens, "token"));
    if (decision.tokens_per_second) parts.push(`${rate(decision.tokens_per_second)}\u00a0tok/s`);
    parts.push(`${seconds(decision.total_seconds)} in all`);
    setText(facts, parts.join(" · "));
    setText(slow, decision.slow_words ? ` · ${decision.slow_words}` : "");
    setText(when, ago(serverNow() - decision.at));
    setAttribute(when, "datetime", new Date(decision.at).toISOString());
    setAttribute(when, "title", moment(decision.at));
  };
  return node;
}
