"""What a clip costs: ours, the same weights padded to 30 s, and transformers' Qwen2-Audio.

    python benchmarks/inference.py [--json] [--rounds 3]

All in one process, the same shapes and random weights, one table: time of the encoder and to the
first token, with the memory each needs beside the weights, for clips of 2, 5, 10 and 30 s. Shapes
are Whisper-base's encoder and a decoder of SmolLM2-135M's size, so that it runs on a laptop; every
figure is a median. Memory is read from Linux's /proc.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

from qwen_audio.audio.lengths import MAX_SAMPLES, SAMPLE_RATE, audio_tokens, mel_frames
from qwen_audio.audio.mel import log_mel
from qwen_audio.model.configuration import QwenAudioConfig
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

SECONDS = (2, 5, 10, 30)
TEXT = list(range(10, 30))  # a prompt of 20 tokens
WIDTH, LAYERS, HEADS = 576, 30, 9
ENCODER_WIDTH, ENCODER_LAYERS, ENCODER_HEADS = 512, 6, 8
VOCABULARY, PAD, BEGIN, END = 50_000, 49_990, 49_991, 49_992


def ours() -> QwenAudioForConditionalGeneration:
    """Return our model with random weights."""
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 1536,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "qkv_bias": True,
    }
    audio = {
        "hidden_size": ENCODER_WIDTH,
        "num_hidden_layers": ENCODER_LAYERS,
        "num_attention_heads": ENCODER_HEADS,
    }
    ids = {"audio_token_id": PAD, "audio_begin_id": BEGIN, "audio_end_id": END}
    return QwenAudioForConditionalGeneration(
        QwenAudioConfig(text_config=text, audio_config=audio, **ids)
    ).eval()


def theirs() -> Qwen2AudioForConditionalGeneration:
    """Return transformers' Qwen2-Audio of the same shapes with random weights."""
    text = {
        "model_type": "qwen2",
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 1536,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
    }
    audio = {
        "d_model": ENCODER_WIDTH,
        "encoder_layers": ENCODER_LAYERS,
        "encoder_attention_heads": ENCODER_HEADS,
        "encoder_ffn_dim": 4 * ENCODER_WIDTH,
        "num_mel_bins": 80,
    }
    config = Qwen2AudioConfig(text_config=text, audio_config=audio, audio_token_index=PAD)
    return Qwen2AudioForConditionalGeneration(config).eval()


@dataclass(frozen=True)
class Cost:
    """Median wall time of a call, and how much memory it needs beside what was there before."""

    ms: float
    extra_mib: float


def cost_of(run: Callable[[], object], rounds: int) -> Cost:
    """Return what a call costs, after one that is not counted."""
    run()
    gc.collect()
    before = _status_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM starts anew
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return Cost(1e3 * statistics.median(times), max(0.0, _status_mib("VmHWM") - before))


def _status_mib(name: str) -> float:
    """Return one line of Linux's account of this process, in MiB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


def measure(seconds: int, rounds: int, models: tuple) -> dict[str, float]:
    """Return one row of the table."""
    mine, peer = models
    samples = np.random.default_rng(0).normal(size=seconds * SAMPLE_RATE).astype(np.float32) * 0.1
    short = log_mel(samples)[None]
    padded = log_mel(np.pad(samples, (0, MAX_SAMPLES - len(samples))))[None]
    frames = mel_frames(len(samples))
    tokens = audio_tokens(frames)
    ids = torch.tensor([[BEGIN, *[PAD] * tokens, END, *TEXT]])
    full = torch.tensor([[BEGIN, *[PAD] * 750, END, *TEXT]])
    their_ids = torch.tensor([[*[PAD] * tokens, *TEXT]])
    theirs = {
        "input_ids": their_ids,
        "attention_mask": torch.ones_like(their_ids),
        "input_features": padded,
        "feature_attention_mask": (torch.arange(3000)[None] < frames).long(),
    }
    calls = {
        "encoder": lambda: mine.get_audio_features(short),
        "encoder_padded": lambda: mine.get_audio_features(padded),
        "encoder_qwen2": lambda: peer.model.audio_tower(padded),
        "first": lambda: mine(input_ids=ids, input_features=short, logits_to_keep=1),
        "first_padded": lambda: mine(input_ids=full, input_features=padded, logits_to_keep=1),
        "first_qwen2": lambda: peer(**theirs),
    }
    row: dict[str, float] = {"clip_s": seconds}
    for name, call in calls.items():
        cost = cost_of(call, rounds)
        row |= {f"{name}_ms": cost.ms, f"{name}_mib": cost.extra_mib}
    return row


@torch.inference_mode()
def main() -> None:
    """Print a line for each length as it is measured, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    models = ours(), theirs()
    if not options.json:
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32; ms + MiB")
        print("clip    encoder: ours  padded to 30 s     Qwen2-Audio", end="")
        print("    first token: ours  padded to 30 s     Qwen2-Audio")
    for seconds in SECONDS:
        row = measure(seconds, options.rounds, models)
        if options.json:
            print(json.dumps(row), flush=True)
            continue
        values = list(row.values())[1:]
        cells = [f"{ms:7.0f} + {mib:4.0f}" for ms, mib in batched_pairs(values)]
        print(f"{seconds:>3} s   " + "   ".join(cells), flush=True)


def batched_pairs(values: list[float]) -> list[tuple[float, float]]:
    """Return the values two by two."""
    return list(zip(values[::2], values[1::2], strict=True))


if __name__ == "__main__":
    main()
