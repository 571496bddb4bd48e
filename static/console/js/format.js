// Numbers with their units, kept together by non-breaking spaces.

const NBSP = "\u00a0";
const grouped = new Intl.NumberFormat("en");

export const count = (value) => grouped.format(value);

export const counted = (value, one, many = `${one}s`) =>
  `${count(value)}${NBSP}${value === 1 ? one : many}`;

/** Tokens per second: one decimal where it matters. */
export const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value)));

export function bytes(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}${NBSP}GB`;
  if (value >= 1e6) return `${Math.round(value / 1e6)}${NBSP}MB`;
  return `${Math.round(value / 1e3)}${NBSP}kB`;
}

export function seconds(value) {
  if (value < 0.0995) return `${Math.round(value * 1000)}${NBSP}ms`;
  if (value < 9.95) return `${value.toFixed(value < 0.995 ? 2 : 1)}${NBSP}s`;
  if (value < 60) return `${Math.round(value)}${NBSP}s`;
  return `${Math.floor(value / 60)}${NBSP}min ${Math.round(value % 60)}${NBSP}s`;
}

/** How long something will take: predicted, so in round numbers. */
export function about(value) {
  if (value < 60) return `about ${Math.ceil(value)}${NBSP}s left`;
  return `about ${Math.round(value / 60)}${NBSP}min left`;
}

/** 4:05, or 1:04:05. */
export function clock(milliseconds) {
  const all = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

export function ago(milliseconds) {
  const all = Math.max(0, Math.round(milliseconds / 1000));
  if (all < 5) return "now";
  if (all < 60) return `${all}${NBSP}s${NBSP}ago`;
  if (all < 3600) return `${Math.floor(all / 60)}${NBSP}min${NBSP}ago`;
  if (all < 86400) return `${Math.floor(all / 3600)}${NBSP}h${NBSP}ago`;
  return `${Math.floor(all / 86400)}${NBSP}d${NBSP}ago`;
}

export const moment = (milliseconds) => new Date(milliseconds).toLocaleString();

export const percent = (fraction) => `${Math.floor(fraction * 100)}${NBSP}%`;

const FAMILIES = { ollama: "Ollama", openai: "OpenAI", anthropic: "Anthropic", console: "Console" };

/** An API family as people call it. */
export const family = (name) => FAMILIES[name] ?? name;
