// Where the console's websockets are, and how often to try again.

export const socketAddress = (path) =>
  `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

export const NOT_ALLOWED = 4403;

/** Milliseconds before try number `tries` (from 0), with some spread so that pages do not march. */
export function backOff(tries) {
  return Math.min(10_000, 500 * 2 ** tries) * (0.8 + 0.4 * Math.random());
}
