"""Writes labelled audio as shards: read sentences, varied speech, scenes, notes, pieces of music.

Clip number n of a kind is a function of the seed, the split and n, so a train and a dev set made
with one seed share nothing, and the same order makes the same shards.
"""

import io
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import load_clip
from qwen_audio.data.manifest import AudioReference, Record, read_side_labels
from qwen_audio.data.shards import read_shard, write_shard
from qwen_audio.data.synthesis import (
    cast,
    copies,
    midi,
    music,
    notes,
    scene_text,
    scenes,
    speech,
)
from qwen_audio.errors import DataError, unknown_name
from qwen_audio.tasks.labels import Labels
from qwen_audio.tasks.sound_names import scene_name

SHARD_BYTES = 50 * 2**20
BIT_RATE = 24_000  # of Opus: the reply of a listener does not change above
_AT_ONCE = 64  # drafts that FluidSynth renders in one go
_QUIET = 0.003  # the loudest sample under which a rendered piece counts as silent
_MUSIC = (
    *((music.draft_loop,) * 8 + (music.draft_melody,) * 7 + (notes.draft_chord,) * 4),
    *((notes.draft_scale,) * 3 + (notes.draft_interval,) * 2),
)
# A clip of a place this long is a background of scenes; a shorter one is an event.
_BACKGROUND_S = 8.0
# How many characters are read within 28 s: these scripts say more with each.
_MOST_CHARACTERS = {"zh": 80, "ja": 110, "ko": 110}
_SENTENCE_CHARACTERS = 280


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be made.

    Attributes:
        hours: How much; the last clip may go past it.
        seed: Another seed makes other clips.
        split: Part of the shards' names, and of what is random.
        sources: Of scenes: shards of labelled sounds; of copies: shards of speech.
        side_labels: Of copies: JSONL files of further labels of the sources.
        text: Of speech: a file with one sentence a line.
        language: Of speech.
        engine: Of speech: one of `cast.ENGINES`, or all that are installed.
    """

    hours: float
    seed: int = 0
    split: str = "train"
    sources: tuple[Path, ...] = ()
    side_labels: tuple[Path, ...] = ()
    text: Path | None = None
    language: str = "en"
    engine: str | None = None


@dataclass(frozen=True, kw_only=True)
class Produced:
    """What was written, and what was refused and why."""

    shards: tuple[Path, ...]
    clips: int
    hours: float
    refused: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Made:
    """One labelled clip; `dataset` where it is not of the kind's own."""

    waveform: np.ndarray
    labels: Labels
    source: str
    licence: str
    dataset: str | None = None


@dataclass
class Run:
    """An order while it is carried out: what was refused so far."""

    order: Order
    refused: Counter[str] = field(default_factory=Counter)

    def seed(self, kind: str, number: int) -> int:
        """Return the seed of a clip."""
        return random.Random(f"{kind}/{self.order.split}/{self.order.seed}/{number}").getrandbits(
            31
        )


def produce(kind: str, out: Path, order: Order) -> Produced:
    """Write shards `OUT/NAME-SPLIT-NNN.tar` and return what they hold.

    Args:
        kind: "speech", "copies", "scenes", "notes" or "music".
        out: The folder.
        order: How much, and of what.

    Raises:
        DataError: No such kind, or an engine, a sound font or the sources are missing.
    """
    if kind not in MAKERS:
        raise DataError(unknown_name("kind of audio", kind, MAKERS))
    run = Run(order)
    dataset = f"synth-{order.language}" if kind == "speech" else kind
    made = _until(MAKERS[kind](run), order.hours * 3600)
    samples = (_sample(one, number, dataset, order) for number, one in enumerate(made))
    totals = [0.0, 0.0]
    shards = []
    for number, group in enumerate(_by_size(samples, totals)):
        path = out / f"{dataset}-{order.split}-{number:03d}.tar"
        write_shard(path, group)
        shards.append(path)
    return Produced(
        shards=tuple(shards),
        clips=int(totals[0]),
        hours=totals[1] / 3600,
        refused=dict(run.refused),
    )


