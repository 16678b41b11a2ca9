// The page: the conversation's state, and what the buttons do with it.

import { chat, key, model } from "./api.js";
import { Clip, ClipCard } from "./clip.js";
import { clock, make } from "./dom.js";
import { Recorder } from "./recorder.js";
import { decode } from "./sound.js";
import { TurnView } from "./turns.js";

const $ = (id) => document.getElementById(id);
const state = { turns: [], views: [], tray: [], cards: [], busy: null, maxSeconds: 30 };
const USUAL_HINT = matchMedia("(pointer: coarse)").matches
  ? "Drag over a waveform to pick a part."
  : "Enter sends, Shift+Enter begins a new line. Drag over a waveform to pick a part.";

// --- saying things -------------------------------------------------------------------------------

function hint(text = USUAL_HINT, isBad = false) {
  $("hint").textContent = text;
  $("hint").classList.toggle("is-bad", isBad);
}

function fail(error) {
  hint(error.message, true);
  if (error.status === 401) $("keyform").showModal();
}

let toastTimer;
function toast(text, deed, onclick) {
  const done = () => { $("toast").hidden = true; };
  $("toast").replaceChildren(text);
  if (deed) $("toast").append(make("button", { type: "button", onclick: () => { done(); onclick(); } }, deed));
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(done, 6000);
}

function refresh() {
  $("welcome").hidden = state.turns.length > 0;
  $("undo").disabled = $("clear").disabled = state.turns.length === 0;
  $("composer").classList.toggle("is-busy", Boolean(state.busy));
  const label = state.busy ? "Stop" : "Send";
  $("send").setAttribute("aria-label", label);
  $("send").title = label;
  const isEmpty = !$("text").value.trim() && !state.tray.length;
  $("send").disabled = !state.busy && (isEmpty || state.tray.some((clip) => clip.seconds > state.maxSeconds));
}

// --- the tray: clips that wait to be sent --------------------------------------------------------

function showTray() {
  state.cards.forEach((card) => card.close());
  state.cards = state.tray.map((clip, i) => new ClipCard(clip, {
    maxSeconds: state.maxSeconds,
    onError: fail,
    onEdit: (changed) => { state.tray[i] = changed; showTray(); },
    onRemove: () => { state.tray.splice(i, 1); showTray(); },
  }));
  $("tray").replaceChildren(...state.cards.map((card) => card.element));
  refresh();
}

function addClip(clip) {
  state.tray.push(clip);
  showTray();
  $("text").focus({ preventScroll: true });
}

async function addFile(blob, name) {
  hint(`Reading ${name} …`);
  try {
    const samples = await decode(blob);
    if (!samples.length) throw new Error();
    addClip(new Clip(samples, name));
    hint();
  } catch {
    hint(`${name} is no sound that this browser can read.`, true);
  }
}

async function addFiles(files) {
  for (const file of files) await addFile(file, file.name);
}

// --- turns ---------------------------------------------------------------------------------------

function addTurn(turn) {
  const firstNumber = 1 + state.turns.reduce((sum, before) => sum + before.clips.length, 0);
  const view = new TurnView(turn, {
    firstNumber, onError: fail, onPart: addClip,
    onAgain: () => answer({ temperature: 0.8, top_p: 0.9, seed: Math.floor(Math.random() * 2 ** 31) }),
    onSpan: (span) => lastCard(view)?.playSpan(span),
  });
  state.views.at(-1)?.finish({ isLast: false });
  state.turns.push(turn);
  state.views.push(view);
  $("turns").append(view.element);
  return view;
}

/** Return the clip that a reply speaks of: the latest one up to its turn. */
function lastCard(view) {
  const before = state.views.slice(0, state.views.indexOf(view) + 1);
  return before.flatMap((each) => each.cards).at(-1);
}

async function answer(settings = {}) {
  const turn = state.turns.at(-1), view = state.views.at(-1);
  const stop = new AbortController();
  state.busy = stop;
  turn.reply = { text: "", spans: [], error: null };
  view.begin();
  refresh();
  scrollDown();
  try {
    const found = await chat(state.turns, {
      settings, signal: stop.signal,
      onText: (text) => { turn.reply.text += text; view.add(text); scrollDown({ onlyIfNear: true }); },
    });
    turn.reply.spans = found.spans;
    lastCard(view)?.mark(found.spans);
    if (found.reason === "length") hint("The reply reached its longest length.");
  } catch (error) {
    if (error.name !== "AbortError") turn.reply.error = error.message;
    if (error.status === 401) fail(error);
  }
  state.busy = null;
  if (view === state.views.at(-1)) view.finish({ isLast: true });
  refresh();
  scrollDown({ onlyIfNear: true });
}

