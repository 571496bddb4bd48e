// The models: on disk, on their way, or loaded, with the time until each leaves its device.

import { chip, drawEmpty, drawList, el, setAttribute, setText } from "./dom.js";
import { bytes, clock, percent } from "./format.js";
import { modelPage } from "./paths.js";

/** `serverNow` is the server's clock in milliseconds: countdowns follow it, not this browser's. */
export function drawModels(parent, picture, serverNow) {
  if (picture.models.length === 0) {
    drawEmpty(parent, "li", "Models appear here. The starter is fetched when the server first starts.");
    return;
  }
  drawList(parent, picture.models, (model) => model.name, () => makeModel(serverNow));
}

function makeModel(serverNow) {
  const name = el("a", { class: "model-name" });
  const starter = el("span", { class: "tag" }, "starter");
  const size = el("span", { class: "model-size" });
  const lines = el("div");
  const node = el(
    "li",
    { class: "model" },
    el("div", { class: "model-head" }, name, starter, size),
    lines,
  );

  node.draw = (model) => {
    setText(name, model.name);
    setAttribute(name, "href", modelPage(model.name));
    starter.hidden = !model.is_starter;
    setText(size, sizeWords(model));
    drawList(lines, linesOf(model, serverNow()), ({ key }) => key, makeLine);
  };
  return node;
}

function linesOf(model, now) {
  const { progress } = model;
  if (progress) {
    return [
      progress.error
        ? { key: "progress", words: "Could not be installed" }
        : { key: "progress", words: "On its way", right: percent(progress.fraction) },
    ];
  }
  if (model.status !== "ready") {
    return [{ key: "status", words: model.status === "failed" ? "Could not be installed" : "Waiting to be installed" }];
  }
  if (model.residences.length === 0) {
    return [{ key: "idle", words: "On disk; loads with the first request" }];
  }
  return model.residences.map((home) => ({
    key: home.device,
    home,
    words: homeWords(home),
    right: leaving(home, now),
  }));
}

function sizeWords({ quantization, size_bytes: size }) {
  return [quantization, size ? bytes(size) : ""].filter(Boolean).join(" · ");
}

function homeWords(home) {
  if (home.state === "loading") return "loading";
  if (home.state === "failed") return "failed to load";
  if (home.state === "stopping") return "unloading";
  return home.memory_bytes ? `loaded, ${bytes(home.memory_bytes)}` : "loaded";
}

function leaving(home, now) {
  if (home.state !== "ready") return "";
  if (home.running || home.queued) return "in use";
  if (home.is_kept_forever) return "kept";
  return home.expires_at === null ? "" : `unloads in ${clock(home.expires_at - now)}`;
}

function makeLine({ home }) {
  const device = home ? chip() : null;
  const words = el("span", { class: "words" });
  const right = el("span", { class: "right" });
  const node = el("div", { class: "model-line" }, device, words, right);
  node.draw = (line) => {
    device?.draw(line.home);
    setText(words, line.words);
    setAttribute(words, "title", line.words);
    setText(right, line.right ?? "");
  };
  return node;
}
