// What went wrong with a request of htmx, in words that stay until they are dismissed.

export function startTroubles(notice) {
  const show = (words) => {
    notice.querySelector("p").textContent = words;
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  };
  notice.querySelector("button").addEventListener("click", () => {
    notice.hidden = true;
  });
  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    let words = `The server answered ${detail.xhr.status}; nothing was changed.`;
    try {
      words = JSON.parse(detail.xhr.responseText).error ?? words;
    } catch {
      // Not one of the console's own answers.
    }
    show(words);
  });
  document.body.addEventListener("htmx:sendError", () => {
    show("The server cannot be reached. Nothing was changed.");
  });
}
