// The microphone: press to record, press again to have a clip.

export class Recorder {
  /** @param {{onClip: (blob: Blob) => void, onTime: (s: number) => void, onEnd: () => void}} on */
  constructor(on) {
    this.on = on;
    this.recorder = null;
  }

  get isOn() { return this.recorder !== null; }

  async toggle() {
    if (this.isOn) return this.recorder.stop();
    if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
      throw new Error("Recording needs https or localhost in the address.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      throw new Error(
        error.name === "NotFoundError" ? "No microphone was found." : "The browser did not allow the microphone.",
      );
    }
    this.#begin(stream);
  }

  #begin(stream) {
    const pieces = [], began = performance.now();
    this.recorder = new MediaRecorder(stream);
    const clock = setInterval(() => this.on.onTime((performance.now() - began) / 1000), 100);
    this.recorder.ondataavailable = (event) => pieces.push(event.data);
    this.recorder.onstop = () => {
      clearInterval(clock);
      stream.getTracks().forEach((track) => track.stop());
      const type = this.recorder.mimeType;
      this.recorder = null;
      this.on.onEnd();
      if (pieces.some((piece) => piece.size)) this.on.onClip(new Blob(pieces, { type }));
    };
    this.recorder.start();
    this.on.onTime(0);
  }
}
