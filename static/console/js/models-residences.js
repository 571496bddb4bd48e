// Where each model is loaded, in the cells that the server drew: its memory, and the time until it
// leaves; which of load and unload there is to press.

import { setText } from "./dom.js";
import { bytes, clock } from "./format.js";

/** `now` is the server's clock in milliseconds. */
export function drawResidences(picture, now) {
  const models = new Map(picture.models.map((model) => [model.name, model]));
  const loading = new Set(
    picture.work.chores
      .filter((chore) => chore.kind === "load" && chore.state === "running")
      .map((chore) => `${chore.model} ${chore.device}`),
  );
  for (const place of document.querySelectorAll("[data-residence]")) {
    const name = place.closest("[data-model]").dataset.model;
    const device = place.closest("[data-name]").dataset.name;
    const home = models.get(name)?.residences.find((one) => one.device === device);
    const isComing = loading.has(`${name} ${device}`);
    setText(place, home ? homeWords(home, now) : isComing ? "loading" : "");
    place.dataset.state = home?.state ?? (isComing ? "loading" : "");
    const load = place.parentElement.querySelector('[data-do="load"]');
    load.hidden = home?.state === "ready" || home?.state === "loading" || isComing;
  }
  for (const button of document.querySelectorAll("[data-unload]")) {
    const homes = models.get(button.dataset.model)?.residences ?? [];
    button.hidden = !homes.some((home) => home.state === "ready");
  }
}

function homeWords(home, now) {
  if (home.state === "loading") return "loading";
  if (home.state === "failed") return "failed to load";
  if (home.state === "stopping") return "unloading";
  const memory = home.memory_bytes ? `loaded, ${bytes(home.memory_bytes)}` : "loaded";
  return [memory, leaving(home, now)].filter(Boolean).join(" · ");
}

function leaving(home, now) {
  if (home.running || home.queued) return "in use";
  if (home.is_kept_forever) return "kept";
  return home.expires_at === null ? "" : `unloads in\u00a0${clock(home.expires_at - now)}`;
}
