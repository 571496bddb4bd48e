// One conversation: questions put to every lane, answers streamed side by side, stopped, given again.

import { ChatLine } from "./chat-line.js";
import { Turn } from "./chat-turn.js";
import { Spoken } from "./spoken.js";

const NEAR_END_PIXELS = 48;

export class Chat {
  #turns = [];
  #underWay = null; // {id, turn, views: lane → view} of what streams
  #picture = null;
  #line = new ChatLine();

  /** `choices()` are what the next question is asked with; `onKept({id, title})` when the server has
   *  kept a question; `onState()` when it begins or ends to stream. */
  constructor({ log, spoken, choices, onKept, onState }) {
    this.log = log;
    this.spoken = new Spoken(spoken);
    this.choices = choices;
    this.onKept = onKept;
    this.onState = onState;
    this.conversation = null;
    setInterval(() => this.#drawWait(), 250);
  }

  get isStreaming() {
    return this.#underWay !== null;
  }

  get isEmpty() {
    return this.#turns.length === 0;
  }

  /** Whether the next message is what a tool gave back, and which; "" if it is not. */
  get calledTool() {
    const cells = this.#turns.at(-1)?.cells ?? [];
    return cells.map(({ views }) => views.at(-1)?.calledTool).find(Boolean) ?? "";
  }

  /** Show a conversation from the database. */
  open({ id, messages }) {
    this.conversation = id;
    const byQuestion = new Map();
    for (const message of messages) {
      if (message.role === "user") {
        const turn = this.#addTurn({ id: message.id, text: message.content, lanes: 1 });
        byQuestion.set(message.id, turn);
      } else {
        (byQuestion.get(message.question) ?? this.#turns.at(-1))?.addKept(message);
      }
    }
    for (const turn of this.#turns) turn.compare();
    this.log.scrollTop = this.log.scrollHeight;
  }

  ask(text) {
    const choices = this.choices();
    const lanes = choices.lanes.map((_, lane) => lane);
    const turn = this.#addTurn({ text, lanes: lanes.length });
    this.#run(turn, lanes, { type: "ask", conversation: this.conversation, text, choices });
    this.log.scrollTop = this.log.scrollHeight;
  }

  stop() {
    if (this.#underWay) this.#line.stop(this.#underWay.id);
  }

  drawPicture(picture) {
    this.#picture = picture;
    this.#drawWait();
  }

  offerAgain() {
    this.#turns.at(-1)?.offerAgain(this.choices().lanes.length);
  }

  #addTurn(options) {
    const turn = new Turn({
      ...options,
      onAgain: (one, lane) => this.#again(one, lane),
      onStop: (one, lane) => this.#underWay?.turn === one && this.#line.stop(this.#underWay.id, lane),
    });
    this.#turns.push(turn);
    this.log.append(turn.node);
    return turn;
  }

  #again(turn, lane) {
    if (this.#underWay) return;
    if (turn.id === null) {
      // The server never got it.
      this.#turns.splice(this.#turns.indexOf(turn), 1);
      turn.node.remove();
      this.ask(turn.text);
      return;
    }
    const command = { type: "again", conversation: this.conversation, question: turn.id, lane, choices: this.choices() };
    this.#run(turn, [lane], command);
  }

  #run(turn, lanes, command) {
    const views = new Map(lanes.map((lane) => [lane, turn.begin(lane)]));
    for (const view of views.values()) view.onDrawn = () => this.#follow();
    const models = command.choices.lanes.map(({ model }) => model);
    this.#underWay = { id: null, turn, views, models, spoken: lanes[0] };
    const id = this.#line.ask(command, lanes, (frame) => this.#take(frame));
    if (this.#underWay) this.#underWay.id = id;
    this.#drawWait();
    this.onState();
  }

  #take(frame) {
    const { turn, views, spoken } = this.#underWay;
    if (frame.type === "asked") {
      turn.id = frame.question;
      this.conversation = frame.conversation;
      this.onKept({ id: frame.conversation, title: frame.title });
      return;
    }
    const view = views.get(frame.lane);
    const wasAtEnd = this.#isAtEnd();
    if (frame.type === "started") view.started(frame);
    else if (frame.type === "thinking") view.think(frame);
    else if (frame.type === "call") view.call(frame);
    else if (frame.type === "text") {
      view.add(frame);
      if (frame.lane === spoken) this.spoken.add(frame.text);
    } else this.#end(frame, view);
    if (wasAtEnd && frame.type !== "text") this.#toEnd();
  }

  #end(frame, view) {
    const { turn, views, spoken } = this.#underWay;
    view.ended(frame);
    turn.end(frame.lane);
    if (frame.lane === spoken) {
      const { device = "", why = "" } = frame.receipt ?? {};
      this.spoken.finish(device ? `Answered on ${device}. ${why}` : "");
    }
    views.delete(frame.lane);
    if (views.size > 0) return;
    this.#underWay = null;
    turn.compare();
    this.offerAgain();
    this.onState();
  }

  #isAtEnd() {
    this.wasAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END_PIXELS;
    return this.wasAtEnd;
  }

  /** Text was drawn: stay at the end if the reader was there. */
  #follow() {
    if (this.wasAtEnd) this.#toEnd();
  }

  #toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  #drawWait() {
    if (!this.#underWay) return;
    for (const [lane, view] of this.#underWay.views) {
      if (view.start) continue;
      const model = this.#underWay.models[lane];
      const homes = this.#picture?.models.find(({ name }) => name === model)?.residences ?? [];
      const loading = homes.find(({ state }) => state === "loading");
      view.drawWait(loading ? `Loading ${model} on ${loading.device}` : "Waiting for the first token");
    }
  }
}
