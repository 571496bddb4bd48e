// The presets editor: messages that come and go, and what the form says as an object.

import { setText } from "./dom.js";

const byId = (id) => document.getElementById(id);

export function startPresets(form) {
  if (!form) return;
  const turns = byId("models-turns");
  const state = byId("models-presets-state");
  const newName = form.querySelector(".new-name");
  let before = [...turns.children].map((turn) => turn.cloneNode(true));

  const drawWhere = () => {
    newName.hidden = form.elements.where.value !== "new";
    newName.querySelector("input").required = !newName.hidden;
  };
  form.addEventListener("input", () => {
    drawWhere();
    setText(state, "Not saved yet");
  });
  form.addEventListener("click", ({ target }) => {
    const remove = target.closest("[data-remove-turn]");
    if (!remove) return;
    remove.closest("li").remove();
    byId("models-add-turn").focus();
    setText(state, "Not saved yet");
  });
  byId("models-add-turn").addEventListener("click", () => {
    const turn = byId("models-turn").content.firstElementChild.cloneNode(true);
    const last = turns.lastElementChild?.querySelector('[name="role"]').value;
    turn.querySelector('[name="role"]').value = last === "user" ? "assistant" : "user";
    turns.append(turn);
    turn.querySelector("textarea").focus();
    setText(state, "Not saved yet");
  });
  form.addEventListener("reset", () => {
    turns.replaceChildren(...before.map((turn) => turn.cloneNode(true)));
    setText(state, "");
    setTimeout(drawWhere); // the fields have their values back after this event
  });
  form.addEventListener("saved", () => {
    for (const field of form.querySelectorAll("input:not([type=radio]), textarea")) {
      field.defaultValue = field.value;
    }
    for (const option of turns.querySelectorAll("option")) option.defaultSelected = option.selected;
    before = [...turns.children].map((turn) => turn.cloneNode(true));
    setText(state, "Saved");
  });
}

/** What the form says, as the server reads it. */
export function presetsIn(form) {
  const parameters = {};
  for (const field of form.querySelectorAll("[data-parameter]")) {
    if (field.validity.badInput) throw new Error(`${field.name} must be a number.`);
    parameters[field.name] = field.value;
  }
  const messages = [...form.querySelectorAll(".turn")].map((turn) => ({
    role: turn.querySelector('[name="role"]').value,
    content: turn.querySelector('[name="content"]').value,
  }));
  return {
    system: form.elements.system.value,
    template: form.elements.template.value,
    parameters,
    messages,
    new_name: form.elements.where.value === "new" ? form.elements.new_name.value : "",
  };
}