function send() {
  if (state.busy) return state.busy.abort();
  const text = $("text").value.trim();
  if (!text && !state.tray.length) return;
  const turn = { text, clips: state.tray, reply: null };
  state.tray = [];
  $("text").value = "";
  fit();
  showTray();
  hint();
  addTurn(turn);
  answer();
}

function undo() {
  state.busy?.abort();
  const turn = state.turns.pop(), view = state.views.pop();
  view.close();
  view.element.remove();
  state.tray = [...turn.clips, ...state.tray];
  $("text").value = turn.text;
  fit();
  showTray();
  state.views.at(-1)?.finish({ isLast: true });
  refresh();
  $("text").focus();
}

function clear() {
  state.busy?.abort();
  const { turns } = state;
  state.views.forEach((view) => view.close());
  state.turns = [];
  state.views = [];
  $("turns").replaceChildren();
  refresh();
  toast("New conversation.", "Bring the old one back", () => {
    turns.forEach((turn) => addTurn(turn).add(turn.reply?.text || ""));
    state.views.forEach((view, i) => {
      turns[i].reply ||= { text: "", spans: [], error: null };
      view.finish({ isLast: i === turns.length - 1 });
      lastCard(view)?.mark(turns[i].reply.spans);
    });
    refresh();
  });
}

function scrollDown({ onlyIfNear = false } = {}) {
  const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
  if (onlyIfNear && scrollHeight - clientHeight - scrollTop > 160) return;
  scrollTo({ top: scrollHeight });
}

function fit() {
  $("text").style.height = "auto";
  $("text").style.height = `${Math.min(190, $("text").scrollHeight)}px`;
  refresh();
}

// --- the buttons ---------------------------------------------------------------------------------

const recorder = new Recorder({
  onClip: (blob) => addFile(blob, `Recording ${new Date().toLocaleTimeString()}`),
  onTime: (seconds) => hint(`Recording ${clock(seconds, 0)} — press again to stop`),
  onEnd: () => { hint(); markRecording(); },
});

function markRecording() {
  $("record").classList.toggle("is-on", recorder.isOn);
  $("record").setAttribute("aria-label", recorder.isOn ? "Stop recording" : "Record");
}

async function showExamples() {
  const examples = await (await fetch("/page/clips/clips.json")).json();
  $("examples").replaceChildren(...examples.map((example) => make("li", {}, make("button", {
    type: "button",
    onclick: async () => {
      await addFile(await (await fetch(`/page/clips/${example.file}`)).blob(), example.name);
      $("text").value ||= example.question;
      fit();
    },
  }, make("strong", {}, example.name), make("span", {}, example.question), make("small", {}, example.source)))));
}

async function begin() {
  hint();
  try {
    const about = await model();
    state.maxSeconds = about.maxSeconds;
    $("model").textContent = about.name;
  } catch (error) {
    fail(error);
  }
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("text").addEventListener("input", fit);
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!state.busy && !$("send").disabled) send();
});
$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", clear);
$("upload").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => { addFiles([...$("files").files]); $("files").value = ""; });
$("record").addEventListener("click", async () => {
  try { await recorder.toggle(); } catch (error) { fail(error); }
  markRecording();
});
$("key").addEventListener("click", () => { $("keyvalue").value = key.get(); $("keyform").showModal(); });
$("keyform").addEventListener("close", () => {
  if ($("keyform").returnValue === "save") { key.set($("keyvalue").value); begin(); }
});
for (const name of ["dragover", "dragleave", "drop"]) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("is-over", name === "dragover");
    if (name === "drop") addFiles([...event.dataTransfer.files]);
  });
}
addEventListener("keydown", (event) => { if (event.key === "Escape") state.busy?.abort(); });
addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) { event.preventDefault(); addFiles(files); }
});

refresh();
begin();
showExamples();