def encode_opus(waveform: np.ndarray, *, bit_rate: int = BIT_RATE) -> bytes:
    """Return 16 kHz samples as an Ogg Opus file."""
    file = io.BytesIO()
    # bitexact: the stream gets no random number, so that equal samples give equal bytes
    with av.open(file, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = bit_rate
        stream.options = {"compression_level": "2"}
        samples = (np.clip(waveform, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def make_notes(run: Run) -> Iterator[Made]:
    """Yield single notes of many instruments, with the qualities measured on them."""
    yield from _rendered(run, "notes", lambda seed: notes.draft_note(seed=seed), gain=1.2)


def make_music(run: Run) -> Iterator[Made]:
    """Yield loops, melodies, chords, scales and intervals."""

    def draft(seed: int) -> notes.Draft:
        return random.Random(seed * 31).choice(_MUSIC)(seed=seed)

    yield from _rendered(run, "music", draft, gain=0.7)


def make_scenes(run: Run) -> Iterator[Made]:
    """Yield composed sound scenes with their timeline, captions and questions."""
    library, licence = scene_library(run.order.sources)
    known = sorted(library.events)
    for number in count():
        seed = run.seed("scenes", number)
        scene = scenes.compose_scene(library, seed=seed)
        rng = random.Random(seed * 7 + 1)
        questions = scene_text.write_questions(scene, known=known, rng=rng)
        labels = Labels(
            events=scene.events,
            sound=scene.labels,
            scene=scene.scene,
            captions=scene_text.write_captions(scene, rng=rng),
            qa=tuple(questions),
        )
        source = f"composed, seed {seed}"
        yield Made(waveform=scene.waveform, labels=labels, source=source, licence=licence)


def make_copies(run: Run) -> Iterator[Made]:
    """Yield varied copies of labelled speech, under the names of their sets."""
    order = run.order
    seed, side = f"{order.split}/{order.seed}", read_side_labels(order.side_labels)
    for one in copies.vary_speech(order.sources, seed=seed, side_labels=side):
        yield Made(
            waveform=one.waveform,
            labels=one.labels,
            source=f"{one.of.source or one.of.key}, varied",
            licence=one.of.licence or "",
            dataset=one.of.dataset,
        )


def make_speech(run: Run) -> Iterator[Made]:
    """Yield sentences read aloud, each once, by every voice that is installed.

    Raises:
        DataError: No voice of the language is installed, or there are no sentences.
    """
    order = run.order
    lines = _sentences(order.text)
    random.Random(f"{order.split}/{order.seed}").shuffle(lines)
    engines = _by_engine(cast.speakers(language=order.language, engine=order.engine))
    most = _MOST_CHARACTERS.get(order.language, speech.MAX_CHARACTERS)
    groups = speech.group_sentences(lines, seed=order.seed, max_characters=most)
    for number, group in enumerate(groups):
        seed = run.seed("speech", number)
        read = _read(engines, group, seed=seed)
        if isinstance(read, str):
            run.refused[read] += 1
        else:
            yield read


def scene_library(shards: Sequence[Path]) -> tuple[scenes.SceneLibrary, str]:
    """Return what scenes are composed of, from shards of labelled sounds, and its licence.

    Raises:
        DataError: No clip has a sound's name and can be heard.
    """
    events, bursts = defaultdict(list), defaultdict(list)
    backgrounds, licences = [], set()
    for path in shards:
        for record, content in read_shard(path):
            if len(record.labels.sound) != 1:
                continue
            (label,) = record.labels.sound
            waveform = load_clip(content).waveform
            licences.add(record.licence)
            if scene_name(label) and len(waveform) >= _BACKGROUND_S * SAMPLE_RATE:
                backgrounds.append(scenes.Background(sound=label, waveform=waveform))
                continue
            loud = scenes.loud_part(waveform)
            if loud is None:
                continue
            events[label].append(scenes.EventClip(label=label, waveform=loud))
            burst = scenes.single_burst(waveform) if label in scenes.COUNTABLE else None
            if burst is not None:
                bursts[label].append(scenes.EventClip(label=label, waveform=burst, is_burst=True))
    library = scenes.SceneLibrary(
        events={label: tuple(clips) for label, clips in events.items()},
        bursts={label: tuple(clips) for label, clips in bursts.items()},
        backgrounds=tuple(backgrounds),
    )
    return library, " AND ".join(sorted(filter(None, licences)))


def _rendered(
    run: Run, kind: str, draft: Callable[[int], notes.Draft], *, gain: float
) -> Iterator[Made]:
    """Yield what drafts sound like, by all sound fonts in turn, a third of it in a room."""
    fonts = [font for font in midi.SOUND_FONTS if font.exists()] or [midi.find_sound_font()]
    for batch in count():
        seeds = [run.seed(kind, batch * _AT_ONCE + place) for place in range(_AT_ONCE)]
        font, has_reverb = fonts[batch % len(fonts)], batch % 3 == 2
        drafts = [draft(seed) for seed in seeds]
        sounds = notes.render_drafts(drafts, sound_font=font, has_reverb=has_reverb, gain=gain)
        for seed, sound in zip(seeds, sounds, strict=True):
            loudest = float(np.abs(sound.waveform).max())
            if loudest < _QUIET:
                run.refused["is nearly silent"] += 1
                continue
            chance = np.random.default_rng(seed)
            level = min(10 ** (chance.uniform(-3, 6) / 20), 0.95 / loudest)
            noise = chance.standard_normal(len(sound.waveform)) * 10 ** (
                chance.uniform(-75, -55) / 20
            )
            waveform = sound.waveform * level + noise * (chance.random() < 0.4)
            yield Made(
                waveform=waveform.astype(np.float32),
                labels=sound.labels,
                source=f"{font.stem}, seed {seed}",
                licence=f"rendered by FluidSynth with the {font.stem} sound font",
            )


def _read(
    engines: dict[str, list[speech.Speaker]], sentences: Sequence[str], *, seed: int
) -> Made | str:
    """Return sentences read by a voice, or why they were refused; forget a missing engine."""
    chance, text = random.Random(seed), " ".join(sentences)
    name = chance.choice(sorted(engines))
    speaker = chance.choice(engines[name])
    voice = speaker.voice
    try:
        spoken = speech.read_aloud(speaker, sentences, seed=seed)
    except DataError as error:
        if "not installed" in str(error):
            engines[name].remove(speaker)
            if not engines[name]:
                del engines[name]
            if not engines:
                raise
        return f"{voice.name} failed"
    fault = speech.find_fault(spoken, text)
    if fault:
        return f"{name}: {fault.split()[0]} {fault.split()[1]}"
    labels = Labels(
        language=voice.language,
        text=text,
        words=spoken.words or (),
        speaker=voice.name,
        gender=voice.gender,
    )
    return Made(waveform=spoken.waveform, labels=labels, source=voice.source, licence=voice.licence)


def _by_engine(speakers: Sequence[speech.Speaker]) -> dict[str, list[speech.Speaker]]:
    engines: dict[str, list[speech.Speaker]] = defaultdict(list)
    for speaker in speakers:
        engines[speaker.voice.name.partition("-")[0]].append(speaker)
    return dict(engines)


def _sentences(path: Path | None) -> list[str]:
    if path is None or not path.is_file():
        raise DataError(f"speech needs a file with one sentence a line; there is no file {path}")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    kept = list(dict.fromkeys(line for line in lines if 0 < len(line) <= _SENTENCE_CHARACTERS))
    if not kept:
        raise DataError(f"{path} has no line of 1 to {_SENTENCE_CHARACTERS} characters")
    return kept


def _until(made: Iterator[Made], seconds: float) -> Iterator[Made]:
    done_s = 0.0
    while done_s < seconds and (one := next(made, None)) is not None:
        done_s += len(one.waveform) / SAMPLE_RATE
        yield one


def _sample(one: Made, number: int, dataset: str, order: Order) -> tuple[Record, bytes]:
    record = Record(
        key=f"{order.seed:02d}-{number:06d}",
        audio=AudioReference(path=Path("clip.ogg")),
        duration_s=round(len(one.waveform) / SAMPLE_RATE, 3),
        labels=one.labels,
        dataset=one.dataset or dataset,
        licence=one.licence,
        source=one.source,
        split=order.split,
    )
    return record, encode_opus(one.waveform)


def _by_size(
    samples: Iterator[tuple[Record, bytes]], totals: list[float]
) -> Iterator[Iterator[tuple[Record, bytes]]]:
    """Yield groups of samples of a shard's size, each to be used up before the next."""

    def group(first: tuple[Record, bytes]) -> Iterator[tuple[Record, bytes]]:
        size, one = 0, first
        while one is not None:
            size += len(one[1])
            totals[0] += 1
            totals[1] += one[0].duration_s
            yield one
            one = next(samples, None) if size < SHARD_BYTES else None

    while (first := next(samples, None)) is not None:
        yield group(first)


MAKERS: Mapping[str, Callable[[Run], Iterator[Made]]] = MappingProxyType(
    {
        "speech": make_speech,
        "copies": make_copies,
        "scenes": make_scenes,
        "notes": make_notes,
        "music": make_music,
    }
)
