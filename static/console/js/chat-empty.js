// What a new conversation shows: that it can be asked, or what it waits for.

import { el, setText } from "./dom.js";
import { percent } from "./format.js";

const EXAMPLES = [
  { words: "What is a neural processing unit?" },
  { words: "Write a haiku about silicon." },
  { words: "A long prompt, over the NPU's limit", prompt: makeLongPrompt, forNpuOnly: true },
];

/** A node with `draw(picture, isReady, missing)`, the last a chosen model that is not installed.
 *  `onExample(text)` asks one. */
export function makeEmpty(onExample) {
  const title = el("strong");
  const words = el("span");
  const examples = el("div", { class: "examples" });
  for (const { words: label, prompt, forNpuOnly } of EXAMPLES) {
    const button = el("button", { class: "button button-small", type: "button" }, label);
    button.addEventListener("click", () => onExample(prompt ? prompt() : label));
    if (forNpuOnly) button.dataset.npu = "";
    examples.append(button);
  }
  const node = el("div", { class: "log-empty" }, el("p", {}, title, words), examples);
  node.draw = (picture, isReady, missing) => {
    examples.hidden = !isReady;
    const hasNpu = picture.devices.some(
      ({ device_class: kind, state }) => kind === "NPU" && state !== "absent" && state !== "off",
    );
    for (const button of examples.querySelectorAll("[data-npu]")) button.hidden = !hasNpu;
    const coming = picture.models.find(({ progress }) => progress && !progress.error);
    const waiting = coming ? onItsWay(coming) : NONE;
    const [head, body] = isReady ? READY : missing ? notInstalled(missing) : waiting;
    setText(title, head);
    setText(words, body);
  };
  return node;
}

const READY = [
  "Ask this machine something",
  "The answer streams in here. Under it stands the device it ran on, and why. Compare puts devices or models side by side.",
];
const NONE = ["No model is ready", "As soon as one is installed, you can ask here."];
const notInstalled = (name) => [`${name} is not installed`, "Choose another model above, or install it on the page Models."];
const onItsWay = ({ name, progress }) => [
  `${name} is on its way`,
  `${progress.words}: ${percent(progress.fraction)}. You can ask as soon as it is here.`,
];

/** Some 2,000 tokens: over the default limit of 1,800, so that another device has to take it. */
function makeLongPrompt() {
  const notes = Array.from(
    { length: 110 },
    (_, index) => `Note ${index + 1}: the review of part ${index + 7} moved to room ${200 + index}.`,
  );
  return `Summarise these notes in one sentence.\n${notes.join("\n")}`;
}
