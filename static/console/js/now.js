// The requests under way, whoever asked, each with a way to end it.

import { Refused, post } from "./actions.js";
import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { clock, count, counted, family, moment } from "./format.js";
import { cancelPath, receiptOf } from "./paths.js";

export function drawNow(parent, counter, picture, serverNow) {
  const more = picture.under_way - picture.requests.length;
  setText(counter, more > 0 ? `the oldest ${picture.requests.length} of ${count(picture.under_way)}` : "");
  if (picture.requests.length === 0) {
    drawEmpty(parent, "li", "Nothing runs. Requests appear here while they wait and answer, with a way to cancel them.");
    return;
  }
  drawList(parent, picture.requests, ({ id }) => id, () => makeRequest(serverNow));
}

function makeRequest(serverNow) {
  const device = chip();
  const model = el("a", { class: "row-title" });
  const words = el("span");
  const facts = el("p", { class: "row-facts" });
  const when = el("time", { class: "row-when" });
  const stop = el("button", { class: "button button-small", type: "button" }, "Cancel");
  const node = el(
    "li",
    { class: "row row-now" },
    device,
    el("p", { class: "row-words" }, model, words),
    when,
    stop,
    facts,
  );
  node.draw = (request) => {
    device.draw({ device: request.device || "", emulated: request.emulated });
    setText(device, request.device || "waits");
    setText(model, request.model);
    setAttribute(model, "href", receiptOf(request.id));
    setText(words, request.tokens ? ` · ${counted(request.tokens, "token")}` : "");
    setText(facts, [request.words, family(request.family), request.endpoint, request.client].filter(Boolean).join(" · "));
    setText(when, clock(serverNow() - request.since));
    setAttribute(when, "title", `since ${moment(request.since)}`);
    setAttribute(stop, "data-cancel", request.id);
    setAttribute(stop, "data-what", whatOf(request));
    setAttribute(stop, "aria-label", `Cancel the request to ${request.model} from ${request.client || "here"}`);
  };
  return node;
}

function whatOf({ model, client, family: kind, tokens }) {
  const far = tokens ? `${counted(tokens, "token")} so far` : "nothing answered yet";
  return `${model}, asked by ${client || "this console"} over ${family(kind)}; ${far}.`;
}

/** Ask before it is done; say what did not work until that is no longer true. */
export function startCancelling(list, dialog, note) {
  let wanted = "";
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-cancel]");
    if (!button) return;
    wanted = button.dataset.cancel;
    setText(dialog.querySelector("#cancel-what"), button.dataset.what);
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "cancel") return;
    note.hidden = true;
    try {
      await post(cancelPath(wanted));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(note, `Not cancelled. ${error.message}`);
      note.hidden = false;
    }
  });
}
