// Keys that work on every page: `/` goes to the page's search, `g` and a letter to another page.

const WAIT_MILLISECONDS = 1_500; // between `g` and the letter

export function startShortcuts() {
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector('[type="search"]');
      if (search) {
        event.preventDefault();
        search.focus();
      }
    } else if (event.key === "g") {
      goUntil = Date.now() + WAIT_MILLISECONDS;
    } else if (Date.now() < goUntil) {
      goUntil = 0;
      document.querySelector(`.rail [data-letter="${CSS.escape(event.key)}"]`)?.click();
    }
  });
}

function isWriting(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]");
}
