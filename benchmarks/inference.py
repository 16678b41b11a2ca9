"""What a clip costs: ours, the same weights padded to 30 s, and transformers' Qwen2-Audio.

    python benchmarks/inference.py [--json] [--rounds 5]

All in one process, the same shapes and random weights, one table: encoder time, time to the first
token and peak memory for clips of 2, 5, 10 and 30 s. Shapes are Whisper-base's encoder and a
decoder of SmolLM2-135M's size, so that it runs on a laptop; every figure is a median.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

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


def median_s(run: Callable[[], object], rounds: int) -> float:
    """Return the median wall time of a call, in seconds, after one that is not counted."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(seconds: int, rounds: int, models: tuple) -> dict[str, float]:
    """Return one row of the table."""
    mine, peer = models
    samples = np.random.default_rng(0).normal(size=seconds * SAMPLE_RATE).astype(np.float32) * 0.1
    short = log_mel(samples)[None]
    padded = log_mel(np.pad(samples, (0, MAX_SAMPLES - len(samples))))[None]
    mask = torch.arange(3000)[None] < short.shape[2]
    tokens = audio_tokens(mel_frames(len(samples)))
    ids = torch.tensor([[BEGIN, *[PAD] * tokens, END, *TEXT]])
    full = torch.tensor([[BEGIN, *[PAD] * 750, END, *TEXT]])
    their_ids = torch.tensor([[*[PAD] * tokens, *TEXT]])
    peer_mask = torch.arange(3000)[None] < mel_frames(len(samples))
    padded_mask = torch.ones_like(mask)

    def first_token(model: torch.nn.Module, **inputs: torch.Tensor) -> Callable[[], object]:
        return lambda: model(**inputs, logits_to_keep=1)

    return {
        "clip_s": seconds,
        "encoder_ms": 1e3 * median_s(lambda: mine.get_audio_features(short), rounds),
        "encoder_padded_ms": 1e3
        * median_s(lambda: mine.get_audio_features(padded, padded_mask), rounds),
        "encoder_qwen2_ms": 1e3
        * median_s(
            lambda: peer.model.audio_tower(padded),
            rounds,
        ),
        "first_ms": 1e3 * median_s(first_token(mine, input_ids=ids, input_features=short), rounds),
        "first_padded_ms": 1e3
        * median_s(
            first_token(
                mine, input_ids=full, input_features=padded, input_features_mask=padded_mask
            ),
            rounds,
        ),
        "first_qwen2_ms": 1e3
        * median_s(
            first_token(
                peer,
                input_ids=their_ids,
                attention_mask=torch.ones_like(their_ids),
                input_features=padded,
                feature_attention_mask=peer_mask.long(),
            ),
            rounds,
        ),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@torch.inference_mode()
def main() -> None:
    """Print the table, or one JSON object a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    models = ours(), theirs()
    rows = [measure(seconds, options.rounds, models) for seconds in SECONDS]
    if options.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32, ms (median)")
    print(f"{'clip':>6} {'encoder: ours':>14} {'padded':>8} {'Qwen2':>8}", end="")
    print(f" {'first token: ours':>19} {'padded':>8} {'Qwen2':>8} {'peak MiB':>9}")
    for row in rows:
        values = list(row.values())
        print(f"{values[0]:>4} s {values[1]:>14.0f} {values[2]:>8.0f} {values[3]:>8.0f}", end="")
        print(f" {values[4]:>19.0f} {values[5]:>8.0f} {values[6]:>8.0f} {values[7]:>9.0f}")


if __name__ == "__main__":
    main()
