// The last quarter of an hour: it came with the page, and grows by the newest sample of each picture.
// Whoever missed samples, because the line was lost or the machine slept, asks for all of them.

import { HISTORY_PATH } from "./paths.js";

export class History {
  onChange = () => {};
  #isAsking = false;

  constructor({ step_seconds: step, kept, samples }) {
    this.step = step;
    this.kept = kept;
    this.samples = samples;
  }

  get last() {
    return this.samples.at(-1) ?? null;
  }

  /** The newest sample of the server; null while it has none. */
  add(sample) {
    if (!sample || sample.at === this.last?.at) return;
    const isNext = this.last === null || sample.at === this.last.at + this.step;
    this.samples = [...this.samples, sample].slice(-this.kept);
    this.onChange();
    if (!isNext) this.#askForAll();
  }

  /** One value per step, oldest first, null where there is no sample; the last step is the newest. */
  series(valueOf) {
    const values = new Array(this.kept).fill(null);
    for (const sample of this.samples) {
      const place = this.kept - 1 - (this.last.at - sample.at) / this.step;
      if (place >= 0 && Number.isInteger(place)) values[place] = valueOf(sample);
    }
    return values;
  }

  async #askForAll() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const response = await fetch(HISTORY_PATH);
      if (response.ok) {
        const newer = this.samples;
        this.samples = (await response.json()).samples;
        const at = this.last?.at ?? 0;
        this.samples = [...this.samples, ...newer.filter((sample) => sample.at > at)].slice(-this.kept);
        this.onChange();
      }
    } catch {
      // The next gap asks again; meanwhile the chart shows one.
    } finally {
      this.#isAsking = false;
    }
  }
}
