"""A rendered prompt in colours, for a person who wants to see what the model is given."""

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text as RichText

from qwen_audio.audio.sources import Clip
from qwen_audio.text import vocab
from qwen_audio.text.prompt import Prompt
from qwen_audio.text.tokenizers import control_ids, fast_backend, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

STYLES = {"text": "", "control": "bold cyan", "begin": "magenta", "pad": "magenta"}
"""Colours of plain text, of control tokens, and of a clip's begin and pads."""

LEARNT_STYLE = "green underline"


def preview(prompt: Prompt, tokenizer: "PreTrainedTokenizerFast") -> RichText:
    """Return the prompt for `rich` to print: each clip in short, what is learnt underlined."""
    backend, control = fast_backend(tokenizer), control_ids(tokenizer)
    begin, pad = (token_id(tokenizer, mark) for mark in (vocab.AUDIO_BEGIN, vocab.AUDIO_PAD))
    kinds = {begin: "begin", pad: "pad"} | dict.fromkeys(control - {begin, pad}, "control")
    clips = iter(prompt.clips)
    shown = RichText()
    pairs = zip(prompt.ids, prompt.is_learnt, strict=True)
    for (kind, is_learnt), group in groupby(
        pairs, lambda pair: (kinds.get(pair[0], "text"), pair[1])
    ):
        ids = [index for index, _ in group]
        text = backend.decode(ids, skip_special_tokens=False)
        if kind == "begin":
            text += _describe(next(clips))
        if kind == "pad":
            text = f", {len(ids)} tokens"
        shown.append(text, style=f"{STYLES[kind]} {LEARNT_STYLE if is_learnt else ''}".strip())
    return shown


def _describe(clip: Clip) -> str:
    return ", ".join(filter(None, (clip.name, f"{clip.duration_s:.2f} s")))
