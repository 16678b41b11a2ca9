"""A listener that answers by rule, and a small corpus, for tests of runs and reports."""

from dataclasses import dataclass, field, replace

import numpy as np
import soundfile

from qwen_audio.evaluation.benchmarks.registry import find_benchmarks
from qwen_audio.evaluation.peers.records import Said
from qwen_audio.evaluation.running.plan import make_plan
from qwen_audio.evaluation.running.run import run

NAMES = ("librispeech-test-clean", "esc50")
SENTENCES = ("ONE TWO THREE FOUR", "ONE TWO", "THREE", "FOUR FIVE SIX", "SEVEN")
SOUNDS = ("dog", "rain", "dog", "crow")


@dataclass
class Rule:
    """Answers with what a function makes of a question: a text, or a reply with its end."""

    say: object
    name: str = "rule"
    style: str = "tags"
    heard: list = field(default_factory=list)

    @property
    def identity(self):
        return {"name": self.name}

    def refuses(self, benchmark):
        return "it knows no notes" if benchmark.task == "MNA" else ""

    def prompt(self, benchmark, sample):
        return benchmark.tags(sample)

    def answer(self, asked, clips):
        self.heard.append([clip.num_samples for clip in clips])
        said = [self.say(a) for a in asked]
        return [one if isinstance(one, Said) else Said(text=one) for one in said]


def right(asked):
    return asked.sample.references[0]


def write_clip(path, *, seconds=0.3, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * 16_000))
    soundfile.write(path, noise.astype("float32"), 16_000)


def write_corpora(folder):
    """Write LibriSpeech's and ESC-50's layouts with a few clips of noise."""
    chapter = folder / "LibriSpeech" / "test-clean" / "61" / "70968"
    lines = []
    for number, text in enumerate(SENTENCES):
        key = f"61-70968-{number:04d}"
        write_clip(chapter / f"{key}.flac", seconds=0.2 + 0.1 * number, seed=number)
        lines.append(f"{key} {text}\n")
    (chapter / "61-70968.trans.txt").write_text("".join(lines))
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for number, sound in enumerate(SOUNDS):
        name = f"1-{number}-A-0.wav"
        write_clip(folder / "ESC-50" / "audio" / name, seed=number)
        rows.append(f"{name},{1 + number % 2},0,{sound},True,1,A")
    (folder / "ESC-50" / "meta").mkdir()
    (folder / "ESC-50" / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    return folder


def evaluate(listener, data, output, *, names=NAMES, limit=None, is_partial=False, **options):
    small = [replace(benchmark, size=0) for benchmark in find_benchmarks(names)]
    plan = make_plan(small, data, listener=listener, limit=limit, is_partial=is_partial)
    return run(plan, listener, output=output, **{"batch": 2} | options)
