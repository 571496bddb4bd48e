// The live line: pictures of the appliance, latest first. Each is confirmed with its number, so that
// the server sends no more than this page can draw. A lost line is told, and tried again.

import { NOT_ALLOWED, backOff, socketAddress } from "./socket.js";

const SILENCE_MILLISECONDS = 7_000; // the server speaks every two seconds, changed or not

export class LiveLine {
  #socket = null;
  #tries = 0;
  #timer = 0;
  #watchdog = 0;
  #nextTryAt = 0;

  /** `onPicture(picture)`; `onLink({state: "up" | "lost" | "denied", nextTryAt})`. */
  constructor({ onPicture, onLink }) {
    this.onPicture = onPicture;
    this.onLink = onLink;
  }

  start() {
    addEventListener("online", () => this.tryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.tryNow();
    });
    setInterval(() => this.#tellIfLost(), 500);
    this.#connect();
  }

  /** Connect at once if the line is down. */
  tryNow() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #connect() {
    const socket = new WebSocket(socketAddress("/console/live"));
    this.#socket = socket;
    this.#listenForSilence(socket);
    socket.onmessage = ({ data }) => {
      const { number, picture } = JSON.parse(data);
      this.#listenForSilence(socket);
      if (this.#tries >= 0) this.onLink({ state: "up" });
      this.#tries = 0;
      this.#nextTryAt = 0;
      this.onPicture(picture);
      socket.send(JSON.stringify({ seen: number }));
    };
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    if (code === NOT_ALLOWED) {
      this.onLink({ state: "denied" });
      return;
    }
    const wait = backOff(this.#tries++);
    this.#nextTryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#tellIfLost();
  }

  #tellIfLost() {
    if (this.#nextTryAt) this.onLink({ state: "lost", nextTryAt: this.#nextTryAt });
  }

  // A machine that sleeps or a cable that is pulled closes nothing: silence is the sign.
  #listenForSilence(socket) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      socket.close();
      this.#lost(socket, 0);
    }, SILENCE_MILLISECONDS);
  }
}
