// One question with its answers: a cell for each lane, and in a cell the answers of that lane, the
// last one shown, the others a step back.

import { AnswerView } from "./answer.js";
import { el, icon, setAttribute, setText } from "./dom.js";

const LONG_QUESTION = 600;

export class Turn {
  /** `id` is the server's, null until it has the question. `onAgain(turn, lane)`,
   *  `onStop(turn, lane)`. */
  constructor({ id = null, text, lanes, onAgain, onStop }) {
    this.id = id;
    this.text = text;
    this.onAgain = onAgain;
    this.onStop = onStop;
    this.cells = [];
    this.grid = el("div", { class: "lanes" });
    const asked = el("div", { class: text.length > LONG_QUESTION ? "asked is-long" : "asked", dir: "auto" }, text);
    if (text.length > LONG_QUESTION) asked.tabIndex = 0; // it scrolls
    this.node = el("div", { class: "turn" }, asked, this.grid);
    this.widen(lanes);
  }

  widen(lanes) {
    while (this.cells.length < lanes) this.#addCell();
    setAttribute(this.grid, "data-lanes", this.cells.length);
  }

  #addCell() {
    const lane = this.cells.length;
    const back = el("button", { class: "button button-icon", type: "button", "aria-label": "Earlier answer" }, icon("i-back", 14));
    const on = el("button", { class: "button button-icon", type: "button", "aria-label": "Later answer" }, icon("i-on", 14));
    const words = el("span");
    const pager = el("div", { class: "pager", title: "The conversation goes on with the last one", hidden: "" }, back, words, on);
    const stop = el("button", { class: "button button-small lane-stop", type: "button", hidden: "" }, icon("i-stop", 14), "Stop");
    const node = el("div", { class: "lane" }, pager, stop);
    const cell = { lane, node, pager, words, back, on, stop, views: [], shown: -1 };
    back.addEventListener("click", () => this.#show(cell, cell.shown - 1));
    on.addEventListener("click", () => this.#show(cell, cell.shown + 1));
    stop.addEventListener("click", () => this.onStop(this, lane));
    this.cells.push(cell);
    this.grid.append(node);
  }

  #options(lane) {
    return {
      onAgain: () => this.onAgain(this, lane),
      name: lane === 0 && this.cells.length === 1 ? "Answer" : `Answer ${lane + 1}`,
    };
  }

  /** An answer that comes now. */
  begin(lane) {
    this.widen(lane + 1);
    const view = new AnswerView(this.#options(lane));
    view.node.setAttribute("aria-busy", "true");
    this.cells[lane].stop.hidden = this.cells.length === 1;
    this.#add(lane, view);
    return view;
  }

  /** An answer that is kept. */
  addKept(message) {
    this.widen(message.lane + 1);
    this.#add(message.lane, AnswerView.of(message, this.#options(message.lane)));
  }

  end(lane) {
    const cell = this.cells[lane];
    cell.stop.hidden = true;
    cell.views.at(-1).node.removeAttribute("aria-busy");
  }

  /** Which answers can be given once more: those of lanes that there still are. */
  offerAgain(lanes) {
    for (const { lane, views } of this.cells) {
      for (const view of views) view.tools?.querySelector("[data-again]")?.toggleAttribute("hidden", lane >= lanes);
    }
  }

  /** Say which of several answers began first and which was written fastest. */
  compare() {
    const views = this.cells.map(({ views: all }) => all.at(-1)).filter((view) => view?.speed && !view.failure);
    if (views.length < 2) return;
    const best = (of) => views.reduce((one, other) => (of(other) > of(one) ? other : one));
    const soonest = best((view) => -view.ttft);
    const fastest = best((view) => view.speed);
    for (const view of views) {
      const words = [view === soonest ? "first to begin" : "", view === fastest ? "fastest" : ""];
      view.praise(words.filter(Boolean).join(", "));
    }
  }

  #add(lane, view) {
    const cell = this.cells[lane];
    cell.views.push(view);
    this.#show(cell, cell.views.length - 1);
  }

  #show(cell, index) {
    cell.views[cell.shown]?.node.remove();
    cell.shown = index;
    cell.node.append(cell.views[index].node);
    cell.pager.hidden = cell.views.length < 2;
    cell.back.disabled = index === 0;
    cell.on.disabled = index === cell.views.length - 1;
    setText(cell.words, `${index + 1}\u00a0of\u00a0${cell.views.length}`);
  }
}
