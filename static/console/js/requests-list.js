// The list of requests: filters without a reload, and new requests at its top.
//
// The live line tells that something ended; what belongs on this page, with its filters, is for the
// server to say. New rows wait behind a button while somebody points at the list or reads further
// down: nothing moves under a hand.

import { setText } from "./dom.js";
import { counted } from "./format.js";
import { drawTimes } from "./requests-times.js";

const WRITTEN_AFTER_MILLISECONDS = 900; // records are written in batches, twice a second
const BETWEEN_LOOKS_MILLISECONDS = 2_000;

let pointer = "";
const byId = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#requests-rows > tr")];

export function startList() {
  const view = new ListView();
  view.start();
  return view;
}

class ListView {
  #newest = null; // the last request that ended, as the live line tells
  #timer = 0;
  #lookedAt = 0;
  #waiting = null; // a fresh list that somebody's hand keeps waiting

  start() {
    foldFilters();
    document.addEventListener("htmx:configRequest", ({ detail }) => {
      if (detail.elt.id !== "requests-filters") return;
      for (const [name, value] of [...detail.formData]) if (!value) detail.formData.delete(name);
      const query = new URLSearchParams(detail.formData).toString();
      detail.elt.setAttribute("hx-push-url", location.pathname + (query && `?${query}`));
    });
    document.addEventListener("htmx:afterSwap", () => {
      this.#waiting = null;
      drawTimes();
    });
    document.addEventListener("click", ({ target }) => {
      if (target.closest("#requests-waiting")) this.#show(true);
    });
    document.addEventListener("pointerover", ({ pointerType }) => (pointer = pointerType));
    for (const sign of ["pointerout", "focusout", "scroll"]) {
      document.addEventListener(sign, () => requestAnimationFrame(() => this.#showIfFree()), { passive: true });
    }
  }

  draw(picture) {
    const newest = picture.decisions[0]?.id ?? "";
    if (newest === this.#newest) return;
    const isFirst = this.#newest === null;
    this.#newest = newest;
    if (isFirst && (!newest || document.querySelector(`[data-key="${CSS.escape(newest)}"]`))) return;
    this.#lookSoon();
  }

  #lookSoon() {
    if (this.#timer) return;
    const wait = Math.max(WRITTEN_AFTER_MILLISECONDS, this.#lookedAt + BETWEEN_LOOKS_MILLISECONDS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#lookedAt = Date.now();
      this.#look();
    }, wait);
  }

  async #look() {
    const list = byId("requests-list");
    if (list.dataset.newest === undefined) return;
    const asked = location.search;
    let text;
    try {
      const answer = await fetch(list.dataset.url + asked, { headers: { "HX-Request": "true" } });
      if (!answer.ok) return;
      text = await answer.text();
    } catch {
      return; // the status line tells that the server is gone; the next sign looks again
    }
    if (asked !== location.search) return;
    // What the server escaped stays text: nothing in a parsed document runs.
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("requests-list");
    if (fresh) {
      this.#waiting = fresh;
      this.#showIfFree();
    }
  }

  #showIfFree() {
    if (this.#waiting) this.#show(!isHeld());
  }

  #show(mayMove) {
    const fresh = this.#waiting;
    const list = byId("requests-list");
    if (!fresh || !list) return;
    const known = new Set(rows().map((row) => row.dataset.key));
    const freshRows = [...fresh.querySelectorAll("#requests-rows > tr")];
    const added = freshRows.filter((row) => !known.has(row.dataset.key));
    const button = byId("requests-waiting");
    if (!mayMove && added.length) {
      setText(button, `Show ${counted(added.length, "new request")}`);
      button.hidden = false;
      return;
    }
    this.#waiting = null;
    if (!added.length) return;
    if (!byId("requests-rows") || !freshRows.length) {
      list.replaceWith(document.adoptNode(fresh));
    } else {
      merge(freshRows);
      setText(byId("requests-count"), fresh.querySelector("#requests-count").textContent);
      list.querySelector(".requests-foot").replaceWith(document.adoptNode(fresh.querySelector(".requests-foot")));
      button.hidden = true;
    }
    drawTimes();
  }
}

/** Whether somebody's hand or eye is on the list. */
function isHeld() {
  const body = byId("requests-rows");
  if (!body) return false;
  if (body.contains(document.activeElement) && document.activeElement.matches(":focus-visible")) return true;
  if (body.matches(":hover") && pointer !== "touch") return true; // a finger leaves no pointer behind
  return byId("requests-list").getBoundingClientRect().top < 0;
}

/** Show exactly these rows, keeping the nodes of those that are there. */
function merge(fresh) {
  const body = byId("requests-rows");
  const kept = new Map(rows().map((row) => [row.dataset.key, row]));
  let place = body.firstElementChild;
  for (const row of fresh) {
    let node = kept.get(row.dataset.key);
    if (node) kept.delete(row.dataset.key);
    else {
      node = document.adoptNode(row);
      node.classList.add("is-new");
    }
    if (node === place) place = place.nextElementSibling;
    else body.insertBefore(node, place);
  }
  for (const gone of kept.values()) gone.remove();
}

// On a phone the filters are one tap away, unless one is set.
function foldFilters() {
  if (!location.search && matchMedia("(max-width: 859px)").matches) {
    document.querySelector(".filters details").open = false;
  }
}
