// The overview: one live line feeds every part of the page, the chat has a line of its own.

import { startChat } from "./chat.js";
import { startCopying } from "./copying.js";
import { drawDecisions } from "./decisions.js";
import { drawDevices } from "./devices.js";
import { LiveLine } from "./live.js";
import { drawModels } from "./models.js";
import { drawNotices } from "./notices.js";
import { drawLink, drawStatus } from "./status.js";
import { startThemeSwitch } from "./theme.js";

const byId = (id) => document.getElementById(id);

let picture = JSON.parse(byId("picture").textContent);
let clockOffset = picture.at - Date.now();
const serverNow = () => Date.now() + clockOffset;

startThemeSwitch(byId("theme"), byId("theme-words"));
startCopying();
const chat = startChat();

function draw() {
  drawStatus(picture);
  drawNotices(byId("notices"), picture);
  drawDevices(byId("devices"), picture);
  drawModels(byId("models"), picture, serverNow);
  drawDecisions(byId("decisions"), picture, serverNow);
  chat.drawPicture(picture);
}
draw();

const line = new LiveLine({
  onPicture: (latest) => {
    picture = latest;
    clockOffset = picture.at - Date.now();
    draw();
  },
  onLink: drawLink,
});
line.start();
byId("status-link-retry").addEventListener("click", () => line.tryNow());
byId("rail-chat").addEventListener("click", () => byId("chat-text").focus());
// Countdowns move between pictures too; after a loss everything stands still.
setInterval(() => {
  if (document.body.dataset.link === undefined) {
    drawModels(byId("models"), picture, serverNow);
    drawDecisions(byId("decisions"), picture, serverNow);
  }
}, 1000);
