// The page Connect: who reached the server, live; the choices fill in the snippets at once.

import { drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { ago, counted, moment } from "./format.js";
import { serverNow, startFrame } from "./frame.js";

const FRESH_MILLISECONDS = 30_000;
const list = document.getElementById("reached");
const spoken = document.getElementById("reached-spoken");
let callers = [];
let newest = null;

function makeRow() {
  const client = el("span", { class: "reached-client" });
  const from = el("span", { class: "reached-from" });
  const what = el("span", { class: "reached-what" });
  const when = el("time", { class: "reached-when" });
  const node = el("li", {}, el("span", { class: "reached-dot", "aria-hidden": "true" }), client, from, what, when);
  node.draw = (caller) => {
    const age = serverNow() - caller.at;
    setAttribute(node, "data-fresh", age < FRESH_MILLISECONDS ? "" : null);
    setText(client, caller.client);
    setText(from, `from ${caller.address}, ${counted(caller.requests, "request")}`);
    setText(what, `${caller.request}${caller.status ? ` → ${caller.status}` : " …"}`);
    setText(when, ago(age));
    setAttribute(when, "title", moment(caller.at));
  };
  return node;
}

function draw() {
  if (callers.length === 0) {
    drawEmpty(list, "li", "Nobody since the server started. Send a request with a client: it appears here at once, even if it is refused.");
    return;
  }
  drawList(list, callers, ({ address, client }) => `${address} ${client}`, makeRow);
}

// Said once for each client that was not there before, not for every request.
function speak() {
  const key = callers.length ? `${callers[0].address} ${callers[0].client}` : "";
  if (newest !== null && key && key !== newest) {
    setText(spoken, `${callers[0].client} just reached this server from ${callers[0].address}.`);
  }
  newest = key;
}

startFrame({
  draw: (picture) => {
    callers = picture.callers;
    draw();
    speak();
  },
  tick: draw,
});

// Without a submit button to press: a choice is filled in when it is made.
document.addEventListener("change", (event) => {
  event.target.closest(".connect-form")?.requestSubmit();
});
