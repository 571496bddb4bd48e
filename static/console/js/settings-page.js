// The page Settings: what is edited is marked with what it was before it is saved.

import { setAttribute, setText } from "./dom.js";
import { counted } from "./format.js";
import { startFrame } from "./frame.js";
import { startTroubles } from "./settings-troubles.js";

startFrame();
startTroubles(document.getElementById("settings-trouble"));
mirrorTheme();
document.querySelectorAll(".group").forEach(mark);

document.addEventListener("input", ({ target }) => {
  const group = target.closest(".group");
  if (group) mark(group);
});
document.addEventListener("reset", ({ target }) => {
  if (target.matches(".group")) setTimeout(() => mark(target)); // the fields change after the event
});
document.addEventListener("htmx:load", ({ detail }) => {
  if (detail.elt.matches?.(".group")) {
    mark(detail.elt);
    const landing = detail.elt.querySelector("[aria-invalid]") ?? detail.elt.querySelector(".said");
    landing?.focus();
  }
});

function mark(group) {
  let changed = 0;
  let wrong = 0;
  for (const row of group.querySelectorAll("[data-row]")) {
    const field = row.querySelector("[data-words]");
    if (!field) continue;
    const isChanged = differs(field);
    setAttribute(row, "data-changed", isChanged ? "" : null);
    const was = row.querySelector("[data-was]");
    was.hidden = !isChanged;
    setText(was, `was ${field.dataset.words}`);
    changed += isChanged;
    wrong += row.hasAttribute("data-wrong");
  }
  const save = group.querySelector("[data-save]");
  if (!save) return;
  save.disabled = changed === 0 && wrong === 0;
  setText(save, changed ? `Save ${counted(changed, "change")}` : "Save");
  group.querySelector("[data-reset]").hidden = changed === 0;
}

function differs(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return !field.selectedOptions[0]?.defaultSelected;
  return field.value.trim() !== field.defaultValue.trim();
}

// Phones do not have the rail's switch in sight; both are one.
function mirrorTheme() {
  const here = document.getElementById("settings-theme");
  const there = document.getElementById("theme-words");
  if (!here) return;
  const words = document.getElementById("settings-theme-words");
  const copy = () => setText(words, there.textContent);
  new MutationObserver(copy).observe(there, { childList: true, characterData: true, subtree: true });
  here.addEventListener("click", () => document.getElementById("theme").click());
  copy();
}
