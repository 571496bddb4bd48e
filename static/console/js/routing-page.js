// The page Routing. The server draws; here is what joins its parts: the slider and its field, words
// beside the fields they are about, and when to ask again.

import { setText } from "./dom.js";
import { ago, moment } from "./format.js";
import { serverNow, startFrame } from "./frame.js";
import { drawCalibrating } from "./routing-calibrating.js";
import { startErrors } from "./routing-errors.js";
import { placeSlider, startLimit } from "./routing-limit.js";
import { tellProblems } from "./routing-problems.js";

const RECORDS_MILLISECONDS = 1_500; // a request's record is written a moment after its end
const byId = (id) => document.getElementById(id);
let newest = null;
let wasCalibrating = false;
let latest = null;

function drawTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const at = Date.parse(time.dateTime);
    setText(time, ago(serverNow() - at));
    time.title = moment(at);
  }
}

/** Fetch the page's body anew; what is being edited stays. */
function renew() {
  if (document.querySelector(".pending")) return;
  window.htmx.ajax("GET", location.href, { target: "#routing", select: "#routing", swap: "outerHTML" });
}

function draw(picture) {
  latest = picture;
  const first = picture.decisions[0]?.id ?? "";
  if (newest !== null && first !== newest) {
    setTimeout(() => window.htmx.trigger(document.body, "routing-records"), RECORDS_MILLISECONDS);
  }
  newest = first;
  drawCalibrating(picture.calibrating);
  const isCalibrating = Boolean(picture.calibrating?.words);
  if (wasCalibrating && !isCalibrating) renew();
  wasCalibrating = isCalibrating;
}

document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "preview") {
    placeSlider();
    tellProblems();
    window.htmx.trigger(document.body, "routing-edited");
  }
});
document.body.addEventListener("htmx:afterSettle", () => {
  drawTimes();
  if (latest) drawCalibrating(latest.calibrating);
});
// The body came anew: say what was done, where the focus is not lost.
document.body.addEventListener("htmx:load", ({ detail }) => {
  if (detail.elt.id !== "routing") return;
  window.htmx.trigger(document.body, "routing-edited");
  const said = byId("routing-said");
  if (!said.hidden) said.focus();
});
byId("model-choice")?.addEventListener("change", ({ target }) => target.form.submit());

startErrors(byId("routing-error"));
startLimit();
startFrame({ draw, tick: drawTimes });
drawTimes();
