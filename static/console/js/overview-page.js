// The overview: the live line feeds every part of the page.

import { makeCharts } from "./charts.js";
import { drawDecisions } from "./decisions.js";
import { drawDevices } from "./devices.js";
import { drawFallbacks } from "./fallbacks.js";
import { serverNow, startFrame } from "./frame.js";
import { History } from "./history.js";
import { drawModels } from "./models.js";
import { drawNotices } from "./notices.js";
import { drawNow, startCancelling } from "./now.js";
import { drawOnItsWay } from "./on-its-way.js";

const byId = (id) => document.getElementById(id);
const history = new History(JSON.parse(byId("history").textContent));
const charts = makeCharts(byId("charts"), byId("charts-when"));
let latest = null;

function drawMoving() {
  drawNow(byId("now"), byId("now-count"), latest, serverNow);
  drawModels(byId("models"), latest, serverNow);
  drawDecisions(byId("decisions"), latest, serverNow);
  drawFallbacks(byId("fallbacks"), latest, serverNow);
}

history.onChange = () => {
  if (!latest) return;
  charts.draw(history, latest.devices);
  drawDevices(byId("devices"), latest, history);
};
startCancelling(byId("now"), byId("cancel"), byId("now-note"));
startFrame({
  draw: (picture) => {
    const isFirst = latest === null;
    latest = picture;
    drawNotices(byId("notices"), picture);
    drawDevices(byId("devices"), picture, history);
    drawOnItsWay(byId("on-its-way"), picture);
    drawMoving();
    history.add(picture.sample);
    if (isFirst) history.onChange();
  },
  tick: drawMoving,
});
