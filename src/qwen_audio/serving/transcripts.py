"""Transcripts in the response formats of OpenAI's API, at once or as a stream of events."""

import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from qwen_audio.serving.engine import Job
from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.replies import event
from qwen_audio.serving.work import Answer, Piece, SpeechAnswer
from qwen_audio.text.exports import to_srt, to_vtt
from qwen_audio.text.segments import Segment, all_words, split_into_cues
from qwen_audio.text.vocab import LANGUAGES

FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
TIMED = ("srt", "vtt", "verbose_json")
WORD, SEGMENT = "word", "segment"


def as_json(answer: SpeechAnswer) -> dict[str, Any]:
    """Return the text and how much sound it took."""
    return {"text": answer.text, "usage": _usage(answer)}


def as_text(answer: SpeechAnswer, form: str) -> str:
    """Return an answer as plain text or subtitles: "text", "srt" or "vtt"."""
    if form == "srt":
        return to_srt(answer.segments)
    if form == "vtt":
        return to_vtt(answer.segments)
    return answer.text + "\n"


def as_verbose(answer: SpeechAnswer, *, task: str, granularities: Sequence[str]) -> dict[str, Any]:
    """Return an answer with the times of its segments, its words, or both.

    A segment's `avg_logprob` and `no_speech_prob` are null: this model does not measure them.
    """
    found: dict[str, Any] = {
        "task": task,
        "language": LANGUAGES.get(answer.language, answer.language).lower(),
        "duration": round(answer.duration_s, 3),
        "text": answer.text,
        "usage": _usage(answer),
    }
    if SEGMENT in granularities:
        cues = split_into_cues(answer.segments)
        found["segments"] = [_segment(number, cue) for number, cue in enumerate(cues)]
    if WORD in granularities:
        found["words"] = [
            {"word": word.text, "start": round(word.start_s, 2), "end": round(word.end_s, 2)}
            for word in all_words(answer.segments)
        ]
    return found


async def events(job: Job, first: Piece | Answer) -> AsyncIterator[str]:
    """Yield a transcript as server-sent events while it is written."""
    try:
        async for found in job.events(first):
            if isinstance(found, Piece):
                yield event({"type": "transcript.text.delta", "delta": found.text})
                continue
            assert isinstance(found, SpeechAnswer)
            done = {"type": "transcript.text.done", "text": found.text, "usage": _usage(found)}
            yield event(done)
    except ApiError as error:
        yield event(error.body)
    finally:
        job.leave()


def _usage(answer: SpeechAnswer) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(answer.duration_s, 3)}


def _segment(number: int, cue: Segment) -> dict[str, Any]:
    content = cue.text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": round(cue.start_s, 2),
        "end": round(cue.end_s, 2),
        "text": cue.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": None,
        "compression_ratio": round(len(content) / max(1, len(zlib.compress(content))), 3),
        "no_speech_prob": None,
    }
