// One chart over time: areas on top of each other, or lines. Drawn as SVG that stretches with its
// place; all text stands beside it as text.

import { el, setAttribute, setText, svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 100;
const STEPS = [1, 2, 2.5, 5, 10];

/** The smallest round number that is not below `value`. */
export function niceCeiling(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return size * STEPS.find((step) => step * size >= value * 0.999);
}

/** `write(value)` gives a number with its unit; `least` is the lowest top of the scale. */
export function makeChart({ title, write, isStacked = false, least = 0 }) {
  const legend = el("ul", { class: "legend" });
  const top = el("span", { class: "chart-top" });
  const layers = svg("g");
  const cursor = svg("path", { class: "cursor" });
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "slider", // along time: the arrows read what was
    "aria-label": `${title}, the last 15 minutes`,
    "aria-valuemin": 0,
    tabindex: 0,
  });
  drawing.append(
    svg("path", { class: "grid", d: `M0 ${HEIGHT / 2}H${WIDTH}M0 0.5H${WIDTH}` }),
    layers,
    svg("path", { class: "base", d: `M0 ${HEIGHT}H${WIDTH}` }),
    cursor,
  );
  const node = el(
    "figure",
    { class: "chart" },
    el("figcaption", {}, el("h3", {}, title), legend),
    el("div", { class: "chart-field" }, drawing, top),
  );

  /** `series` is a list of {name, label, device, kind, values}; `place` the step under the cursor,
   *  null for none. */
  node.draw = (series, place) => {
    const count = series[0]?.values.length ?? 0;
    const heights = isStacked ? stack(series) : series.map(({ values }) => values);
    const peak = Math.max(0, ...heights.flat().map((value) => value ?? 0));
    const scale = niceCeiling(Math.max(peak, least));
    setText(top, peak > 0 || least > 0 ? write(scale) : "");
    const paths = series.map((one, index) => ({
      ...one,
      line: linePath(heights[index], count, scale),
      area:
        isStacked || one.kind === "area"
          ? areaPath(heights[index], isStacked ? heights[index - 1] : null, count, scale)
          : "",
    }));
    drawLayers(layers, isStacked ? paths.toReversed() : paths);
    const at = place ?? count - 1;
    drawLegend(legend, series, at, write);
    const x = count > 1 ? (at / (count - 1)) * WIDTH : 0;
    setAttribute(cursor, "d", place === null ? null : `M${x.toFixed(1)} 0V${HEIGHT}`);
    setAttribute(drawing, "aria-valuemax", Math.max(1, count - 1));
    setAttribute(drawing, "aria-valuenow", Math.max(0, at));
    setAttribute(drawing, "aria-valuetext", spoken(series, at, write, place === null ? peak : null));
  };
  node.drawing = drawing;
  return node;
}

function stack(series) {
  const sums = [];
  let below = null;
  for (const { values } of series) {
    below = values.map((value, index) =>
      value === null ? null : value + (below?.[index] ?? 0),
    );
    sums.push(below);
  }
  return sums;
}

const xOf = (index, count) => ((index / (count - 1)) * WIDTH).toFixed(1);
const yOf = (value, scale) => (HEIGHT - (value / scale) * (HEIGHT - 2)).toFixed(1);

/** Runs of steps that have values; a gap is a gap. */
function runsOf(values) {
  const runs = [];
  let run = null;
  values.forEach((value, index) => {
    if (value === null) run = null;
    else if (run) run.push(index);
    else runs.push((run = [index]));
  });
  return runs;
}

function linePath(values, count, scale) {
  return runsOf(values)
    .map((run) => {
      const points = run.map((index) => `${xOf(index, count)} ${yOf(values[index], scale)}`);
      return points.length === 1 ? `M${points[0]}h1` : `M${points.join("L")}`;
    })
    .join("");
}

function areaPath(values, below, count, scale) {
  return runsOf(values)
    .map((run) => {
      const upper = run.map((index) => `${xOf(index, count)} ${yOf(values[index], scale)}`);
      const lower = run
        .toReversed()
        .map((index) => `${xOf(index, count)} ${yOf(below?.[index] ?? 0, scale)}`);
      return `M${upper.join("L")}L${lower.join("L")}Z`;
    })
    .join("");
}

function drawLayers(parent, paths) {
  const wanted = paths.map(({ name }) => name).join();
  if (parent.dataset.names !== wanted) {
    parent.dataset.names = wanted;
    parent.replaceChildren(
      ...paths.map(({ device, kind }) => {
        const group = svg("g", { "data-device": device ?? null, "data-kind": kind ?? null });
        group.append(svg("path", { class: "area" }), svg("path", { class: "line" }));
        return group;
      }),
    );
  }
  paths.forEach(({ area, line }, index) => {
    const [areaNode, lineNode] = parent.children[index].children;
    setAttribute(areaNode, "d", area || null);
    setAttribute(lineNode, "d", line || null);
  });
}

function drawLegend(parent, series, at, write) {
  const wanted = series.map(({ name }) => name).join();
  if (parent.dataset.names !== wanted) {
    parent.dataset.names = wanted;
    parent.replaceChildren(
      ...series.map(({ label, device, kind }) =>
        el(
          "li",
          { "data-device": device ?? null, "data-kind": kind ?? null },
          el("i", { "aria-hidden": "true" }),
          el("span", {}, label),
          el("b"),
        ),
      ),
    );
  }
  series.forEach(({ values }, index) => {
    const value = values[at] ?? null;
    setText(parent.children[index].lastElementChild, value === null ? "none" : write(value));
  });
}

function spoken(series, at, write, peak) {
  const told = series.map(({ label, values }) => {
    const value = values[at] ?? null;
    return `${label} ${value === null ? "none" : write(value)}`;
  });
  if (peak === null) return told.join(", ");
  return `now ${told.join(", ")}; at most ${write(peak)}`;
}
