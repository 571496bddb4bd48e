// What it just did, and why there: the last requests of every client.

import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { ago, counted, moment, rate } from "./format.js";

const FAMILIES = { ollama: "Ollama", openai: "OpenAI", anthropic: "Anthropic", console: "Console" };

export function drawDecisions(parent, picture, serverNow) {
  if (picture.decisions.length === 0) {
    drawEmpty(parent, "li", "Every request appears here, from any client, with the device it ran on and why.");
    return;
  }
  drawList(parent, picture.decisions, (decision) => decision.id, () => makeDecision(serverNow));
}

function makeDecision(serverNow) {
  const device = chip();
  const why = el("p", { class: "decision-why" });
  const outcome = el("span");
  const facts = el("span");
  const when = el("time");
  const node = el(
    "li",
    { class: "decision" },
    device,
    why,
    when,
    el("p", { class: "decision-facts" }, outcome, facts),
  );
  node.draw = (decision) => {
    device.draw(decision);
    setText(why, decision.words);
    const failed = !["stop", "length", "cancelled"].includes(decision.outcome);
    setAttribute(outcome, "class", failed ? "bad" : "note");
    setText(outcome, decision.outcome_words ? `${decision.outcome_words} · ` : "");
    const parts = [FAMILIES[decision.family] ?? decision.family, decision.model];
    if (decision.completion_tokens) parts.push(counted(decision.completion_tokens, "token"));
    if (decision.tokens_per_second) parts.push(`${rate(decision.tokens_per_second)}\u00a0tok/s`);
    setText(facts, parts.join(" · "));
    setText(when, ago(serverNow() - decision.at));
    setAttribute(when, "datetime", new Date(decision.at).toISOString());
    setAttribute(when, "title", moment(decision.at));
  };
  return node;
}
