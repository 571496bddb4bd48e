// The overview: the live line feeds every part of the page.

import { startChat } from "./chat.js";
import { drawDecisions } from "./decisions.js";
import { drawDevices } from "./devices.js";
import { serverNow, startFrame } from "./frame.js";
import { drawModels } from "./models.js";
import { drawNotices } from "./notices.js";

const byId = (id) => document.getElementById(id);
const chat = startChat();
let latest = null;

function drawMoving() {
  drawModels(byId("models"), latest, serverNow);
  drawDecisions(byId("decisions"), latest, serverNow);
}

startFrame({
  draw: (picture) => {
    latest = picture;
    drawNotices(byId("notices"), picture);
    drawDevices(byId("devices"), picture);
    drawMoving();
    chat.drawPicture(picture);
  },
  tick: drawMoving,
});
