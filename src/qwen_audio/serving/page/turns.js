// The conversation on the page: what was asked, with its clips, and what was answered.

import { ClipCard } from "./clip.js";
import { icon, make, tool } from "./dom.js";

export class TurnView {
  /**
   * @param {{text: string, clips: Array, reply: ?object}} turn
   * @param {{firstNumber: number, onPart: Function, onError: Function, onAgain: Function, onSpan: Function}} options
   */
  constructor(turn, options) {
    this.turn = turn;
    this.options = options;
    this.cards = turn.clips.map((clip, i) => new ClipCard(clip, {
      label: `Audio ${options.firstNumber + i}`, onPart: options.onPart, onError: options.onError,
    }));
    this.answer = make("div", { class: "answer is-waiting" });
    this.deeds = make("div", { class: "deeds" });
    const asked = make("div", { class: "asked" }, ...this.cards.map((card) => card.element));
    if (turn.text) asked.append(make("p", { class: "bubble" }, turn.text));
    this.element = make("li", { class: "turn" }, asked, make("div", {}, this.answer, this.deeds));
  }

  begin() {
    this.element.setAttribute("aria-busy", "true"); // a screen reader waits for the whole reply
    this.answer.className = "answer is-waiting";
    this.answer.textContent = "";
    this.deeds.replaceChildren();
  }

  add(text) { this.answer.append(text); }

  /** Show a finished reply; `isLast` ones can be made again. */
  finish({ isLast }) {
    const { reply } = this.turn;
    this.element.setAttribute("aria-busy", "false");
    this.answer.classList.remove("is-waiting");
    this.answer.classList.toggle("is-error", Boolean(reply.error));
    if (reply.error) this.answer.textContent = reply.error;
    else if (!reply.text) this.answer.textContent = "(no words)";
    this.deeds.replaceChildren();
    for (const span of reply.spans) {
      const times = `${span.start.toFixed(2)}–${span.end.toFixed(2)} s`;
      this.deeds.append(make("button", {
        class: "place", type: "button", title: "Play this part", onclick: () => this.options.onSpan(span),
      }, icon("play"), span.text ? `${span.text} · ${times}` : times));
    }
    if (reply.text) this.deeds.append(tool("copy", "Copy", () => navigator.clipboard?.writeText(reply.text)));
    if (isLast) this.deeds.append(tool("again", reply.error ? "Try again" : "Regenerate", this.options.onAgain));
  }

  close() { this.cards.forEach((card) => card.close()); }
}
