// The pages of the models: what is installed, one of them, and Find. Each has some of these parts.

import { setText } from "./dom.js";
import { serverNow, startFrame } from "./frame.js";
import { isLeaving, startActions, tellError } from "./models-actions.js";
import { drawFoundJobs } from "./models-found.js";
import { startPresets } from "./models-presets.js";
import { drawResidences } from "./models-residences.js";
import { drawWork } from "./models-work.js";

let latest = null;
let stamp = null;
let isGoneTold = false;

// The model of this page may be deleted or renamed, here or by somebody else.
function isThere(model) {
  if (!model || latest.models.some(({ name }) => name === model)) return true;
  if (!isLeaving() && !isGoneTold) tellError(`${model} is not installed any more.`);
  isGoneTold = true;
  return false;
}

function drawMoving() {
  drawResidences(latest, serverNow());
  drawFoundJobs(latest);
}

startFrame({
  draw: (picture) => {
    latest = picture;
    drawWork(picture.work);
    drawMoving();
    // What the server drew is old: it draws those parts again.
    if (stamp !== null && stamp !== picture.work.stamp) {
      for (const part of document.querySelectorAll('[hx-trigger="models-changed"]')) {
        if (isThere(part.dataset.model)) window.htmx.trigger(part, "models-changed");
      }
    }
    stamp = picture.work.stamp;
  },
  tick: drawMoving,
});
startActions();
startPresets(document.getElementById("models-presets"));

document.addEventListener("htmx:afterSettle", () => drawMoving());
for (const trouble of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(trouble, ({ detail }) => {
    const status = detail.xhr?.status;
    tellError(status ? `The server answered ${status}.` : "The server cannot be reached.");
    if (detail.target?.classList.contains("fit-place")) setText(detail.target, "");
  });
}
