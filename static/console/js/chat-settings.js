// The parameters of a conversation: what is left empty is the model's or the server's default, which
// the fields show.

import { setText } from "./dom.js";

const byId = (id) => document.getElementById(id);

export class Settings {
  /** `models` has, by name, what the page knows of each: {thinks, system, preset}. */
  constructor({ models, defaults, onChange }) {
    this.form = byId("settings-form");
    this.models = models;
    this.defaults = defaults;
    this.numbers = [...this.form.querySelectorAll("[data-sampling]")];
    this.form.addEventListener("input", () => {
      this.#checkTools();
      onChange();
    });
    this.form.addEventListener("reset", () => setTimeout(onChange));
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Whether everything can be sent; shows what cannot. */
  get isValid() {
    this.#checkTools();
    return this.form.checkValidity();
  }

  /** How many parameters differ from the defaults. */
  get changed() {
    const { system, sampling, think, tools } = this.value;
    return Object.keys(sampling).length + [system, think !== null, tools.length].filter(Boolean).length;
  }

  /** As the server reads them. */
  get value() {
    const sampling = {};
    for (const field of this.numbers) {
      if (field.value !== "" && field.validity.valid) sampling[field.dataset.sampling] = field.valueAsNumber;
    }
    const stop = byId("set-stop").value.split("\n").filter(Boolean);
    if (stop.length) sampling.stop = stop;
    return {
      system: byId("set-system").value,
      sampling,
      think: { on: true, off: false }[byId("set-think").value] ?? null,
      tools: readTools().tools,
      must_call: byId("set-must-call").checked,
    };
  }

  set({ system = "", sampling = {}, think = null, tools = [], must_call: mustCall = false }) {
    byId("set-system").value = system;
    for (const field of this.numbers) field.value = sampling[field.dataset.sampling] ?? "";
    byId("set-stop").value = (sampling.stop ?? []).join("\n");
    byId("set-think").value = think === null ? "" : think ? "on" : "off";
    byId("set-tools").value = tools.length ? JSON.stringify(tools.map((tool) => tool.function), null, 2) : "";
    byId("set-must-call").checked = mustCall;
  }

  /** Show the defaults of those models. */
  draw(names) {
    const known = names.map((name) => this.models[name]).filter(Boolean);
    byId("set-think-field").hidden = known.length === names.length && !known.some(({ thinks }) => thinks);
    const [first] = known;
    byId("set-system").placeholder = first?.system || "None, unless the model has one";
    for (const field of this.numbers) {
      const name = field.dataset.sampling;
      const value = first?.preset[name] ?? this.defaults[name];
      if (value !== undefined) field.placeholder = value;
      else if (name !== "seed") field.placeholder = { min_p: "0", presence_penalty: "0", frequency_penalty: "0" }[name] ?? "";
    }
  }

  showProblem() {
    this.form.reportValidity();
  }

  #checkTools() {
    const { problem } = readTools();
    const words = byId("set-tools-error");
    words.hidden = !problem;
    setText(words, problem);
    byId("set-tools").setCustomValidity(problem);
  }
}

function readTools() {
  const text = byId("set-tools").value.trim();
  if (!text) return { tools: [], problem: "" };
  try {
    const tools = JSON.parse(text);
    return Array.isArray(tools) ? { tools, problem: "" } : { tools: [], problem: "A list in [ ] is expected." };
  } catch (error) {
    return { tools: [], problem: `Not JSON yet: ${error.message}` };
  }
}
