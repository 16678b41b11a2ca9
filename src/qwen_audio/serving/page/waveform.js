// A clip as bars on a canvas: a click seeks, a drag (or Shift and an arrow) selects, spans that a
// reply named are marked.

import { RATE, peaks } from "./sound.js";

const BAR = 3, GAP = 2; // pixels
const DRAG = 4; // pixels from which a click is a drag

export class Waveform {
  /** @param {{onSeek: (s: number) => void, onPlay: () => void, onSelect: (span: ?{start: number, end: number}) => void}} on */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.on = on;
    this.samples = new Float32Array(1);
    this.now = 0;
    this.spans = [];
    this.selection = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    addEventListener("themechange", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  get seconds() { return this.samples.length / RATE; }

  show(samples) {
    this.samples = samples;
    this.peaks = null;
    this.selection = null;
    this.draw();
  }

  at(seconds) {
    this.now = seconds;
    this.canvas.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.canvas.setAttribute("aria-valuemax", this.seconds.toFixed(1));
    this.draw();
  }

  select(span) {
    this.selection = span;
    this.draw();
    this.on.onSelect(span);
  }

  draw() {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const colours = getComputedStyle(canvas);
    const colour = (name) => colours.getPropertyValue(name).trim();
    const x = (seconds) => (seconds / this.seconds) * width;
    for (const span of this.spans) {
      this.#mark(pen, x(span.start), x(span.end), height, colour("--span"), colour("--span-edge"));
    }
    if (this.selection) {
      const { start, end } = this.selection;
      this.#mark(pen, x(start), x(end), height, colour("--pick"), colour("--accent"));
    }
    const { start, end } = this.selection || { start: 0, end: 0 };
    this.#bars(pen, width, height, (left) => {
      if (left < x(this.now)) return colour("--accent");
      return left >= x(start) && left <= x(end) && end > start ? colour("--picked") : colour("--wave");
    });
  }

  #bars(pen, width, height, colourAt) {
    const count = Math.max(1, Math.floor(width / (BAR + GAP)));
    if (this.peaks?.length !== count) this.peaks = peaks(this.samples, count);
    const loudest = Math.max(0.05, ...this.peaks);
    this.peaks.forEach((peak, i) => {
      const tall = Math.max(2, (peak / loudest) ** 0.8 * (height - 10));
      const left = i * (BAR + GAP);
      pen.fillStyle = colourAt(left);
      pen.beginPath();
      pen.roundRect(left, (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    });
  }

  #mark(pen, from, to, height, fill, edge) {
    pen.fillStyle = fill;
    pen.fillRect(from, 0, Math.max(2, to - from), height);
    pen.fillStyle = edge;
    pen.fillRect(from, 0, 1.5, height);
    pen.fillRect(Math.max(from, to - 1.5), 0, 1.5, height);
  }

  #secondsAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return Math.min(1, Math.max(0, share)) * this.seconds;
  }

  #press(event) {
    if (event.button !== 0) return;
    const { canvas } = this, first = event.clientX, from = this.#secondsAt(event);
    let isDrag = false;
    canvas.setPointerCapture(event.pointerId);
    const move = (next) => {
      isDrag ||= Math.abs(next.clientX - first) > DRAG;
      if (!isDrag) return;
      const to = this.#secondsAt(next);
      this.selection = { start: Math.min(from, to), end: Math.max(from, to) };
      this.draw();
    };
    const stop = () => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", stop);
      canvas.removeEventListener("pointercancel", stop);
      if (isDrag) return this.on.onSelect(this.selection);
      const inside = this.spans.find((span) => from >= span.start && from <= span.end);
      this.select(inside ? { start: inside.start, end: inside.end } : null);
      this.on.onSeek(from);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", stop);
    canvas.addEventListener("pointercancel", stop);
  }

  #key(event) {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      return this.on.onPlay();
    }
    const step = { ArrowLeft: -0.5, ArrowRight: 0.5, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const to = Math.min(this.seconds, Math.max(0, this.now + step));
    if (event.shiftKey) {
      const from = this.selection?.anchor ?? this.now;
      this.select({ start: Math.min(from, to), end: Math.max(from, to), anchor: from });
    }
    this.on.onSeek(to);
  }
}
