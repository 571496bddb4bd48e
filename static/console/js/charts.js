// The four charts of the overview, with one cursor for all: what was at a moment is read across.

import { makeChart } from "./chart.js";
import { setText } from "./dom.js";
import { bytes, count, rate, seconds } from "./format.js";

const perSecond = (value) => `${rate(value)}\u00a0tok/s`;

export function makeCharts(parent, when) {
  const tokens = makeChart({ title: "Tokens per second", write: perSecond, isStacked: true, least: 10 });
  const ttft = makeChart({ title: "Time to first token", write: seconds, least: 0.1 });
  const queue = makeChart({ title: "Requests", write: (value) => count(value), least: 4 });
  const memory = makeChart({ title: "Memory of engines", write: (value) => (value ? bytes(value) : "none"), isStacked: true, least: 1e8 });
  const charts = [tokens, ttft, queue, memory];
  parent.replaceChildren(...charts);
  let place = null;
  let drawn = null;

  function draw() {
    if (!drawn) return;
    const { history, devices } = drawn;
    const named = devices.filter(
      ({ name, state }) =>
        state !== "absent" || history.samples.some((sample) => name in sample.tokens_per_second),
    );
    const byDevice = (read) =>
      named.map(({ name, device_class: kind }) => ({
        name,
        label: name,
        device: kind.toLowerCase(),
        values: history.series((sample) => read(sample)[name] ?? 0),
      }));
    tokens.draw(byDevice((sample) => sample.tokens_per_second), place);
    memory.draw(byDevice((sample) => sample.memory_bytes), place);
    ttft.draw(
      [
        { name: "p50", label: "median", kind: "main", values: history.series((one) => one.ttft_p50) },
        { name: "p95", label: "p95", kind: "second", values: history.series((one) => one.ttft_p95) },
      ],
      place,
    );
    queue.draw(
      [
        { name: "running", label: "running", kind: "area", values: history.series((one) => one.running) },
        { name: "queued", label: "queued", kind: "second", values: history.series((one) => one.queued) },
      ],
      place,
    );
    const behind = place === null ? 0 : (history.kept - 1 - place) * history.step;
    setText(when, place === null ? "" : behind ? `${seconds(behind)} ago` : "now");
  }

  const move = (to) => {
    place = to;
    draw();
  };
  for (const { drawing } of charts) {
    drawing.addEventListener("pointermove", (event) => {
      if (!drawn) return;
      const box = drawing.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      move(Math.round(share * (drawn.history.kept - 1)));
    });
    drawing.addEventListener("pointerleave", () => move(null));
    drawing.addEventListener("blur", () => move(null));
    drawing.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 }[event.key];
      if (!steps || !drawn) return;
      event.preventDefault();
      const last = drawn.history.kept - 1;
      move(Math.min(last, Math.max(0, (place ?? last) + steps)));
    });
  }

  return {
    draw(history, devices) {
      drawn = { history, devices };
      draw();
    },
  };
}
