// The panels beside the conversation: on wide screens the parameters come and go, on phones the list
// of conversations does too, over the conversation.

const byId = (id) => document.getElementById(id);
const openers = (id) => document.querySelectorAll(`[data-open="${id}"]`);

export function startPanels() {
  document.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-open]");
    const closer = target.closest("[data-close]");
    if (closer) closePanel(closer.dataset.close);
    else if (opener && byId(opener.dataset.open).matches(".is-open")) closePanel(opener.dataset.open);
    else if (opener) openPanel(opener.dataset.open);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const panel = document.querySelector(".is-open");
    if (panel) closePanel(panel.id);
  });
}

export function openPanel(id) {
  const panel = byId(id);
  panel.classList.add("is-open");
  panel.hidden = false;
  for (const opener of openers(id)) opener.setAttribute("aria-expanded", "true");
  panel.querySelector("textarea, input:not([type=hidden])")?.focus();
}

function closePanel(id) {
  const panel = byId(id);
  panel.classList.remove("is-open");
  panel.hidden = id === "chat-settings";
  for (const opener of openers(id)) {
    opener.setAttribute("aria-expanded", "false");
    opener.focus();
  }
}
