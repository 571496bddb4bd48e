// Find: how far the job of a model in the list is, and a way to it once it is there.

import { setText } from "./dom.js";
import { percent } from "./format.js";

const UNFINISHED = { queued: "waiting", downloading: "pulling", importing: "installing", paused: "paused" };

export function drawFoundJobs(picture) {
  const jobs = new Map(picture.work.jobs.map((job) => [job.model.toLowerCase(), job]));
  const ready = new Set(
    picture.models
      .filter((model) => model.status === "ready" && !model.progress)
      .map((model) => model.name.toLowerCase()),
  );
  for (const row of document.querySelectorAll(".found[data-model]")) {
    const place = row.querySelector("[data-job]");
    if (!place) continue;
    const name = withTag(row.dataset.model).toLowerCase();
    const job = jobs.get(name);
    const isUnderWay = job !== undefined && job.status in UNFINISHED;
    const pull = row.querySelector('.found-do [data-do="pull"]');
    if (pull) pull.hidden = isUnderWay || ready.has(name);
    setText(place, wordsOf(job, ready.has(name) && pull !== null));
  }
}

function wordsOf(job, isInstalled) {
  if (job && job.status in UNFINISHED) return `${UNFINISHED[job.status]} ${percent(job.fraction)}`;
  return isInstalled ? "installed" : "";
}

function withTag(name) {
  return name.lastIndexOf(":") > name.lastIndexOf("/") ? name : `${name}:latest`;
}
