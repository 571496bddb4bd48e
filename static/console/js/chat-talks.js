// The list of conversations: searched and reloaded by htmx, deleted after a dialog that says what goes.

import { post } from "./actions.js";
import { setText } from "./dom.js";
import { ago, moment } from "./format.js";

const byId = (id) => document.getElementById(id);

/** `serverNow` as in frame.js; `onDeleted(id)` after one was deleted. Returns `tick()`. */
export function startTalks({ serverNow, onDeleted }) {
  document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id === "dialog-place") openDialog(onDeleted);
    else tick();
  });
  byId("talks-query").addEventListener("input", ({ target }) => {
    const url = new URL(location.href);
    if (target.value.trim()) url.searchParams.set("q", target.value.trim());
    else url.searchParams.delete("q");
    history.replaceState(null, "", url);
  });

  function tick() {
    for (const time of document.querySelectorAll(".talk-time")) {
      const at = Date.parse(time.dateTime);
      setText(time, ago(serverNow() - at));
      time.title = moment(at);
    }
  }
  return tick;
}

/** The list is not as the server has it any more. */
export const reloadTalks = () => document.body.dispatchEvent(new CustomEvent("conversations-changed"));

function openDialog(onDeleted) {
  const dialog = byId("delete-dialog");
  if (!dialog) return;
  const opener = document.activeElement;
  const remove = dialog.querySelector("[data-delete]");
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
    else byId("talks-query").focus();
  });
  remove.addEventListener("click", async () => {
    remove.disabled = true;
    try {
      await post(remove.dataset.url);
      dialog.close();
      onDeleted(Number(remove.dataset.delete));
    } catch (error) {
      const words = dialog.querySelector(".dialog-error");
      words.hidden = false;
      setText(words, error.message);
      remove.disabled = false;
    }
  });
  dialog.showModal();
}
