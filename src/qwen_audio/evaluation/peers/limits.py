"""How long a reply may be, and what of it is counted: the same rules for everybody who is asked.

Published WER is over replies that ended by themselves; these are never touched. What is limited
here is a model that does not end: a transcript has no more tokens than speech of its clip's length
can have, and what it says again and again up to there is counted once, as `transcribe` does it.
The raw reply stays in the log, and the report tells what it costs.
"""

from qwen_audio.audio.sources import Clip
from qwen_audio.evaluation.benchmarks.records import Benchmark
from qwen_audio.evaluation.peers.records import Asked, Said
from qwen_audio.inference.limits import (
    FEWEST_ROUNDS,
    SPARE_TOKENS,
    TOKENS_A_SECOND,
    most_tokens,
    without_loop,
)

POLICY = (
    f"a transcript is cut after {SPARE_TOKENS} + {TOKENS_A_SECOND:g} tokens a second of its clip "
    f"(twice that in zh, ja, ko), or the benchmark's own limit if that is less; what one so cut "
    f"says {FEWEST_ROUNDS} times or more at its end is counted once; other replies are cut at "
    "the benchmark's limit"
)
"""The rules in words, as a run's `run.json` has them."""

_TRANSCRIPTS = ("ASR", "SRWT")
_LONGEST_LOOP = 240  # characters: some forty words


def token_limit(asked: Asked, clip: Clip) -> int:
    """Return after how many tokens the reply to a question about a clip is cut."""
    benchmark = asked.benchmark
    if not _is_transcript(benchmark):
        return benchmark.max_new_tokens
    with_times = bool(benchmark.opening)
    cap = most_tokens(clip.duration_s, asked.sample.language, words=with_times)
    return min(cap, benchmark.max_new_tokens)


def counted_text(benchmark: Benchmark, said: Said) -> str:
    """Return what of a reply is scored: a transcript that was cut in a loop, without the loop."""
    if not (said.is_cut and _is_transcript(benchmark)):
        return said.text
    return "".join(without_loop(said.text, is_cut=True, longest=_LONGEST_LOOP))


def _is_transcript(benchmark: Benchmark) -> bool:
    return benchmark.task in _TRANSCRIPTS
