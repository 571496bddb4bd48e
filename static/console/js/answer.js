// One answer on the page: its text as it comes, then the receipt. Text is only ever text.

import { chip, el, icon, setText } from "./dom.js";
import { count, rate, seconds } from "./format.js";

const PARTS = { queue: "waiting", load: "loading the model", prefill: "reading the prompt", decode: "writing" };
const ENDINGS = { length: "cut at its token limit", cancelled: "stopped by you" };

export class AnswerView {
  constructor({ onAgain }) {
    this.text = "";
    this.tokens = 0;
    this.askedAt = performance.now();
    this.wait = el("p", { class: "answer-wait" }, "Sent");
    this.body = el("div", { class: "answer-text", "data-streaming": "" });
    this.receipt = el("div", { class: "receipt" });
    this.node = el("article", { class: "answer", "aria-label": "Answer" }, this.wait);
    this.onAgain = onAgain;
  }

  /** Before the first token: what it waits for, in words. */
  drawWait(words) {
    if (!this.wait.isConnected) return;
    const elapsed = (performance.now() - this.askedAt) / 1000;
    setText(this.wait, elapsed < 1 ? words : `${words}, ${Math.floor(elapsed)}\u00a0s`);
  }

  started(frame) {
    this.start = frame;
    this.startedAt = performance.now();
    this.wait.remove();
    this.node.dataset.device = frame.device.split(".")[0].toLowerCase();
    const name = chip();
    name.draw(frame);
    this.facts = el("p", { class: "receipt-facts" });
    this.receipt.append(
      el("p", { class: "receipt-why" }, name, el("span", {}, frame.why)),
      this.facts,
    );
    this.node.append(this.body, this.receipt);
    this.#drawRunning();
  }

  /** The model's reasoning: open while nothing else is there, folded once the answer begins. */
  think(frame) {
    this.tokens += frame.tokens;
    if (!this.thoughts) {
      this.thoughts = el("p");
      this.reasoning = el("details", { class: "reasoning", open: "" }, el("summary", {}, "Reasoning"), this.thoughts);
      this.body.before(this.reasoning);
    }
    if (frame.text) this.thoughts.append(frame.text);
    this.#drawRunning();
  }

  add(frame) {
    if (!this.text && frame.text) this.reasoning?.removeAttribute("open");
    this.text += frame.text;
    this.tokens += frame.tokens;
    if (frame.text) this.body.append(frame.text);
    this.#drawRunning();
  }

  finished(frame) {
    delete this.body.dataset.streaming;
    this.wait.remove();
    if (!this.start) {
      this.node.append(el("p", { class: "answer-wait" }, "Stopped before the first token."));
      return;
    }
    const { seconds: times, completion_tokens: out } = frame;
    const speed = times.decode > 0 && out > 1 ? (out - 1) / times.decode : 0;
    this.#drawFacts([
      [count(frame.prompt_tokens || this.start.prompt_tokens), "tokens in"],
      [count(out), "tokens out"],
      [seconds(times.ttft), "to the first token"],
      speed ? [rate(speed), "tok/s"] : null,
      [seconds(times.total), "in all"],
      ENDINGS[frame.reason] ? ["", ENDINGS[frame.reason]] : null,
    ]);
    this.receipt.append(timeline(times));
  }

  failed(frame) {
    delete this.body.dataset.streaming;
    this.wait.remove();
    const box = el("div", { class: "chat-error", role: "alert" }, icon("i-warning"), el("p", {}, frame.message));
    const again = el("button", { class: "button button-small", type: "button" }, "Try again");
    const dismiss = el("button", { class: "button button-small", type: "button" }, "Dismiss");
    again.addEventListener("click", () => this.onAgain());
    dismiss.addEventListener("click", () => {
      box.remove();
      this.onDismiss?.();
    });
    box.append(again, dismiss);
    this.node.append(box);
  }

  #drawRunning() {
    const elapsed = (performance.now() - this.startedAt) / 1000;
    const speed = elapsed > 0.3 ? this.tokens / elapsed : 0;
    this.#drawFacts([
      [count(this.start.prompt_tokens), "tokens in"],
      [count(this.tokens), "tokens out"],
      [seconds((this.startedAt - this.askedAt) / 1000), "to the first token"],
      speed ? [rate(speed), "tok/s"] : null,
    ]);
  }

  #drawFacts(facts) {
    const wanted = facts.filter(Boolean);
    while (this.facts.children.length > wanted.length) this.facts.lastChild.remove();
    wanted.forEach(([number, words], index) => {
      const part = this.facts.children[index] ?? this.facts.appendChild(el("span", {}, el("b"), el("span")));
      setText(part.firstChild, number);
      setText(part.lastChild, number ? `\u00a0${words}` : words);
    });
  }
}

/** The receipt's bar: what the time went into, in proportion. */
function timeline(times) {
  const parts = Object.keys(PARTS).filter((part) => times[part] > 0.0005);
  const words = parts.map((part) => `${PARTS[part]} ${seconds(times[part])}`).join(", ");
  const node = el("div", { class: "timeline", role: "img", "aria-label": words, title: words });
  for (const part of parts) {
    const segment = el("i", { "data-part": part });
    segment.style.flexGrow = Math.max(1, Math.round(times[part] * 1000));
    node.append(segment);
  }
  return node;
}
