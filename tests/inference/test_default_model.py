"""The real default model: what tags do to it, and what opening it imports.

Skipped where its base weights cannot be had.
"""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

import qwen_audio
from qwen_audio.errors import DownloadError
from qwen_audio.inference.generation import Generation
from qwen_audio.tasks.labels import Labels, Question
from qwen_audio.tasks.registry import find_task
from qwen_audio.text.prompt import decode_reply

CLIPS = Path(__file__).parents[2] / "examples" / "clips"


@pytest.fixture(scope="module")
def default():
    try:
        return qwen_audio.load()
    except DownloadError as error:
        pytest.skip(f"no base weights: {error}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tasks"),
    [("sentence.flac", ("ASR", "SEC", "AAC", "AQA")), ("rooster.flac", ("SEC", "AAC", "AQA"))],
)
def test_the_tags_matter(default, name, tasks):
    clip = qwen_audio.load_clip(CLIPS / name)
    asked = Labels(language="en", qa=(Question("How many different sounds are there?", "one"),))
    tags = {task: find_task(task).tags(asked) for task in tasks}

    prompts = [default.tagged(text, [clip]) for text in tags.values()]
    said = default.generate(prompts, settings=Generation(max_new_tokens=48))

    replies = [decode_reply(default.processor.tokenizer, ids).strip() for ids in said]
    answers = dict(zip(tags, replies, strict=True))
    for one, other in combinations(answers, 2):
        assert answers[one] != answers[other], answers
    assert len(answers["SEC"].split()) < len(answers["AAC"].split()), answers


@pytest.mark.slow
def test_opening_a_model_imports_no_trainer_and_no_adapters():
    script = "import sys, qwen_audio; qwen_audio.load; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    imported = {name.partition(".")[0] for name in done.stdout.split()} | set(done.stdout.split())
    unneeded = {
        "peft",
        "bitsandbytes",
        "sklearn",
        "pandas",
        "librosa",
        "torchaudio",
        "gguf",
        "qwen_audio.checkpoints.assemble",
        "transformers.pipelines",
        "transformers.trainer_utils",
    }
    assert "qwen_audio.model.modeling" in imported
    assert imported & unneeded == set()
