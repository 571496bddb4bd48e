// The slider below the diagram and the field of the limit it stands for: moving one moves the other.

const STRAIGHT_TOKENS = 256; // as in token_axis.py
const byId = (id) => document.getElementById(id);
const most = () => Number(document.querySelector(".diagram").dataset.most);

function tokensAt(thousandth) {
  const whole = Math.log2(1 + most() / STRAIGHT_TOKENS);
  return Math.max(1, Math.round(STRAIGHT_TOKENS * (2 ** ((whole * thousandth) / 1000) - 1)));
}

function thousandthOf(tokens) {
  const whole = Math.log2(1 + most() / STRAIGHT_TOKENS);
  return Math.round((1000 * Math.log2(1 + tokens / STRAIGHT_TOKENS)) / whole);
}

/** The field whose limit counts: the model's own if it has one. */
function fieldOf(slider) {
  const own = byId(slider.dataset.own);
  return own?.value.trim() ? own : byId(slider.dataset.general);
}

/** Put the slider where the limit is on the axis as it is drawn now. */
export function placeSlider() {
  const slider = byId("limit-slider");
  if (!slider || slider === document.activeElement) return;
  const tokens = Number(fieldOf(slider).value);
  if (Number.isInteger(tokens) && tokens > 0) {
    slider.value = thousandthOf(tokens);
    slider.setAttribute("aria-valuetext", `${tokens} tokens`);
  }
}

export function startLimit() {
  document.body.addEventListener("input", ({ target }) => {
    if (target.id === "limit-slider") {
      const field = fieldOf(target);
      field.value = tokensAt(Number(target.value));
      target.setAttribute("aria-valuetext", `${field.value} tokens`);
    } else if (target.matches?.(".field input")) {
      placeSlider();
    }
  });
}
