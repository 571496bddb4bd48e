// What the whole page should know before anything else, with the one thing to do about it; stays as
// long as it is true.

import { drawList, el, icon, setAttribute, setText } from "./dom.js";
import { bytes } from "./format.js";

const LITTLE_DISK = 3e9;

export function drawNotices(parent, picture) {
  drawList(parent, noticesOf(picture), ({ key }) => key, () => {
    const words = el("p");
    const link = el("a");
    const node = el("div", { class: "notice", role: "status" }, icon("i-warning"), words, link);
    node.draw = ({ words: said, href = "", action = "" }) => {
      setText(words, said);
      link.hidden = !href;
      setText(link, action);
      setAttribute(link, "href", href || null);
    };
    return node;
  });
}

function noticesOf(picture) {
  const notices = [];
  if (picture.echo) {
    notices.push({
      key: "echo",
      words:
        "Real inference is switched off (NPU_PROXY_REAL_INFERENCE=0): every answer is an echo of its prompt, not a model's.",
    });
  }
  const works = ({ state }) => state !== "absent" && state !== "off";
  if (!picture.starting_step && picture.devices.length && !picture.devices.some(works)) {
    notices.push({
      key: "devices",
      words: "No device can be used, so nothing can be answered.",
      href: "/settings/",
      action: "Ask the doctor",
    });
  }
  if (!picture.starting_step && !picture.models.length && !picture.on_its_way.length) {
    notices.push({
      key: "models",
      words: "No model is installed, so nothing can be answered.",
      href: "/models/",
      action: "Find a model",
    });
  }
  if (picture.free_bytes !== null && picture.free_bytes < LITTLE_DISK) {
    notices.push({
      key: "disk",
      words: `The disk with the models has ${bytes(picture.free_bytes)} left.`,
      href: "/models/",
      action: "Delete a model",
    });
  }
  return notices;
}
