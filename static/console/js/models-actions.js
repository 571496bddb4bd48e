// What can be pressed: any element with data-do, any form with data-form. What goes wrong is said in
// the form it is about, or on top of the page, and stays until it is dismissed.

import { post } from "./actions.js";
import { el, icon, setAttribute, setText } from "./dom.js";
import { bytes } from "./format.js";
import { presetsIn } from "./models-presets.js";

const byId = (id) => document.getElementById(id);
let leaving = false;

/** Whether this page is about to be another one, because its model has another name or is gone. */
export const isLeaving = () => leaving;

export function startActions() {
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id === "models-dialog" && !detail.target.open) detail.target.showModal();
  });
}

/** Say what went wrong, on top of the page. */
export function tellError(words) {
  const close = el(
    "button",
    { class: "button button-icon", type: "button", "aria-label": "Dismiss" },
    icon("i-close"),
  );
  const node = el("div", { class: "trouble", role: "alert" }, el("p", {}, words), close);
  close.addEventListener("click", () => node.remove());
  byId("models-errors").append(node);
}

async function onClick({ target }) {
  const button = target.closest("button");
  if (!button) return;
  if (button.hasAttribute("data-close")) button.closest("dialog").close();
  else if (button.hasAttribute("data-close-fit")) button.closest(".fit-place").replaceChildren();
  else if (button.dataset.show) byId(`models-${button.dataset.show}`).showModal();
  else if (button.dataset.do === "cancel" && Number(button.dataset.bytes)) askToCancel(button);
  else if (button.dataset.do) await perform(button);
}

function bodyOf({ dataset }) {
  const body = {};
  for (const name of ["model", "device", "to"]) if (dataset[name]) body[name] = dataset[name];
  if (dataset.id) body.id = Number(dataset.id);
  return body;
}

async function perform(button) {
  const verb = button.dataset.do;
  const body = bodyOf(button);
  if (verb === "pin") body.pinned = button.getAttribute("aria-pressed") !== "true";
  button.disabled = true;
  try {
    await post(`/models/do/${verb}/`, body);
    if (verb === "pin") drawPin(button, body.pinned);
    button.closest(".fit-place")?.replaceChildren();
  } catch (refused) {
    tellError(body.model ? `${body.model}: ${refused.message}` : refused.message);
  } finally {
    button.disabled = false;
  }
}

function drawPin(button, isPinned) {
  setAttribute(button, "aria-pressed", String(isPinned));
  const word = isPinned ? "Pinned" : "Pin";
  setText(button, word);
  setAttribute(button, "aria-label", button.getAttribute("aria-label").replace(/^Pin(ned)?/, word));
}

// What is downloaded goes with a cancelled pull.
function askToCancel(button) {
  const { model } = button.dataset;
  const lost = bytes(Number(button.dataset.bytes));
  const dialog = byId("models-dialog");
  const stop = el(
    "button",
    { class: "button button-danger", type: "button" },
    `Cancel, dropping ${lost}`,
  );
  dialog.replaceChildren(
    el(
      "div",
      { class: "dialog-body" },
      el("h2", { id: "models-dialog-title" }, `Cancel the pull of ${model}?`),
      el("p", {}, `The ${lost} that are downloaded go. A paused pull keeps them.`),
      el(
        "div",
        { class: "dialog-do" },
        el("button", { class: "button", type: "button", "data-close": "", autofocus: "" }, "Go on"),
        stop,
      ),
    ),
  );
  stop.addEventListener("click", () => {
    dialog.close();
    perform(button);
  });
  dialog.showModal();
}

async function onSubmit(event) {
  const form = event.target;
  const verb = form.dataset.form;
  if (!verb) return;
  event.preventDefault();
  const error = form.querySelector(".form-error");
  const button = event.submitter ?? form.querySelector('[type="submit"]');
  error.hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  button.disabled = true;
  leaving = verb === "delete" || verb === "rename";
  try {
    const body = verb === "presets" ? presetsIn(form) : Object.fromEntries(new FormData(form));
    const answer = await post(`/models/do/${verb}/`, { ...body, model: form.dataset.model });
    finish(form, verb, answer);
  } catch (refused) {
    leaving = false;
    setText(error, refused.message);
    error.hidden = false;
    const field = refused.field && form.elements.namedItem(refused.field);
    if (field instanceof HTMLElement) {
      field.setAttribute("aria-invalid", "true");
      field.closest("details")?.setAttribute("open", "");
      field.focus();
    }
  } finally {
    button.disabled = false;
  }
}

function finish(form, verb, answer) {
  if (verb === "presets" && form.elements.where.value === "here") {
    form.dispatchEvent(new Event("saved"));
  } else if (answer.goto || form.dataset.then) {
    location.assign(answer.goto ?? form.dataset.then);
  }
}
