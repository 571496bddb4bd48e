// Points in time on a page that the server wrote: how long ago, and exactly on hover.

import { setAttribute, setText } from "./dom.js";
import { ago, moment } from "./format.js";
import { serverNow } from "./frame.js";

export function drawTimes() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const at = Number(node.dataset.at);
    setText(node, ago(serverNow() - at));
    setAttribute(node, "title", moment(at));
  }
}
