// The chat's websocket: opened with the first question, and again after a loss. Frames of an answer
// go to whoever asked for it; when the line breaks, each answer under way is told once.

import { NOT_ALLOWED, socketAddress } from "./socket.js";

const OPENING_MILLISECONDS = 8_000;

export class ChatLine {
  #socket = null;
  #answers = new Map();
  #next = 1;

  /** Ask; frames arrive at `onFrame`. Returns the answer's id. */
  ask(model, messages, onFrame) {
    const id = `a${this.#next++}`;
    this.#answers.set(id, onFrame);
    this.#send({ type: "ask", id, model, messages });
    return id;
  }

  stop(id) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: "stop", id });
    else this.#fail("Stopped before the server could be reached.");
  }

  #send(command) {
    const text = JSON.stringify(command);
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(text);
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
          ? "Log in to the admin to use the chat from another machine."
          : "The connection to the server was lost. What had arrived is kept.",
      );
    };
  }

  #receive(frame) {
    const onFrame = this.#answers.get(frame.id);
    if (frame.type === "finished" || frame.type === "error") this.#answers.delete(frame.id);
    onFrame?.(frame);
  }

  #fail(message) {
    const waiting = [...this.#answers.values()];
    this.#answers.clear();
    for (const onFrame of waiting) onFrame({ type: "error", code: "connection_lost", message });
  }
}
