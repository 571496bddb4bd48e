// What is on its way: models being fetched or made, loads and compiles, calibrations.

import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { about, bytes, percent } from "./format.js";

export function drawOnItsWay(parent, picture) {
  if (picture.on_its_way.length === 0) {
    drawEmpty(parent, "li", "Nothing. Pulls, loads and measurements show their progress here.");
    return;
  }
  drawList(parent, picture.on_its_way, ({ key }) => key, makeWork);
}

function makeWork() {
  const device = chip();
  const model = el("span", { class: "row-title" });
  const right = el("span", { class: "row-when" });
  const words = el("p", { class: "row-facts" });
  const bar = el("i");
  const track = el("div", { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const error = el("p");
  const advice = el("p");
  const trouble = el("div", { class: "trouble", role: "alert" }, error, advice);
  const node = el(
    "li",
    { class: "row row-work" },
    el("p", { class: "row-words" }, device, model),
    right,
    words,
    track,
    trouble,
  );
  node.draw = (work) => {
    device.hidden = !work.device;
    if (work.device) device.draw(work);
    setText(model, work.model);
    setText(words, wordsOf(work));
    setText(right, rightOf(work));
    track.hidden = work.fraction === null || work.error !== "";
    bar.style.width = `${(work.fraction ?? 0) * 100}%`;
    setAttribute(track, "aria-valuenow", Math.round((work.fraction ?? 0) * 100));
    setAttribute(track, "aria-label", `Progress of ${work.model}`);
    trouble.hidden = !work.error;
    setText(error, work.error);
    setText(advice, work.advice);
  };
  return node;
}

function wordsOf({ words, total_bytes: total, completed_bytes: completed, error }) {
  if (error) return "Could not be installed";
  return total ? `${words} · ${bytes(completed)} of ${bytes(total)}` : words;
}

function rightOf({ fraction, seconds_left: left, error }) {
  if (error) return "";
  const parts = [fraction === null ? "" : percent(fraction), left === null ? "" : about(left)];
  return parts.filter(Boolean).join(" · ");
}
