"""Eight clips with a question and a reply each, for a tiny model."""

import json

import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE

SETTINGS = {
    "rows": 4,
    "accumulate": 1,
    "steps": 4,
    "workers": 0,
    "precision": "fp32",
    "rank": 4,
    "dropout": 0.0,
    "log_every": 1,
}


@pytest.fixture
def lesson(tmp_path, tones):
    """Give the path of a JSONL file of eight conversations about clips beside it."""
    rows = []
    for key, waveform, labels in tones:
        soundfile.write(tmp_path / f"{key}.wav", waveform, SAMPLE_RATE)
        said = [{"role": "user", "content": "<audio>What?"}]
        said += [{"role": "assistant", "content": labels["text"]}]
        rows.append({"messages": said, "audios": [f"{key}.wav"]})
    path = tmp_path / "lesson.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def recipe(lesson, base):
    """Give `make(**changes)`: a fine-tuning of four steps."""
    from qwen_audio.training.finetuning.recipe import FinetuneRecipe

    def make(**changes):
        return FinetuneRecipe(**SETTINGS | {"model": str(base), "data": (str(lesson),)} | changes)

    return make
