// Who answers: one to three lanes, each a model and a device, side by side over their answers.

import { el, icon, setAttribute, setText } from "./dom.js";

const KEY = "npuconsole.model";

export class Lanes {
  #picture = null;
  #lanes = []; // {node, model, device, wanted: {model, device}}

  /** `onChange()` is called after a person chose something. */
  constructor(parent, { most, onChange }) {
    this.parent = parent;
    this.most = most;
    this.onChange = onChange;
  }

  /** [{model, device}], as they are now. */
  get value() {
    return this.#lanes.map(({ model, device }) => ({ model: model.value, device: device.value }));
  }

  get count() {
    return this.#lanes.length;
  }

  /** Whether every lane has a model that can be asked. */
  get areReady() {
    const names = this.#names();
    return this.#lanes.length > 0 && this.value.every(({ model }) => names.includes(model));
  }

  /** The model of a lane that is not installed, where others are; "" if there is none. */
  get missing() {
    const names = this.#names();
    if (names.length === 0) return "";
    return this.value.find(({ model }) => !names.includes(model))?.model ?? "";
  }

  set(lanes) {
    this.#lanes = [];
    this.parent.replaceChildren();
    for (const lane of lanes.slice(0, this.most)) this.#add(lane);
    // Nothing was chosen yet: the model of the last chat, or any.
    if (this.#lanes.length === 0) this.#add({ model: recall(), device: "", isAny: true });
    this.#redraw();
  }

  /** One lane more: the next device of this machine with the same model, else the next model. */
  addAnother() {
    if (this.count >= this.most) return;
    const devices = this.#usable();
    const [first] = this.#lanes;
    // Beside another, "by the rule" says nothing that can be compared.
    if (this.count === 1 && !first.device.value && devices.length > 0) first.device.value = devices[0];
    const taken = this.value;
    const { model } = taken[0];
    const isFree = (lane) => !taken.some((one) => one.model === lane.model && one.device === lane.device);
    const choices = [
      ...devices.map((device) => ({ model, device })),
      ...this.#names().map((name) => ({ model: name, device: taken[0].device })),
    ];
    this.#add(choices.find(isFree) ?? { model, device: "" });
    this.#redraw();
    this.onChange();
    this.#lanes.at(-1).device.focus();
  }

  draw(picture) {
    this.#picture = picture;
    this.#redraw();
  }

  #names() {
    return (this.#picture?.models ?? [])
      .filter(({ status, generates }) => status === "ready" && generates)
      .map(({ name }) => name);
  }

  #usable() {
    return this.#picture.devices
      .filter(({ state }) => state !== "absent" && state !== "off")
      .map(({ name }) => name);
  }

  #add(wanted) {
    const model = el("select", { "aria-label": "Model" });
    const device = el("select", { "aria-label": "Device" });
    const remove = el("button", { class: "button button-icon lane-remove", type: "button" }, icon("i-close"));
    const node = el("div", { class: "lane-choice" }, wrapped(model, "lane-model"), wrapped(device, "lane-device"), remove);
    const lane = { node, model, device, remove, wanted };
    model.addEventListener("change", () => {
      lane.wanted = { model: model.value, device: device.value };
      if (this.#lanes[0] === lane) remember(model.value);
      this.#redraw();
      this.onChange();
    });
    device.addEventListener("change", () => {
      lane.wanted = { ...lane.wanted, device: device.value };
      this.onChange();
    });
    remove.addEventListener("click", () => {
      this.#lanes.splice(this.#lanes.indexOf(lane), 1);
      node.remove();
      this.#redraw();
      this.onChange();
      this.#lanes[0].model.focus();
    });
    this.#lanes.push(lane);
    this.parent.append(node);
  }

  #redraw() {
    setAttribute(this.parent, "data-lanes", this.count);
    const names = this.#names();
    const devices = this.#picture?.devices ?? [];
    this.#lanes.forEach((lane, index) => {
      const { model, device, wanted, remove } = lane;
      const isGone = names.length > 0 && wanted.model && !wanted.isAny && !names.includes(wanted.model);
      const models = names.map((name) => [name, name]);
      if (isGone) models.push([wanted.model, `${wanted.model} (not installed)`]);
      drawOptions(model, models.length ? models : [["", "no model yet"]], model.value || wanted.model);
      model.disabled = names.length === 0;
      drawOptions(
        device,
        [["", "Automatic"], ...devices.map((one) => [one.name, deviceWords(one)])],
        device.options.length > 1 ? device.value : wanted.device,
      );
      remove.hidden = this.count === 1;
      setAttribute(remove, "aria-label", `Remove answer ${index + 1}`);
      setAttribute(model, "aria-label", this.count === 1 ? "Model" : `Model of answer ${index + 1}`);
      setAttribute(device, "aria-label", this.count === 1 ? "Device" : `Device of answer ${index + 1}`);
    });
  }
}

function wrapped(select, name) {
  return el("span", { class: `select ${name}` }, select, icon("i-down"));
}

function deviceWords({ name, state, emulated }) {
  if (state === "absent") return `${name} (absent)`;
  if (state === "off") return `${name} (switched off)`;
  return emulated ? `${name} (emulated)` : name;
}

/** Bring a select's options up to date, touching nothing that is the same: an open list stays. */
function drawOptions(select, options, wanted) {
  const before = [...select.options];
  const isSame = before.length === options.length && options.every(([value, words], index) => before[index].value === value && before[index].text === words);
  if (!isSame) {
    const old = new Map(before.map((option) => [option.value, option]));
    select.replaceChildren(
      ...options.map(([value, words]) => {
        const option = old.get(value) ?? el("option", { value });
        setText(option, words);
        return option;
      }),
    );
    if (options.some(([value]) => value === wanted)) select.value = wanted;
  }
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function recall() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
