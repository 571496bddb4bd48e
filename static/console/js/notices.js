// What the whole page should know before anything else; stays as long as it is true.

import { drawList, el, icon, setText } from "./dom.js";

export function drawNotices(parent, picture) {
  const notices = [];
  if (picture.echo) {
    notices.push({
      key: "echo",
      words:
        "Real inference is switched off (NPU_PROXY_REAL_INFERENCE=0): every answer is an echo of its prompt, not a model's.",
    });
  }
  drawList(parent, notices, ({ key }) => key, () => {
    const words = el("p");
    const node = el("div", { class: "notice", role: "status" }, icon("i-warning"), words);
    node.draw = (notice) => setText(words, notice.words);
    return node;
  });
}
