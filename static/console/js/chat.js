// The chat: one conversation kept in this page, asked turn by turn, streamed, stopped.

import { AnswerView } from "./answer.js";
import { ChatLine } from "./chat-line.js";
import { el, setText } from "./dom.js";
import { count, percent } from "./format.js";
import { Spoken } from "./spoken.js";
import { ModelChoice } from "./model-choice.js";

const MAX_CHARACTERS = 32_000; // the server's limit, told before it has to refuse
const NEAR_END_PIXELS = 48;
const byId = (id) => document.getElementById(id);

const EXAMPLES = [
  { words: "What is a neural processing unit?" },
  { words: "Write a haiku about silicon." },
  { words: "A long prompt, over the NPU's limit", prompt: makeLongPrompt, forNpuOnly: true },
];

export function startChat() {
  const form = byId("chat-form");
  const field = byId("chat-text");
  const log = byId("chat-log");
  const send = byId("chat-send");
  const fresh = byId("chat-new");
  const line = new ChatLine();
  const spoken = new Spoken(byId("chat-spoken"));
  const choice = new ModelChoice(byId("chat-model"));
  const turns = []; // {question, answer}; an answer "" has failed and is not sent again
  let current = null; // {id, view} of the answer that streams
  let picture = null;
  const empty = makeEmpty((text) => ask(text));
  log.append(empty);

  function ask(question) {
    const text = question.trim();
    if (!text || current || !choice.value || text.length > MAX_CHARACTERS) return;
    empty.remove();
    const asked = el("div", { class: text.length > 600 ? "asked is-long" : "asked" }, text);
    log.append(asked);
    field.value = "";
    run(text);
    log.scrollTop = log.scrollHeight;
  }

  function run(question) {
    const turn = { question, answer: "" };
    const view = new AnswerView({
      onAgain: () => {
        if (current) return;
        turns.splice(turns.indexOf(turn), 1);
        view.node.remove();
        run(question);
      },
    });
    view.node.setAttribute("aria-busy", "true");
    log.append(view.node);
    const messages = turns
      .filter(({ answer }) => answer)
      .flatMap((past) => [
        { role: "user", content: past.question },
        { role: "assistant", content: past.answer },
      ]);
    turns.push(turn);
    current = { id: null, view };
    drawWait();
    const id = line.ask(choice.value, [...messages, { role: "user", content: question }], (frame) => {
      const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PIXELS;
      if (frame.type === "started") view.started(frame);
      else if (frame.type === "thinking") view.think(frame);
      else if (frame.type === "text") {
        view.add(frame);
        spoken.add(frame.text);
      } else {
        turn.answer = view.text;
        view.node.removeAttribute("aria-busy");
        if (frame.type === "finished") {
          view.finished(frame);
          spoken.finish(view.start ? `Answered on ${view.start.device}. ${view.start.why}` : "Stopped.");
        } else {
          view.failed(frame);
          spoken.finish();
        }
        current = null;
        drawControls();
      }
      if (wasAtEnd) log.scrollTop = log.scrollHeight;
    });
    if (current) current.id = id;
    drawControls();
  }

  function stop() {
    if (current?.id) line.stop(current.id);
  }

  function drawWait() {
    if (!current || current.view.start) return;
    const homes = picture?.models.find(({ name }) => name === choice.value)?.residences ?? [];
    const loading = homes.find(({ state }) => state === "loading");
    current.view.drawWait(
      loading ? `Loading ${choice.value} on ${loading.device}` : "Waiting for the first token",
    );
  }

  function drawControls() {
    const streaming = current !== null;
    const over = field.value.length > MAX_CHARACTERS;
    send.classList.toggle("button-main", !streaming);
    send.querySelector("use").setAttribute("href", streaming ? "#i-stop" : "#i-send");
    setText(send.querySelector("span"), streaming ? "Stop" : "Send");
    send.disabled = !streaming && (!choice.value || over || !field.value.trim());
    fresh.hidden = turns.length === 0 || streaming;
    const counter = byId("chat-count");
    counter.classList.toggle("over", over);
    setText(
      counter,
      field.value.length > MAX_CHARACTERS * 0.9
        ? `${count(field.value.length)} of ${count(MAX_CHARACTERS)} characters`
        : "",
    );
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (current) stop();
    else ask(field.value);
  });
  field.addEventListener("input", drawControls);
  field.addEventListener("keydown", (event) => {
    // While a composition is open (Chinese, Japanese, …) Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (!current) ask(field.value);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current) {
      event.preventDefault();
      stop();
    }
  });
  fresh.addEventListener("click", () => {
    turns.length = 0;
    log.replaceChildren(empty);
    drawControls();
    field.focus();
  });
  setInterval(drawWait, 250);

  return {
    drawPicture(latest) {
      picture = latest;
      choice.draw(picture);
      empty.draw(picture, Boolean(choice.value));
      drawWait();
      const ready = Boolean(choice.value);
      if (field.disabled === ready) field.disabled = !ready;
      drawControlsIfChanged(ready);
    },
  };

  function drawControlsIfChanged(ready) {
    if (send.dataset.ready === String(ready)) return;
    send.dataset.ready = String(ready);
    drawControls();
  }
}

function makeEmpty(onExample) {
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
  node.draw = (picture, ready) => {
    examples.hidden = !ready;
    const hasNpu = picture.devices.some(
      ({ device_class: kind, state }) => kind === "NPU" && state !== "absent" && state !== "off",
    );
    for (const button of examples.querySelectorAll("[data-npu]")) button.hidden = !hasNpu;
    if (ready) {
      setText(title, "Ask this machine something");
      setText(words, "The answer streams in here. Under it stands the device it ran on, and why.");
      return;
    }
    const coming = picture.models.find(({ progress }) => progress && !progress.error);
    setText(title, coming ? `${coming.name} is on its way` : "No model is ready");
    setText(
      words,
      coming
        ? `${coming.progress.words}: ${percent(coming.progress.fraction)}. You can ask as soon as it is here.`
        : "As soon as one is installed, you can ask here.",
    );
  };
  return node;
}

/** Some 2,000 tokens: over the default limit of 1,800, so that another device has to take it. */
function makeLongPrompt() {
  const notes = Array.from(
    { length: 110 },
    (_, index) => `Note ${index + 1}: the review of part ${index + 7} moved to room ${200 + index}.`,
  );
  return `Summarise these notes in one sentence.\n${notes.join("\n")}`;
}
