// What every page has: the status line, the live line that feeds it, theme, copying, shortcuts.

import { startCopying } from "./copying.js";
import { LiveLine } from "./live.js";
import { startShortcuts } from "./shortcuts.js";
import { drawLink, drawStatus } from "./status.js";
import { startThemeSwitch } from "./theme.js";

const byId = (id) => document.getElementById(id);
let clockOffset = 0;

/** The server's clock, in milliseconds since 1970. */
export const serverNow = () => Date.now() + clockOffset;

/** Start the frame. `draw(picture)` is called with the picture the page came with, and with each
 *  that follows; `tick()` once a second while the line is up, for what counts down. */
export function startFrame({ draw = () => {}, tick = () => {} } = {}) {
  startThemeSwitch(byId("theme"), byId("theme-words"));
  startCopying();
  startShortcuts();
  const onPicture = (picture) => {
    clockOffset = picture.at - Date.now();
    drawStatus(picture);
    draw(picture);
  };
  onPicture(JSON.parse(byId("picture").textContent));
  const line = new LiveLine({ onPicture, onLink: drawLink });
  line.start();
  byId("status-link-retry").addEventListener("click", () => line.tryNow());
  setInterval(() => {
    if (document.body.dataset.link === undefined) tick();
  }, 1000);
}
