// One request's receipt: removing what is kept of it, and replaying it on another device.

import { post } from "./actions.js";
import { chip, el, setText } from "./dom.js";
import { seconds } from "./format.js";

const byId = (id) => document.getElementById(id);

export function startReceipt() {
  const running = byId("receipt-running")?.dataset.id;
  if (byId("receipt-unwritten")) setTimeout(() => location.reload(), 1_500);
  startForgetting();
  const replay = byId("replay") ? new Replay(byId("replay")) : null;
  return {
    draw: (picture) => {
      if (running && picture.decisions.some(({ id }) => id === running)) location.reload();
    },
    tick: () => replay?.tick(),
  };
}

function startForgetting() {
  const dialog = byId("forget-dialog");
  if (!dialog) return;
  const error = dialog.querySelector(".dialog-error");
  byId("forget-open").addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  byId("forget").addEventListener("click", async ({ currentTarget }) => {
    currentTarget.disabled = true;
    try {
      await post(currentTarget.dataset.url);
      location.reload();
    } catch (refused) {
      setText(error, refused.message);
      error.hidden = false;
      byId("forget").disabled = false;
    }
  });
}

class Replay {
  #abort = null;
  #device = "";
  #since = 0;

  constructor(node) {
    this.url = node.dataset.url;
    this.buttons = [...node.querySelectorAll("[data-replay]")].filter((button) => !button.disabled);
    this.running = node.querySelector(".replay-running");
    this.words = this.running.querySelector("span");
    this.results = node.querySelector(".replay-results");
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.#run(button.dataset.replay));
    }
    byId("replay-stop").addEventListener("click", () => this.#abort?.abort());
  }

  tick() {
    if (!this.#abort) return;
    const elapsed = (Date.now() - this.#since) / 1000;
    setText(this.words, elapsed < 1 ? `Running on ${this.#device}` : `Running on ${this.#device}, ${seconds(Math.floor(elapsed))}`);
  }

  async #run(device) {
    this.#abort = new AbortController();
    this.#device = device;
    this.#since = Date.now();
    this.#setBusy(true);
    this.tick();
    try {
      this.results.prepend(result(await post(this.url, { device }, { signal: this.#abort.signal })));
    } catch (refused) {
      if (!this.#abort.signal.aborted) this.results.prepend(failure(device, refused.message));
    }
    this.#abort = null;
    this.#setBusy(false);
  }

  #setBusy(isBusy) {
    for (const button of this.buttons) button.disabled = isBusy;
    this.running.hidden = !isBusy;
  }
}

function deviceChip(device, emulated) {
  const node = chip();
  node.draw({ device, emulated });
  return node;
}

function result({ request_id: id, device, emulated, facts, answer, is_same: isSame }) {
  return el(
    "li",
    { class: "replay-result" },
    el("p", {}, deviceChip(device, emulated), isSame ? "The same answer." : "Another answer."),
    el("p", {}, facts.join(" · ")),
    el("p", {}, el("a", { href: `/requests/${encodeURIComponent(id)}/` }, "Its receipt")),
    el("details", {}, el("summary", {}, "Read it"), el("pre", { tabindex: "0" }, answer || "No text.")),
  );
}

function failure(device, message) {
  const dismiss = el("button", { class: "button button-small", type: "button" }, "Dismiss");
  const node = el(
    "li",
    { class: "replay-result", "data-failed": "", role: "alert" },
    el("p", {}, deviceChip(device, false), message),
    dismiss,
  );
  dismiss.addEventListener("click", () => node.remove());
  return node;
}
