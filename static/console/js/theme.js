// The theme switch: system, light, dark, in turn.

const KEY = "adminTheme";
const ORDER = ["auto", "light", "dark"];
const WORDS = { auto: "System theme", light: "Light theme", dark: "Dark theme" };

export function startThemeSwitch(button, words) {
  const root = document.documentElement;
  let theme = root.dataset.theme ?? "auto";

  const show = () => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    words.textContent = WORDS[theme];
  };
  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    try {
      localStorage.setItem(KEY, JSON.stringify(theme));
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    show();
  });
  show();
}
