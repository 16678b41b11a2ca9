// A clip on the page: play, seek, select a part, and see its words light up while it plays.

import { words } from "./api.js";
import { clock, icon, make, tool } from "./dom.js";
import { RATE, part, save, wav, without } from "./sound.js";
import { Waveform } from "./waveform.js";

let playing = null; // one clip at a time

/** A clip's sound, with a name and, once asked for, its words. */
export class Clip {
  constructor(samples, name) {
    Object.assign(this, { samples, name, words: null });
  }
  get seconds() { return this.samples.length / RATE; }
}

export class ClipCard {
  /**
   * @param {Clip} clip
   * @param {{label?: string, maxSeconds?: number, onPart: (clip: Clip) => void,
   *   onEdit?: (clip: Clip) => void, onRemove?: () => void, onError: (e: Error) => void}} options
   *   `onEdit` takes a changed clip in this one's place; without it changes become new clips.
   */
  constructor(clip, options) {
    this.clip = clip;
    this.options = options;
    this.until = null;
    this.element = this.#build();
    this.waveform = new Waveform(this.canvas, {
      onSeek: (seconds) => this.seek(seconds),
      onPlay: () => this.toggle(),
      onSelect: (span) => this.#showPicked(span),
    });
    this.#load();
  }

  #build() {
    const { clip, options } = this;
    const label = options.label ? `${options.label} · ${clip.name}` : clip.name;
    this.audio = make("audio", { preload: "auto" });
    this.audio.addEventListener("ended", () => this.#stopped());
    this.audio.addEventListener("pause", () => this.#stopped());
    this.canvas = make("canvas", {
      tabindex: 0, role: "slider", "aria-label": `Position in ${label}`, "aria-valuemin": 0,
    });
    this.button = make("button", {
      class: "play", type: "button", "aria-label": `Play ${label}`, onclick: () => this.toggle(),
    }, icon("play", "start"), icon("pause", "pause"));
    this.time = make("span", { class: "time" });
    this.picked = make("div", { class: "picked", hidden: true });
    this.lines = make("div", { class: "words", hidden: true, "aria-label": "Words" });
    this.note = make("p", { class: "note", hidden: true });
    this.wordsTool = tool("words", "Words", () => this.showWords(), "Write down the words with their times");
    const tools = make("span", { class: "tools" }, this.wordsTool,
      tool("download", "", () => this.#save(clip.samples, clip.name), "Download as wav"));
    if (options.onRemove) tools.append(tool("close", "", () => options.onRemove(), "Remove this clip"));
    for (const button of tools.querySelectorAll("button")) button.setAttribute("aria-label", button.title);
    return make("div", { class: "clip", role: "group", "aria-label": label },
      make("div", { class: "top" }, this.button, this.canvas),
      make("div", { class: "about" }, make("span", { class: "name", title: label }, label), this.time, tools),
      this.picked, this.lines, this.note);
  }

  #load() {
    const { clip, options } = this;
    this.audio.src = URL.createObjectURL(wav(clip.samples));
    this.waveform.show(clip.samples);
    this.waveform.at(0);
    this.time.textContent = clock(clip.seconds);
    const isLong = options.maxSeconds && clip.seconds > options.maxSeconds;
    this.note.hidden = !isLong;
    if (isLong) {
      this.note.textContent = `The model hears ${options.maxSeconds} s at once. Drag over the waveform and choose “Keep”.`;
    }
    if (clip.words) this.#listWords();
  }

  /** Free what the browser holds for the clip. */
  close() {
    this.audio.pause();
    URL.revokeObjectURL(this.audio.src);
  }

  mark(spans) {
    this.waveform.spans = spans.filter((span) => span.start < this.clip.seconds);
    this.waveform.draw();
  }

  toggle() { this.audio.paused ? this.play() : this.audio.pause(); }

  play(until = null) {
    if (playing && playing !== this) playing.audio.pause();
    playing = this;
    this.until = until;
    this.audio.play().then(() => {
      this.element.classList.add("is-playing");
      this.button.setAttribute("aria-label", `Pause ${this.clip.name}`);
      this.#follow();
    }).catch((error) => this.options.onError(error));
  }

  seek(seconds) {
    this.until = null;
    this.audio.currentTime = seconds;
    this.#show(seconds);
  }

  playSpan(span) {
    this.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
    this.waveform.select({ start: span.start, end: span.end });
    this.audio.currentTime = span.start;
    this.play(span.end);
  }

  #follow() {
    if (this.audio.paused) return;
    const now = this.audio.currentTime;
    if (this.until !== null && now >= this.until) this.audio.pause();
    this.#show(now);
    requestAnimationFrame(() => this.#follow());
  }

  #show(seconds) {
    this.waveform.at(seconds);
    this.time.textContent = `${clock(seconds)} / ${clock(this.clip.seconds)}`;
    for (const button of this.lines.children) {
      const isOn = seconds >= Number(button.dataset.start) && seconds < Number(button.dataset.end);
      button.classList.toggle("is-on", isOn);
    }
  }

  #stopped() {
    this.element.classList.remove("is-playing");
    this.button.setAttribute("aria-label", `Play ${this.clip.name}`);
    if (this.audio.ended) this.#show(0);
  }

  async showWords() {
    if (this.clip.words) {
      this.lines.hidden = !this.lines.hidden;
      return;
    }
    this.wordsTool.disabled = true;
    this.lines.hidden = false;
    this.lines.classList.add("is-waiting");
    this.lines.textContent = "Listening …";
    try {
      this.clip.words = (await words(this.clip)).words;
      this.#listWords();
    } catch (error) {
      this.lines.hidden = true;
      this.options.onError(error);
    } finally {
      this.lines.classList.remove("is-waiting");
      this.wordsTool.disabled = false;
    }
  }

  #listWords() {
    const { words: found } = this.clip;
    this.lines.hidden = false;
    this.lines.replaceChildren(...found.map((word) => make("button", {
      type: "button", "data-start": word.start, "data-end": Math.max(word.end, word.start + 0.08),
      title: `${word.start.toFixed(2)} – ${word.end.toFixed(2)} s`,
      onclick: () => { this.seek(word.start); this.play(); },
    }, word.word)));
    if (!found.length) this.lines.textContent = "No words were heard.";
  }

  #showPicked(span) {
    this.picked.hidden = !span;
    if (!span) return;
    const { clip } = this, name = `${span.start.toFixed(2)}–${span.end.toFixed(2)} s`;
    const cut = () => part(clip.samples, span.start, span.end);
    this.picked.replaceChildren(
      make("span", {}, name),
      make("span", { class: "tools" },
        tool("play", "Play", () => this.playSpan(span), "Play this part"),
        tool("download", "Save", () => this.#save(cut(), `${clip.name} ${name}`), "Download this part as wav"),
        tool("crop", this.options.onEdit ? "Keep" : "Use", () => this.#change(cut(), name), "Make a clip of this part alone"),
        tool("scissors", "Cut out", () => this.#change(without(clip.samples, span.start, span.end), "cut"), "Make a clip without this part")),
    );
  }

  #change(samples, what) {
    if (samples.length < RATE / 20) return this.options.onError(new Error("That leaves too little sound."));
    const changed = new Clip(samples, `${this.clip.name.replace(/ \(.*\)$/, "")} (${what})`);
    (this.options.onEdit || this.options.onPart)(changed);
  }

  #save(samples, name) {
    save(wav(samples), `${name.replace(/\.[a-z]\w{1,3}\b/i, "").replace(/[^\p{L}\p{N}()–. -]+/gu, "_").trim()}.wav`);
  }
}
