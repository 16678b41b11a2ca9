"""What a follow-up about a 30 s clip costs: with what was kept, and the whole prompt run again.

    python benchmarks/conversation.py [--json] [--rounds 5] [--model FOLDER]

One process, the same questions, the default model or any other. Time to the first token of the
second turn; every figure is a median. Both ways give the same tokens, which is checked.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

import qwen_audio
from qwen_audio.audio.lengths import MAX_SAMPLES, SAMPLE_RATE
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.conversation import Conversation
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.turns import asked

FIRST, SECOND = "What do you hear?", "Which part of it is the loudest?"
ONE_TOKEN = Generation(max_new_tokens=1)
FIRST_REPLY = Generation(max_new_tokens=24)


def clip() -> tuple[np.ndarray, int]:
    """Return 30 s of rising tones."""
    seconds = np.arange(MAX_SAMPLES) / SAMPLE_RATE
    wave = 0.3 * np.sin(2 * np.pi * (200 + 20 * seconds) * seconds)
    return wave.astype(np.float32), SAMPLE_RATE


def measure(qa: QwenAudio, rounds: int) -> dict[str, float]:
    """Return the seconds to the second turn's first token, both ways.

    Raises:
        SystemExit: the two ways give different tokens.
    """
    chat = Conversation(qa)
    chat.ask(FIRST, clips=clip(), settings=FIRST_REPLY)
    history = list(chat.messages)

    def with_cache() -> tuple[int, ...]:
        return chat.ask(SECOND, settings=ONE_TOKEN).ids

    def without_cache() -> tuple[int, ...]:
        return qa.reply_to([*history, asked(SECOND, ())], settings=ONE_TOKEN).ids

    kept, plain, same = [], [], set()
    for _ in range(rounds):
        kept.append(seconds_of(with_cache, same))
        chat.undo()
        chat.edit(-1, FIRST, settings=FIRST_REPLY)  # the cache is again that of the first turn
        plain.append(seconds_of(without_cache, same))
    if len(same) > 1:
        raise SystemExit(f"the two ways differ: {same}")
    cached, whole = statistics.median(kept), statistics.median(plain)
    return {"cached_s": cached, "whole_prompt_s": whole, "times_sooner": whole / cached}


def seconds_of(run: Callable[[], tuple[int, ...]], seen: set) -> float:
    """Return the wall time of a call, and take note of what it gave."""
    start = time.perf_counter()
    seen.add(run())
    return time.perf_counter() - start


def main() -> None:
    """Print one line, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(qwen_audio.load(arguments.model), arguments.rounds)
    if arguments.json:
        print(json.dumps(found))
        return
    print(
        f"second turn about a 30 s clip, to the first token: {found['cached_s']:.3f} s; the whole "
        f"prompt again: {found['whole_prompt_s']:.3f} s; {found['times_sooner']:.1f} times sooner"
    )


if __name__ == "__main__":
    main()
