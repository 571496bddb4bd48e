// What went wrong with a request of htmx, in words that stay until they are dismissed.

export function startErrors(notice) {
  const words = notice.querySelector("p");
  const show = (text) => {
    words.textContent = text;
    notice.hidden = false;
  };
  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    let told = "";
    try {
      told = JSON.parse(detail.xhr.responseText).error;
    } catch {
      // Django refuses a body that is too large before any view sees it, in its own words.
      told =
        detail.xhr.status === 400
          ? "That is more than the 2.5\u00a0MB a page may send."
          : `The server answered ${detail.xhr.status}.`;
    }
    show(told);
  });
  document.body.addEventListener("htmx:sendError", () => {
    show("The server cannot be reached. Nothing was changed; try again when the connection is back.");
  });
  notice.querySelector("button").addEventListener("click", () => {
    notice.hidden = true;
  });
}
