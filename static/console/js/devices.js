// The devices, side by side: what each is, does and holds, what is proven of it and where that is
// told in full; for one that is absent, why and one fix.

import { chip, drawEmpty, drawList, el, icon, setAttribute, setText, stateMark, svg } from "./dom.js";
import { bytes, count, counted, rate, seconds } from "./format.js";
import { PASSPORTS_PATH, ROUTING_PATH, requestsOn } from "./paths.js";

const WIDTH = 120;
const HEIGHT = 32;
const SPARK_STEPS = 60;

/** `history` has the last quarter of an hour; a page without one leaves the lines out. */
export function drawDevices(parent, picture, history = null) {
  if (picture.devices.length === 0) {
    drawEmpty(parent, "p", picture.starting_step ? "Looking for devices." : "No device is known yet.");
    return;
  }
  drawList(parent, picture.devices, (device) => device.name, makeDevice);
  for (const node of parent.children) node.drawLine(history);
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
  node.drawLine = (history) => spark.draw(node.dataset.key, history);

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
      ? "none yet"
      : `${rate(device.last_tokens_per_second)}\u00a0tok/s, first token ${seconds(device.last_ttft_seconds)}`;
  const facts = [
    { term: "Loaded", text: loadedWords(device) },
    { term: "Memory", text: memoryWords(device) },
    { term: "Queue", text: `${count(device.running)} running, ${count(device.queued)} waiting` },
    { term: "Last answer", text: last },
    { term: "Prompts", text: limitWords(device), href: ROUTING_PATH },
    { term: "Verified", text: verifiedWords(device), href: PASSPORTS_PATH },
    { term: "Served", text: servedWords(device), href: requestsOn(device.name) },
  ];
  drawList(
    parent,
    facts.flatMap(({ term, text, href }) => [
      { key: `${term}:`, tag: "dt", text: term },
      { key: term, tag: "dd", text, href },
    ]),
    ({ key }) => key,
    makeFact,
  );
}

function makeFact({ tag, href }) {
  const words = href ? el("a") : el(tag);
  const node = href ? el(tag, {}, words) : words;
  node.draw = ({ text, href: target }) => {
    setText(words, text);
    if (tag === "dd") setAttribute(node, "title", text);
    if (target) setAttribute(words, "href", target);
  };
  return node;
}

function loadedWords({ loaded, loading }) {
  if (loading.length) return `loading ${loading.join(", ")}`;
  return loaded.length ? loaded.join(", ") : "nothing";
}

function memoryWords({ memory_bytes: memory, memory_budget_bytes: budget }) {
  if (!memory) return budget ? `none of ${bytes(budget)} used` : "none used";
  return budget ? `${bytes(memory)} of ${bytes(budget)}` : bytes(memory);
}

function limitWords({ prompt_limit_tokens: limit }) {
  return limit ? `up to ${counted(limit, "token")}` : "up to the model's context";
}

function verifiedWords({ verified }) {
  if (verified.length === 0) return "nothing measured yet";
  const [{ model, tokens, reason }, ...others] = verified;
  const words = tokens ? `${model} to ${counted(tokens, "token")}` : `${model} failed: ${reason}`;
  return others.length ? `${words}, and ${others.length} more` : words;
}

function servedWords({ served, decided }) {
  if (!decided) return "no request yet";
  return `${count(served)} of the last ${counted(decided, "request")}`;
}

/** The last five minutes; the tallest value fills the height. */
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
  node.draw = (name, history) => {
    const all = history?.series((sample) => sample.tokens_per_second[name] ?? 0) ?? [];
    const values = all.slice(-SPARK_STEPS).map((value) => value ?? 0);
    const peak = Math.max(0, ...values);
    const label = peak
      ? `${name}: tokens per second in the last five minutes, at most ${rate(peak)}`
      : `${name}: no tokens in the last five minutes`;
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
