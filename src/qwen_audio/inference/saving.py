"""Conversations on disk: one JSON file, and its clips by content in a folder beside it.

The JSON names a clip by its fingerprint, never by a path, so a file from a stranger cannot make us
read another. Clips are FLAC where that keeps every sample, else WAV with floats.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.errors import DataError
from qwen_audio.inference.turns import Turn, reply_of
from qwen_audio.text.messages import Text
from qwen_audio.text.timestamps import Span
from qwen_audio.text.vocab import timestamp_token, token_seconds

FORMAT = "qwen-audio conversation"
VERSION = 1
FULL_SCALE = 1 << 23  # of 24-bit FLAC

_FINGERPRINT = re.compile("[0-9a-f]{64}")


def save_turns(path: Path, turns: Sequence[Turn], *, system: str | None) -> None:
    """Write turns as JSON, their clips into the folder beside it."""
    folder = clips_folder(path)
    clips = {clip.fingerprint: clip for turn in turns for clip in turn.clips}
    if clips:
        folder.mkdir(parents=True, exist_ok=True)
    for clip in clips.values():
        _save_clip(folder, clip)
    record = {
        "format": FORMAT,
        "version": VERSION,
        "system": system,
        "turns": [_turn_record(turn) for turn in turns],
    }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)


def load_turns(path: Path) -> tuple[tuple[Turn, ...], str | None]:
    """Return the turns of a saved conversation, and its system prompt.

    Raises:
        DataError: a file that is missing or of another kind, or a clip that is missing or another.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); check the path") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); give a saved conversation") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DataError(f"{path} is not a saved conversation; give a file that save() wrote")
    if record.get("version") != VERSION:
        raise DataError(
            f"{path} has version {record.get('version')}, and this program reads version "
            f"{VERSION}; use the program that wrote it"
        )
    folder = clips_folder(path)
    try:
        return tuple(_turn(entry, folder) for entry in record["turns"]), record["system"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error!r}); give a file that save() wrote") from error


def clips_folder(path: Path) -> Path:
    """Return the folder that holds the clips of a conversation's JSON file."""
    return path.with_name(path.stem + ".clips")


def _turn_record(turn: Turn) -> dict[str, Any]:
    clips = [{"sha256": clip.fingerprint, "name": clip.name} for clip in turn.clips]
    return {
        "question": turn.question,
        "clips": clips,
        "answer": [_part_record(part) for part in turn.answer],
        "ended_by": turn.reply.ended_by,
        **_spans_record(turn),
    }


def _spans_record(turn: Turn) -> dict[str, Any]:
    """Return the spans that the answer's own stamps do not tell: those of a long recording."""
    if turn.reply.spans == reply_of(turn.answer).spans:
        return {}
    return {"spans": [[span.start_s, span.end_s, span.text] for span in turn.reply.spans]}


def _part_record(part: Text) -> dict[str, Any]:
    return {"seconds": token_seconds(part.text)} if part.is_trusted else {"text": part.text}


def _turn(entry: Mapping[str, Any], folder: Path) -> Turn:
    answer = tuple(
        Text(timestamp_token(part["seconds"]), is_trusted=True)
        if "seconds" in part
        else Text(str(part["text"]))
        for part in entry["answer"]
    )
    reply = reply_of(answer, ended_by=str(entry["ended_by"]))
    if "spans" in entry:
        reply = replace(reply, spans=tuple(Span(*span) for span in entry["spans"]))
    return Turn(
        question=str(entry["question"]),
        clips=tuple(_load_clip(folder, clip) for clip in entry["clips"]),
        reply=reply,
        answer=answer,
    )


def _save_clip(folder: Path, clip: Clip) -> None:
    scaled = clip.waveform.astype(np.float64) * FULL_SCALE
    is_whole = bool((scaled == np.rint(scaled)).all() and np.abs(scaled).max() < FULL_SCALE)
    # libsndfile scales floats by another factor when it writes than when it reads; integers not.
    samples = scaled.astype(np.int32) << 8 if is_whole else clip.waveform
    kind, subtype = ("FLAC", "PCM_24") if is_whole else ("WAV", "FLOAT")
    path = folder / f"{clip.fingerprint}.{kind.lower()}"
    if path.exists():
        return
    unfinished = path.with_suffix(".new")
    soundfile.write(unfinished, samples, SAMPLE_RATE, format=kind, subtype=subtype)
    unfinished.replace(path)


def _load_clip(folder: Path, entry: Mapping[str, Any]) -> Clip:
    fingerprint = str(entry["sha256"])
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise DataError(f"{fingerprint[:40]!r} names no clip; give a file that save() wrote")
    for ending in ("flac", "wav"):
        with suppress(soundfile.LibsndfileError):
            samples, _ = soundfile.read(folder / f"{fingerprint}.{ending}", dtype="float32")
            clip = Clip(samples, entry.get("name"))
            if clip.fingerprint == fingerprint:
                return clip
    raise DataError(
        f"the clip {fingerprint[:12]}… ({entry.get('name')}) is not in {folder}, or is another; "
        "keep the folder beside the JSON file"
    )
