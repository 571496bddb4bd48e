// What is under way for the models: jobs that fetch or make them, and chores. The server owns both:
// every open page shows the same, and a reload changes nothing.

import { drawList, el, icon, setAttribute, setText } from "./dom.js";
import { about, bytes, percent } from "./format.js";

const byId = (id) => document.getElementById(id);
const UNFINISHED = ["queued", "downloading", "importing", "paused"];

export function drawWork({ jobs, chores }) {
  const items = [...chores.map(ofChore), ...jobs.map(ofJob)];
  byId("models-work").hidden = items.length === 0;
  const active = items.filter((item) => item.isActive).length;
  setText(byId("models-work-count"), active ? `${active} under way` : "");
  drawList(byId("models-jobs"), items, ({ key }) => key, makeItem);
}

function ofJob(job) {
  const isActive = UNFINISHED.includes(job.status) && job.status !== "paused";
  const size = job.total_bytes
    ? job.completed_bytes < job.total_bytes
      ? `${bytes(job.completed_bytes)} of ${bytes(job.total_bytes)}`
      : bytes(job.total_bytes)
    : "";
  const left = isActive && job.seconds_left ? about(job.seconds_left) : "";
  const isShare = UNFINISHED.includes(job.status);
  return {
    key: `job ${job.model.toLowerCase()}`,
    model: job.model,
    tag: job.kind,
    state: job.status,
    isActive,
    words: isActive ? job.words : "",
    right: [isShare ? percent(job.fraction) : "", size, left].filter(Boolean).join(" · "),
    fraction: isShare ? job.fraction : null,
    trouble: job.error,
    actions: actionsOfJob(job),
  };
}

function actionsOfJob(job) {
  const common = { id: job.id, model: job.model };
  const cancel = { do: "cancel", words: "Cancel", bytes: job.completed_bytes, ...common };
  if (job.status === "failed") {
    const again = job.id && job.kind === "pull" ? "resume" : "pull";
    return [
      job.kind === "pull" ? { do: again, words: "Try again", ...common } : null,
      { do: "forget", words: "Dismiss", ...common },
    ].filter(Boolean);
  }
  if (!job.id) return [];
  if (job.status === "paused") return [{ do: "resume", words: "Resume", ...common }, cancel];
  if (!UNFINISHED.includes(job.status)) return [];
  return job.kind === "pull" ? [{ do: "pause", words: "Pause", ...common }, cancel] : [cancel];
}

function ofChore(chore) {
  const isActive = chore.state === "running";
  const common = { id: chore.id, model: chore.model };
  const actions = [];
  if (isActive && chore.id && ["verify", "measure"].includes(chore.kind)) {
    actions.push({ do: "stop", words: "Stop", ...common });
  }
  if (chore.state === "failed" && chore.kind === "verify") {
    actions.push({ do: "mend", words: "Pull again", ...common });
  }
  if (!isActive) actions.push({ do: "dismiss", words: "Dismiss", ...common });
  return {
    key: `chore ${chore.id}`,
    model: chore.model,
    tag: [chore.kind, chore.device].filter(Boolean).join(" on "),
    state: chore.state,
    isActive,
    words: chore.state === "failed" ? "" : chore.words,
    right: isActive && chore.fraction ? percent(chore.fraction) : "",
    fraction: isActive && chore.fraction ? chore.fraction : null,
    trouble: chore.state === "failed" ? chore.words : "",
    actions,
  };
}

const STATE_WORDS = {
  queued: "waiting",
  downloading: "downloading",
  importing: "installing",
  running: "under way",
  paused: "paused",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
};

function makeItem() {
  const name = el("span", { class: "job-name" });
  const tag = el("span", { class: "tag" });
  const state = el("span", { class: "job-state" });
  const right = el("span", { class: "job-right" });
  const actions = el("span", { class: "job-do" });
  const words = el("p", { class: "job-words" });
  const bar = el("i");
  const track = el(
    "div",
    { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
    bar,
  );
  const trouble = el("p", { class: "trouble", role: "alert" });
  const node = el(
    "li",
    { class: "job" },
    el("div", { class: "job-head" }, name, tag, state, right, actions),
    words,
    track,
    trouble,
  );
  node.draw = (item) => {
    setAttribute(node, "data-status", item.state);
    setAttribute(node, "data-model", item.model);
    setText(name, item.model);
    setText(tag, item.tag);
    setText(state, STATE_WORDS[item.state] ?? item.state);
    setText(right, item.right);
    setText(words, item.words);
    words.hidden = !item.words;
    track.hidden = item.fraction === null;
    if (item.fraction !== null) {
      bar.style.width = `${item.fraction * 100}%`;
      setAttribute(track, "aria-valuenow", Math.round(item.fraction * 100));
      setAttribute(track, "aria-label", `Progress of ${item.model}`);
    }
    trouble.hidden = !item.trouble;
    setText(trouble, item.trouble);
    drawList(actions, item.actions, (action) => action.do, makeAction);
  };
  return node;
}

const ICONS = { pause: "i-pause", resume: "i-play", cancel: "i-close", stop: "i-stop" };

function makeAction({ do: verb }) {
  const words = el("span");
  const sign = ICONS[verb] ? icon(ICONS[verb], 14) : null;
  const node = el("button", { class: "button button-small", type: "button", "data-do": verb }, sign, words);
  node.draw = (action) => {
    setAttribute(node, "data-id", action.id || null);
    setAttribute(node, "data-model", action.model);
    setAttribute(node, "data-bytes", action.bytes ?? null);
    setAttribute(node, "aria-label", `${action.words}: ${action.model}`);
    setText(words, action.words);
  };
  return node;
}
