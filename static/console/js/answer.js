// One answer on the page, live or from the database: reasoning, calls, text, and under it the
// receipt: where it ran, why, and what it took.

import { chip, el, icon, setText } from "./dom.js";
import { count, rate, seconds } from "./format.js";
import { Markdown } from "./markdown.js";
import { drawCall, timeline } from "./answer-parts.js";

const ENDINGS = { length: "cut at its token limit", cancelled: "stopped" };

export class AnswerView {
  #waiting = ""; // text that has come and is not drawn yet: once a frame is enough
  #frame = 0;

  /** `onAgain()` answers the question once more, null where that cannot be; `name` is said to
   *  screen readers. */
  constructor({ onAgain = null, name = "Answer" } = {}) {
    this.tokens = 0;
    this.askedAt = performance.now();
    this.wait = el("p", { class: "answer-wait" }, "Sent");
    this.body = el("div", { class: "answer-text", dir: "auto" });
    this.markdown = new Markdown(this.body);
    this.receipt = el("div", { class: "receipt" });
    this.node = el("article", { class: "answer", "aria-label": name }, this.wait);
    this.onAgain = onAgain;
  }

  get text() {
    return this.markdown.text + this.#waiting;
  }

  /** An answer that was given earlier. */
  static of(message, options) {
    const view = new AnswerView(options);
    const { receipt } = message;
    view.wait.remove();
    if (message.thinking) view.#think(message.thinking);
    view.reasoning?.removeAttribute("open");
    for (const call of message.calls) view.call({ call });
    view.markdown.append(message.content);
    view.markdown.end();
    if (receipt.device || message.content) view.#begin(receipt);
    if (receipt.error) view.#fail(receipt.error);
    else if (!receipt.device) view.#tellNothingCame();
    view.#end(receipt);
    return view;
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
    this.body.dataset.streaming = "";
    this.#begin(frame);
    this.#drawRunning();
  }

  /** The model's reasoning: open while nothing else is there, folded once the answer begins. */
  think(frame) {
    this.tokens += frame.tokens;
    if (frame.text) this.#think(frame.text);
    this.#drawSoon();
  }

  add(frame) {
    if (!this.text && frame.text.trim()) this.reasoning?.removeAttribute("open");
    this.tokens += frame.tokens;
    this.#waiting += frame.text;
    this.#drawSoon();
  }

  call({ call }) {
    this.calledTool = call.name;
    this.reasoning?.removeAttribute("open");
    this.node.insertBefore(drawCall(call), this.receipt.isConnected ? this.receipt : null);
  }

  /** The last frame: finished, or an error. */
  ended(frame) {
    this.#drawNow();
    this.markdown.end();
    delete this.body.dataset.streaming;
    this.wait.remove();
    if (frame.type === "error") this.#fail(frame.message);
    else if (!this.start) this.#tellNothingCame();
    this.#end(frame.receipt ?? {});
  }

  /** Mark what this answer was best at among those beside it. */
  praise(words) {
    this.best?.remove();
    this.best = words ? el("span", { class: "tag" }, words) : null;
    if (this.best) this.why.append(this.best);
  }

  #think(text) {
    if (!this.thoughts) {
      this.thoughts = el("p", { dir: "auto" });
      this.reasoning = el("details", { class: "reasoning", open: "" }, el("summary", {}, "Reasoning"), this.thoughts);
      this.node.prepend(this.reasoning);
    }
    this.thoughts.append(text);
  }

  #begin(receipt) {
    this.chip = chip();
    this.words = el("span", { class: "why" });
    this.why = el("p", { class: "receipt-why" }, this.chip, this.words);
    this.facts = el("p", { class: "receipt-facts" });
    this.receipt.append(this.why, this.facts);
    this.node.append(this.body, this.receipt);
    this.#drawWhere(receipt);
  }

  #drawWhere(receipt) {
    const { device = "", emulated, fell_back: fellBack, why } = receipt;
    if (device) {
      this.node.dataset.device = device.split(".")[0].toLowerCase();
      this.chip.draw({ device, emulated });
    }
    this.chip.hidden = !device;
    this.receipt.toggleAttribute("data-elsewhere", Boolean(fellBack));
    setText(this.words, why ?? "");
  }

  #end(receipt) {
    if (this.facts && receipt.device) {
      this.#drawWhere(receipt);
      const { seconds: times = {}, completion_tokens: out = 0 } = receipt;
      this.speed = times.decode > 0 && out > 1 ? (out - 1) / times.decode : 0;
      this.ttft = times.ttft ?? 0;
      this.#drawFacts([
        [count(receipt.prompt_tokens ?? 0), "tokens in"],
        [count(out), "tokens out"],
        receipt.thinking_tokens ? [count(receipt.thinking_tokens), "of them reasoning"] : null,
        [seconds(times.ttft ?? 0), "to the first token"],
        this.speed ? [rate(this.speed), "tok/s"] : null,
        [seconds(times.total ?? 0), "in all"],
        ENDINGS[receipt.outcome] ? ["", ENDINGS[receipt.outcome]] : null,
        ["", receipt.model],
      ]);
      this.receipt.append(timeline(times));
    }
    if (receipt.ignored?.length) {
      this.receipt.append(el("p", {}, `Without effect here: ${receipt.ignored.join(", ")}`));
    }
    this.#offer(receipt);
  }

  #offer({ request_id: request }) {
    this.tools = el("div", { class: "answer-tools" });
    if (this.text) {
      const words = el("span", {}, "Copy");
      const copy = el("button", { class: "button button-small button-quiet", type: "button" }, icon("i-copy", 14), words);
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(this.text);
          setText(words, "Copied");
        } catch {
          getSelection().selectAllChildren(this.body);
          setText(words, "Marked");
        }
        setTimeout(() => setText(words, "Copy"), 2000);
      });
      this.tools.append(copy);
    }
    if (this.onAgain) {
      const again = el("button", { class: "button button-small button-quiet", type: "button", "data-again": "" }, icon("i-again", 14), this.failure ? "Try again" : "Regenerate");
      again.addEventListener("click", () => this.onAgain());
      this.tools.append(again);
    }
    if (request) {
      this.tools.append(el("a", { class: "button button-small button-quiet", href: `/requests/${encodeURIComponent(request)}/` }, icon("i-requests", 14), "Receipt"));
    }
    this.node.append(this.tools);
  }

  #tellNothingCame() {
    this.node.append(el("p", { class: "answer-wait" }, "Stopped before the first token."));
  }

  #fail(message) {
    this.failure = el("div", { class: "chat-error", role: "alert" }, icon("i-warning"), el("p", {}, message));
    this.node.append(this.failure);
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const text = this.#waiting;
    this.#waiting = "";
    this.markdown.append(text);
    if (this.start) this.#drawRunning();
    if (text) this.onDrawn?.();
  }

  #drawRunning() {
    const elapsed = (performance.now() - this.startedAt) / 1000;
    const speed = elapsed > 0.3 ? this.tokens / elapsed : 0;
    this.#drawFacts([
      [count(this.start.prompt_tokens), "tokens in"],
      [count(this.tokens), "tokens out"],
      [seconds((this.startedAt - this.askedAt) / 1000), "to the first token"],
      speed ? [rate(speed), "tok/s"] : null,
      ["", this.start.model],
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
