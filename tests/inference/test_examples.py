"""The examples run on any model, a tiny one here."""

import runpy
from pathlib import Path

from qwen_audio.checkpoints.assemble import assemble

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_ask_example_prints_its_answers(parts, tmp_path, capsys):
    assemble(*parts, tmp_path / "model")
    clip = EXAMPLES / "clips" / "rooster.flac"

    script = runpy.run_path(str(EXAMPLES / "ask.py"))
    script["main"](str(clip), str(tmp_path / "model"))

    assert capsys.readouterr().out.count("\n") >= 2
