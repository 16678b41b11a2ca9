"""A model that answers by rule, and folders of dev shards made of noise."""

import io
import json
import tarfile
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import soundfile
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS
from qwen_audio.inference.answers import GREEDY, QwenAudio
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text.tokenizers import add_audio_tokens, encode


@dataclass(frozen=True)
class Parrot(QwenAudio):
    """Answers with what a function makes of the prompt's text."""

    say: object = None
    batches: list = field(default_factory=list)

    def generate(self, prompts, *, settings=GREEDY, on_token=None):
        assert on_token is None
        self.batches.append([sum(c.num_samples for c in p.clips) for p in prompts])
        decode = self.processor.tokenizer.backend_tokenizer.decode
        texts = [decode(list(p.ids), skip_special_tokens=False) for p in prompts]
        replies = [encode(self.processor.tokenizer, self.say(text), trusted=True) for text in texts]
        return [tuple(ids)[: settings.max_new_tokens] for ids in replies]


@pytest.fixture(scope="session")
def tokenizer():
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(characters)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=backend)
    ends = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made.add_special_tokens({"additional_special_tokens": ends})
    add_audio_tokens(made)
    return made


@pytest.fixture
def parrot(tiny, tokenizer):
    """Give `make(say)`: a model that answers `say(prompt)`."""

    def make(say):
        model = tiny()
        return Parrot(model, QwenAudioProcessor.for_model(model.config, tokenizer), say=say)

    return make


@pytest.fixture
def _small(monkeypatch):
    """Let a few clips pass for a whole split."""
    for name, benchmark in BENCHMARKS.items():
        monkeypatch.setitem(BENCHMARKS, name, replace(benchmark, size=0))


def write_shard(path, rows):
    """Write a dev shard: one clip of noise for each row of labels."""
    with tarfile.open(path, "w") as tar:
        for number, row in enumerate(rows):
            dur = row.get("dur", 0.5)
            noise = np.random.default_rng(number).normal(0, 0.1, int(dur * SAMPLE_RATE))
            sound = io.BytesIO()
            soundfile.write(sound, noise.astype("float32"), SAMPLE_RATE, format="FLAC")
            text = json.dumps({"dur": dur} | row).encode()
            for suffix, content in ((".flac", sound.getvalue()), (".json", text)):
                member = tarfile.TarInfo(f"{number:03d}{suffix}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def row(dataset, **labels):
    return {"dataset": dataset, "source": f"{len(str(labels))}.wav"} | labels


@pytest.fixture
def shards(tmp_path):
    """Three sets: read sentences, sounds, and a scene with questions."""
    folder = tmp_path / "data"
    folder.mkdir()
    sentences = [("one two three four", 0.9), ("one two", 0.4), ("one", 0.3), ("four", 0.6)]
    name = "librispeech-test-other100"
    spoken = [
        row(name, lang="en", text=text, gender="male", dur=dur, words=[[text.split()[0], 0.1, 0.2]])
        for text, dur in sentences
    ]
    write_shard(folder / f"{name}-dev-000.tar", spoken)
    write_shard(
        folder / "esc10-dev-000.tar",
        [row("esc10", sound="dog bark"), row("esc10", sound="rain")],
    )
    events = [["dog barking", 0.0, 0.2], ["rain", 0.3, 0.4]]
    qa = [
        ["Which sound comes first?", "dog barking", "first", ""],
        ["How often?", "one", "count", ""],
        ["Is there wind?", "no", "presence", ""],
    ]
    scene = row("scenes", events=events, qa=qa, captions=["A dog barks, then it rains."])
    write_shard(folder / "scenes-dev-000.tar", [scene])
    return folder
