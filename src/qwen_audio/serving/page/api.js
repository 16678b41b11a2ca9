// The server's API: OpenAI's routes on the page's own address.

import { base64, wav } from "./sound.js";

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export const key = {
  get: () => sessionStorage.getItem("key") || "",
  set: (value) => sessionStorage.setItem("key", value.trim()),
};

async function call(path, options = {}) {
  const headers = { ...options.headers, ...(key.get() && { Authorization: `Bearer ${key.get()}` }) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it still running?", 0);
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  throw new ApiError(body?.error?.message || `The server answered with status ${answer.status}.`, answer.status);
}

/** Return the model's name and the longest clip it hears. */
export async function model() {
  const { data } = await (await call("/v1/models")).json();
  return { name: data[0].id, maxSeconds: data[0].max_clip_seconds };
}

/** Return the words of a clip with their times. */
export async function words(clip) {
  const form = new FormData();
  form.append("file", wav(clip.samples), "clip.wav");
  form.append("response_format", "verbose_json");
  form.append("timestamp_granularities[]", "word");
  return (await call("/v1/audio/transcriptions", { method: "POST", body: form })).json();
}

/**
 * Stream the reply to a conversation.
 * @returns {Promise<{spans: Array, reason: string}>} once it is over.
 */
export async function chat(turns, { settings, onText, signal }) {
  const messages = [];
  for (const turn of turns) {
    messages.push({ role: "user", content: await content(turn) });
    if (turn.reply?.text && turn !== turns.at(-1)) {
      messages.push({ role: "assistant", content: turn.reply.text });
    }
  }
  const body = JSON.stringify({ messages, stream: true, ...settings });
  const headers = { "Content-Type": "application/json" };
  const answer = await call("/v1/chat/completions", { method: "POST", headers, body, signal });
  const found = { spans: [], reason: "" };
  for await (const event of events(answer.body)) {
    if (event.error) throw new ApiError(event.error.message, 200);
    const choice = event.choices?.[0];
    if (!choice) continue;
    if (choice.delta.content) onText(choice.delta.content);
    if (choice.delta.spans) found.spans = choice.delta.spans;
    if (choice.finish_reason) found.reason = choice.finish_reason;
  }
  return found;
}

async function content(turn) {
  const clips = await Promise.all(turn.clips.map(async (clip) => ({
    type: "input_audio",
    input_audio: { data: await base64(wav(clip.samples)), format: "wav" },
  })));
  return turn.text ? [...clips, { type: "text", text: turn.text }] : clips;
}

/** Yield the JSON objects of a stream of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const lines = waiting.split("\n");
    waiting = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: {")) yield JSON.parse(line.slice(6));
    }
  }
}
