// The devices, side by side: what each is, does and holds; for one that is absent, why and one fix.

import { chip, drawEmpty, drawList, el, icon, setAttribute, setText, stateMark, svg } from "./dom.js";
import { bytes, count, counted, rate, seconds } from "./format.js";

const WIDTH = 120;
const HEIGHT = 32;

export function drawDevices(parent, picture) {
  if (picture.devices.length === 0) {
    drawEmpty(parent, "p", picture.starting_step ? "Looking for devices." : "No device is known yet.");
    return;
  }
  drawList(parent, picture.devices, (device) => device.name, makeDevice);
}

function makeDevice() {
  const name = chip();
  const title = el("span", { class: "device-name" });
  const state = stateMark();
  const detail = el("p", { class: "device-detail" });
  const number = el("b");
  const figure = el("p", { class: "figure" }, number, el("span", {}, "tok/s"));
  const spark = makeSpark();
  const speed = el("div", { class: "device-speed" }, figure, spark);
  const facts = el("dl", { class: "device-facts" });
  const fix = el("details", { class: "device-fix" });
  // On a phone what helps is one tap away, elsewhere in sight.
  fix.open = matchMedia("(min-width: 860px)").matches;
  const node = el(
    "article",
    { class: "device" },
    el("div", { class: "device-head" }, el("h3", {}, name, title), state),
    detail,
    speed,
    facts,
    fix,
  );
  let drawnFix = null;

  node.draw = (device) => {
    const serves = device.state !== "absent" && device.state !== "off";
    setAttribute(node, "data-device", device.device_class.toLowerCase());
    setAttribute(node, "data-state", device.state);
    setAttribute(node, "aria-label", device.name);
    name.draw({ device: device.name, emulated: device.emulated, present: device.state !== "absent" });
    setText(title, device.emulated ? "Emulated on the CPU" : device.title);
    setAttribute(title, "title", device.title || null);
    state.draw(device.state, device.state === "busy" ? `busy\u00a0${device.running}` : device.state);
    setText(detail, device.detail);
    detail.hidden = !device.detail;
    speed.hidden = facts.hidden = !serves;
    if (serves) {
      setText(number, rate(device.tokens_per_second));
      spark.draw(device);
      drawFacts(facts, device);
    }
    fix.hidden = !device.fix;
    const wanted = device.fix ? device.fix.words + device.fix.command : null;
    if (wanted !== drawnFix) {
      drawnFix = wanted;
      fix.replaceChildren(...(device.fix ? fixParts(device.fix) : []));
    }
  };
  return node;
}

function fixParts({ words, command }) {
  const parts = [el("summary", {}, "What helps"), el("p", {}, words)];
  if (command) {
    parts.push(
      el(
        "button",
        { class: "copyable", type: "button", "data-copy": command, "aria-label": `Copy: ${command}` },
        el("code", {}, command),
        el("span", {}, icon("i-copy", 14)),
      ),
    );
  }
  return parts;
}

function drawFacts(parent, device) {
  const last =
    device.last_tokens_per_second === null
      ? "no answer yet"
      : `${rate(device.last_tokens_per_second)}\u00a0tok/s, first token ${seconds(device.last_ttft_seconds)}`;
  const limit = device.prompt_limit_tokens;
  const facts = [
    ["Loaded", loadedWords(device)],
    ["Queue", `${count(device.running)} running, ${count(device.queued)} waiting`],
    ["Last answer", last],
    ["Prompts", limit ? `up to ${counted(limit, "token")}` : "up to the model's context"],
  ];
  drawList(
    parent,
    facts.flatMap(([term, value]) => [
      { key: `${term}:`, tag: "dt", text: term },
      { key: term, tag: "dd", text: value },
    ]),
    ({ key }) => key,
    ({ tag }) => {
      const node = el(tag);
      node.draw = ({ text }) => {
        setText(node, text);
        if (tag === "dd") setAttribute(node, "title", text);
      };
      return node;
    },
  );
}

function loadedWords({ loaded, loading, memory_bytes: memory }) {
  if (loading.length) return `loading ${loading.join(", ")}`;
  if (loaded.length === 0) return "nothing";
  return memory ? `${loaded.join(", ")} · ${bytes(memory)}` : loaded.join(", ");
}

/** The last minute, one value a second; the tallest fills the height. */
function makeSpark() {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const base = svg("path", { class: "base", d: `M0 ${HEIGHT}H${WIDTH}` });
  const node = svg("svg", {
    class: "spark",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
  });
  node.append(base, area, line);
  node.draw = (device) => {
    const values = device.history;
    const peak = Math.max(0, ...values);
    const label = peak
      ? `${device.name}: tokens per second in the last minute, at most ${rate(peak)}`
      : `${device.name}: no tokens in the last minute`;
    setAttribute(node, "aria-label", label);
    if (!peak) {
      setAttribute(line, "d", null);
      setAttribute(area, "d", null);
      return;
    }
    const step = WIDTH / (values.length - 1);
    const points = values.map(
      (value, index) =>
        `${(index * step).toFixed(1)} ${(HEIGHT - (value / peak) * (HEIGHT - 2)).toFixed(1)}`,
    );
    setAttribute(line, "d", `M${points.join("L")}`);
    setAttribute(area, "d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  };
  return node;
}
