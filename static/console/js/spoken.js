// For screen readers: an answer is spoken sentence by sentence, not token by token.

const ENDS = [". ", "! ", "? ", ": ", "\n"];

export class Spoken {
  #waiting = "";

  constructor(region) {
    this.region = region;
  }

  add(text) {
    this.#waiting += text;
    const end = Math.max(...ENDS.map((mark) => this.#waiting.lastIndexOf(mark)));
    if (end >= 0) this.#speak(end + 1);
  }

  finish(words = "") {
    this.#waiting += words && ` ${words}`;
    this.#speak(this.#waiting.length);
  }

  #speak(length) {
    const words = this.#waiting.slice(0, length).trim();
    this.#waiting = this.#waiting.slice(length);
    if (!words) return;
    const sentence = document.createElement("p");
    sentence.textContent = words;
    this.region.append(sentence);
    while (this.region.children.length > 20) this.region.firstElementChild.remove();
  }
}
