// The status line on top of every page: is it working, where, and how hard.

import { chip, drawList, el, setText, stateMark } from "./dom.js";
import { count, rate } from "./format.js";

const byId = (id) => document.getElementById(id);
const serverState = stateMark();

/** A server without a model answers nobody, however well it runs. */
function stateOf(picture) {
  if (picture.starting_step) return ["loading", `Starting: ${picture.starting_step}`];
  if (picture.models.some((model) => !model.progress)) return ["ready", "Serving"];
  const comes = picture.models.some((model) => !model.progress.error);
  return comes ? ["loading", "Installing a model"] : ["degraded", "No model"];
}

export function drawStatus(picture) {
  const place = byId("status-server");
  if (!serverState.isConnected) place.append(serverState);
  serverState.draw(...stateOf(picture));

  drawList(byId("status-devices"), picture.devices, (device) => device.name, makeDevice);
  setText(byId("total-running"), count(picture.running));
  setText(byId("total-queued"), count(picture.queued));
  setText(byId("total-rate"), rate(picture.tokens_per_second));
}

function makeDevice() {
  const name = chip();
  const state = stateMark();
  const node = el("li", { class: "status-device" }, name, state);
  node.draw = (device) => {
    name.draw({
      device: device.name,
      emulated: device.emulated,
      present: device.state !== "absent",
    });
    const busy = device.state === "busy" ? `busy\u00a0${device.running}` : device.state;
    state.draw(device.state, busy);
  };
  return node;
}

/** Say that the line is lost, and when it is tried again; grey out what is old. */
export function drawLink({ state, nextTryAt }) {
  const link = byId("status-link");
  link.hidden = state === "up";
  byId("status-totals").hidden = state !== "up";
  byId("status-link-retry").hidden = state !== "lost";
  if (state === "up") {
    delete document.body.dataset.link;
    return;
  }
  document.body.dataset.link = "lost";
  const wait = Math.max(0, Math.ceil(((nextTryAt ?? 0) - Date.now()) / 1000));
  const words = {
    denied: "Log in to the admin to see the state of this machine",
    lost: wait ? `Connection lost, next try in ${wait}\u00a0s` : "Connection lost, trying again",
  };
  setText(byId("status-link-words"), words[state]);
}
