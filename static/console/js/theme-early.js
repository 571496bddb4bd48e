// Runs before the first paint, so that a chosen theme never flashes. The key and its JSON values
// ("auto", "light", "dark") are those of the admin's own switch: both places agree.
(function () {
  try {
    const chosen = JSON.parse(localStorage.getItem("adminTheme"));
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.dataset.theme = chosen;
    }
  } catch {
    // No storage, or something else's value: the system decides.
  }
})();
