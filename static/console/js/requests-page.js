// The page Requests: the list, or one request's receipt.

import { startFrame } from "./frame.js";
import { startList } from "./requests-list.js";
import { startReceipt } from "./requests-receipt.js";
import { drawTimes } from "./requests-times.js";

const view = document.getElementById("requests") ? startList() : startReceipt();

startFrame({
  draw: (picture) => view.draw(picture),
  tick: () => {
    drawTimes();
    view.tick?.();
  },
});
drawTimes();
