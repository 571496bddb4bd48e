// The chat's websocket: opened with the first question, and again after a loss. Frames go to whoever
// asked, with their lane; when the line breaks, every question under way is told once.

import { NOT_ALLOWED, socketAddress } from "./socket.js";

const OPENING_MILLISECONDS = 8_000;

export class ChatLine {
  #socket = null;
  #asked = new Map(); // id: {onFrame, lanes: those that have not ended}
  #next = 1;

  /** Send `command`, an ask or again, whose answers come in `lanes`; frames arrive at `onFrame`.
   *  Returns the question's id. */
  ask(command, lanes, onFrame) {
    const id = `a${this.#next++}`;
    this.#asked.set(id, { onFrame, lanes: new Set(lanes) });
    this.#send({ ...command, id });
    return id;
  }

  stop(id, lane = null) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: "stop", id, lane });
    else this.#fail("Stopped before the server could be reached.");
  }

  #send(command) {
    const text = JSON.stringify(command);
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(text);
      return;
    }
    if (this.#socket?.readyState === WebSocket.CONNECTING) {
      this.#socket.addEventListener("open", () => this.#socket.send(text), { once: true });
      return;
    }
    const socket = new WebSocket(socketAddress("/console/chat"));
    const tooLong = setTimeout(() => socket.close(), OPENING_MILLISECONDS);
    this.#socket = socket;
    socket.onopen = () => {
      clearTimeout(tooLong);
      socket.send(text);
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      clearTimeout(tooLong);
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#fail(
        code === NOT_ALLOWED
          ? "Log in to use the chat; what you wrote is still here."
          : "The connection to the server was lost. What had arrived is kept.",
      );
    };
  }

  #receive(frame) {
    const question = this.#asked.get(frame.id);
    if (!question) return;
    if (frame.type === "finished" || frame.type === "error") {
      const ended = frame.lane === null ? [...question.lanes] : [frame.lane];
      for (const lane of ended) question.lanes.delete(lane);
      if (question.lanes.size === 0) this.#asked.delete(frame.id);
      for (const lane of ended) question.onFrame({ ...frame, lane });
      return;
    }
    question.onFrame(frame);
  }

  #fail(message) {
    const waiting = [...this.#asked.values()];
    this.#asked.clear();
    for (const { onFrame, lanes } of waiting) {
      for (const lane of lanes) onFrame({ type: "error", lane, code: "connection_lost", message });
    }
  }
}
