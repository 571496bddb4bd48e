// The first steps: an account or none, then a model that is followed until the chat can open.

import { Refused, post } from "./actions.js";
import { chip, drawEmpty, drawList, el, setText, stateMark } from "./dom.js";
import { about, bytes, percent } from "./format.js";
import { startFrame } from "./frame.js";

const byId = (id) => document.getElementById(id);
const wanted = new URL(location.href).searchParams.get("model");
let getting = wanted;
let isAsking = false;

function drawFound(picture) {
  const place = byId("found");
  if (picture.devices.length === 0) {
    drawEmpty(place, "li", "Looking for devices.");
    return;
  }
  drawList(place, picture.devices, ({ name }) => name, () => {
    const name = chip();
    const words = el("span", { class: "found-words" });
    const state = stateMark();
    const node = el("li", {}, name, words, state);
    node.draw = (device) => {
      name.draw({ device: device.name, emulated: device.emulated, present: device.state !== "absent" });
      setText(words, device.title || device.detail);
      state.draw(device.state);
    };
    return node;
  });
}

function tell(error) {
  if (!(error instanceof Refused)) throw error;
  const place = byId(`owner-${error.field}-problem`) ?? byId("problem");
  setText(place, error.message);
  place.hidden = false;
  byId(`owner-${error.field}`)?.focus();
}

function forget() {
  for (const node of document.querySelectorAll(".problem")) node.hidden = true;
}

async function go(path, body) {
  forget();
  try {
    location.assign((await post(path, body)).next);
  } catch (error) {
    tell(error);
  }
}

byId("owner")?.addEventListener("submit", (event) => {
  event.preventDefault();
  go("/welcome/owner/", { name: byId("owner-name").value, password: byId("owner-password").value });
});
byId("skip")?.addEventListener("click", () => go("/welcome/skip/"));
byId("offers")?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-get]");
  if (button) get(button.dataset.get);
});

async function get(model) {
  forget();
  try {
    const answer = await post("/welcome/get/", { model });
    if (answer.is_ready) openChat(answer.model);
    else follow(answer.model);
  } catch (error) {
    tell(error);
  }
}

const openChat = (model) => location.assign(`/chat/?to=${encodeURIComponent(model)}`);

function follow(model) {
  getting = model;
  window.history.replaceState(null, "", `?model=${encodeURIComponent(model)}`);
  byId("getting").hidden = false;
  byId("getting-trouble").hidden = true;
  byId("getting-hint").hidden = false;
  byId("getting").scrollIntoView({ block: "nearest" });
  setText(byId("getting-name"), model);
  setText(byId("getting-words"), "is about to begin");
}

function drawGetting(picture) {
  if (!getting || !byId("getting")) return;
  const model = picture.models.find(({ name }) => name === getting);
  const work = picture.on_its_way.find(({ kind, model: name }) => kind === "pull" && name === getting);
  if (model && model.status === "ready" && !model.progress) {
    openChat(getting);
    getting = null;
    return;
  }
  byId("getting").hidden = false;
  setText(byId("getting-name"), getting);
  if (!work || work.error) {
    if (work?.error) fail(`${work.error} ${work.advice}`);
    else askWhetherItFailed(getting);
    return;
  }
  byId("getting-trouble").hidden = true;
  byId("getting-hint").hidden = false;
  const size = work.total_bytes ? `${bytes(work.completed_bytes)} of ${bytes(work.total_bytes)}` : "";
  const left = work.seconds_left === null ? "" : about(work.seconds_left);
  const parts = [work.words, size, percent(work.fraction ?? 0), left];
  setText(byId("getting-words"), parts.filter(Boolean).join(" · "));
  byId("getting-bar").style.width = `${(work.fraction ?? 0) * 100}%`;
  byId("getting-track").setAttribute("aria-valuenow", Math.round((work.fraction ?? 0) * 100));
}

/** A pull that is neither under way nor done may have failed; between two pictures it may be just
 *  done. */
async function askWhetherItFailed(model) {
  if (isAsking) return;
  isAsking = true;
  try {
    const { error } = await post("/welcome/failure/", { model });
    if (error && model === getting) fail(error);
  } catch {
    // The line is lost as well; the next picture asks again.
  } finally {
    isAsking = false;
  }
}

function fail(error) {
  byId("getting-trouble").hidden = false;
  byId("getting-hint").hidden = true;
  setText(byId("getting-error"), error);
  setText(byId("getting-words"), "could not be fetched");
}

startFrame({
  draw: (picture) => {
    drawFound(picture);
    drawGetting(picture);
  },
});
