// A calibration under way, from the live picture, and how the last one ended.

import { setAttribute, setText } from "./dom.js";

const byId = (id) => document.getElementById(id);

export function drawCalibrating(told) {
  const box = byId("calibrating");
  if (!box) return;
  box.hidden = !told || !(told.words || told.error || told.outcome);
  const isBusy = Boolean(told?.words);
  for (const button of document.querySelectorAll(".calibrate")) button.disabled = Boolean(told?.is_asked);
  if (box.hidden) return;
  const progress = byId("calibrating-progress");
  if (isBusy) {
    const step = told.steps ? `step ${told.number} of ${told.steps}: ` : "";
    const why = told.is_asked ? "" : ", because the machine is idle";
    setText(byId("calibrating-words"), `Measuring ${told.model || "all models"} on ${told.device || "all devices"}${why}, ${step}${told.words}`);
    if (told.steps) progress.value = (told.number - 1) / told.steps;
    else progress.removeAttribute("value");
  } else {
    setText(byId("calibrating-words"), told.error ? `Could not be measured: ${told.error}` : told.outcome);
  }
  setAttribute(box, "data-bad", !isBusy && told.error ? "" : null);
  progress.hidden = !isBusy;
  byId("calibrating-stop").hidden = !(isBusy && told.is_asked);
  byId("calibrating-dismiss").hidden = isBusy;
}
