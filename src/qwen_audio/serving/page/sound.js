// Sound as arrays: decoding, cutting, and writing wav files. Everything is mono at 16 kHz.

export const RATE = 16000;
const FADE = 0.005 * RATE; // samples faded on both sides of a cut, so that it does not click

/** Return the samples of an audio file of any kind that the browser knows. */
export async function decode(blob) {
  const context = new OfflineAudioContext(1, 1, RATE); // decoding resamples to its rate
  const buffer = await context.decodeAudioData(await blob.arrayBuffer());
  const mixed = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < samples.length; i++) mixed[i] += samples[i] / buffer.numberOfChannels;
  }
  return mixed;
}

/** Return the samples between two times. */
export function part(samples, fromS, toS) {
  return samples.slice(Math.round(fromS * RATE), Math.round(toS * RATE));
}

/** Return the samples without what lies between two times; the ends are faded into each other. */
export function without(samples, fromS, toS) {
  const before = samples.slice(0, Math.round(fromS * RATE));
  const after = samples.slice(Math.round(toS * RATE));
  const fade = Math.min(FADE, before.length, after.length);
  const joined = new Float32Array(before.length + after.length - fade);
  joined.set(before);
  joined.set(after.subarray(fade), before.length);
  for (let i = 0; i < fade; i++) {
    const share = (i + 1) / (fade + 1);
    const place = before.length - fade + i;
    joined[place] = before[place] * (1 - share) + after[i] * share;
  }
  return joined;
}

/** Return a wav file (16 bit) of some samples. */
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  word(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => {
    view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, sample)) * 32767, true);
  });
  return new Blob([view], { type: "audio/wav" });
}

/** Return a file's bytes in base64. */
export function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Return the loudest sample in each of `count` equal stretches. */
export function peaks(samples, count) {
  const found = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const end = Math.max(Math.floor(((i + 1) * samples.length) / count), 1);
    for (let j = Math.floor((i * samples.length) / count); j < end; j++) {
      found[i] = Math.max(found[i], Math.abs(samples[j]));
    }
  }
  return found;
}

/** Let the browser save a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
