// The page Chat: the composer, and what holds conversation, lanes, parameters and list together.

import { Chat } from "./chat.js";
import { makeEmpty } from "./chat-empty.js";
import { Lanes } from "./chat-lanes.js";
import { Settings } from "./chat-settings.js";
import { reloadTalks, startTalks } from "./chat-talks.js";
import { setText } from "./dom.js";
import { count } from "./format.js";
import { serverNow, startFrame } from "./frame.js";
import { startPanels, openPanel } from "./chat-panels.js";

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("chat").textContent);
const form = byId("chat-form");
const field = byId("chat-text");
const send = byId("chat-send");

const lanes = new Lanes(byId("lanes"), { most: page.max_lanes, onChange: onChoice });
const settings = new Settings({ models: page.models, defaults: page.defaults, onChange: drawControls });
const chat = new Chat({
  log: byId("chat-log"),
  spoken: byId("chat-spoken"),
  choices: () => ({ lanes: lanes.value, ...settings.value }),
  onKept,
  onState: drawControls,
});
const empty = makeEmpty(ask);
let latest = null; // the last picture
const tickTalks = startTalks({ serverNow, onDeleted });

function ask(text) {
  const question = text.trim();
  if (!question || chat.isStreaming || !lanes.areReady || question.length > page.max_characters) return;
  if (!settings.isValid) {
    openPanel("chat-settings");
    settings.showProblem();
    return;
  }
  empty.remove();
  field.value = "";
  chat.ask(question);
  drawControls();
}

function onChoice() {
  settings.draw(lanes.value.map(({ model }) => model));
  if (chat.conversation === null) {
    // A new conversation's address says who is to answer it.
    const url = new URL(location.href);
    url.searchParams.delete("to");
    url.searchParams.delete("model");
    for (const { model, device } of lanes.value) url.searchParams.append("to", device ? `${model}@${device}` : model);
    history.replaceState(null, "", url);
  }
  chat.offerAgain();
  if (latest) empty.draw(latest, lanes.areReady, lanes.missing);
  drawControls();
}

function onKept({ id, title }) {
  const url = new URL(`${page.url}${id}/`, location.href);
  const query = new URL(location.href).searchParams.get("q");
  if (query) url.searchParams.set("q", query);
  history.replaceState(null, "", url);
  setText(byId("chat-title"), title);
  document.title = `${title} · npuconsole`;
  byId("talks-current").value = id;
  reloadTalks();
}

function onDeleted(id) {
  if (id === chat.conversation) location.assign(page.url);
  else reloadTalks();
}

function drawControls() {
  const streaming = chat.isStreaming;
  const ready = lanes.areReady;
  const length = field.value.length;
  const over = length > page.max_characters;
  send.classList.toggle("button-main", !streaming);
  send.querySelector("use").setAttribute("href", streaming ? "#i-stop" : "#i-send");
  setText(send.querySelector("span"), streaming ? "Stop" : "Send");
  send.disabled = !streaming && (!ready || over || !field.value.trim());
  if (field.disabled === ready) field.disabled = !ready;
  const tool = streaming ? "" : chat.calledTool;
  field.placeholder = placeholder(tool);
  const counter = byId("chat-count");
  counter.classList.toggle("over", over);
  setText(counter, length > page.max_characters * 0.9 ? `${count(length)} of ${count(page.max_characters)} characters` : "");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
  byId("chat-compare").disabled = streaming || lanes.count >= page.max_lanes || !ready;
  setText(byId("settings-count"), settings.changed ? ` (${settings.changed})` : "");
}

function placeholder(tool) {
  if (lanes.missing) return `${lanes.missing} is not installed: choose another model above`;
  return tool ? `Write what ${tool} gives back` : "Ask something";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chat.isStreaming) chat.stop();
  else ask(field.value);
});
field.addEventListener("input", drawControls);
field.addEventListener("keydown", (event) => {
  // While a composition is open (Chinese, Japanese, …) Enter belongs to it.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!chat.isStreaming) ask(field.value);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chat.isStreaming && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    chat.stop();
  }
});
byId("chat-compare").addEventListener("click", () => lanes.addAnother());

const opened = page.conversation;
settings.set(opened?.choices ?? {});
lanes.set(opened?.choices.lanes ?? page.lanes);
if (opened) chat.open(opened);
else byId("chat-log").append(empty);
startPanels();

let wasReady = null;
startFrame({
  draw: (picture) => {
    latest = picture;
    lanes.draw(picture);
    chat.drawPicture(picture);
    empty.draw(picture, lanes.areReady, lanes.missing);
    if (wasReady === lanes.areReady) return;
    wasReady = lanes.areReady;
    settings.draw(lanes.value.map(({ model }) => model));
    drawControls();
  },
  tick: tickTalks,
});
tickTalks();
if (matchMedia("(min-width: 860px)").matches) field.focus();
