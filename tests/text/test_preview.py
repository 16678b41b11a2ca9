import numpy as np

from qwen_audio.audio.sources import Clip
from qwen_audio.text.prompt import LEARNT_STYLE, preview, render_tagged


def test_a_preview_shows_clips_in_short_and_marks_what_is_learnt(tokenizer, second: Clip) -> None:
    nameless = Clip(np.zeros(1600, np.float32))
    text = "<audio></audio>hello<audio></audio><|en|>"
    prompt = render_tagged(text, [nameless, second], tokenizer=tokenizer, target="the cat")

    shown = preview(prompt, tokenizer)

    assert shown.plain == (
        "<audio>0.10 s, 2 tokens</audio>hello<audio>silence.wav, 1.00 s, 25 tokens</audio><|en|>"
        "the cat<|endoftext|>"
    )
    learnt = [shown.plain[s.start : s.end] for s in shown.spans if LEARNT_STYLE in str(s.style)]
    assert learnt == ["the cat", "<|endoftext|>"]
