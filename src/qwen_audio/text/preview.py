"""A rendered prompt in colours, for a person who wants to see what the model is given."""

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text as RichText

from qwen_audio.text import vocab
from qwen_audio.text.prompt import Prompt
from qwen_audio.text.tokenizers import control_ids, fast_backend, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

STYLES = {"text": "", "control": "bold cyan", "audio": "magenta"}
"""Colours of plain text, of control tokens and of a clip's place."""

LEARNT_STYLE = "green underline"


def preview(prompt: Prompt, tokenizer: "PreTrainedTokenizerFast") -> RichText:
    """Return the prompt for `rich` to print: each clip in short, what is learnt underlined."""
    backend, control = fast_backend(tokenizer), control_ids(tokenizer)
    pad = token_id(tokenizer, vocab.AUDIO_PAD)
    clips = iter(prompt.clips)
    shown = RichText()

    def kind(pair: tuple[int, bool]) -> tuple[str, bool]:
        index, is_learnt = pair
        if index == pad:
            return "audio", is_learnt
        return "control" if index in control else "text", is_learnt

    pairs = zip(prompt.ids, prompt.is_learnt, strict=True)
    for (name, is_learnt), group in groupby(pairs, kind):
        ids = [index for index, _ in group]
        text = backend.decode(ids, skip_special_tokens=False)
        if name == "audio":
            clip = next(clips)
            label = "" if clip.name is None else f"{clip.name}, "
            text = f"[{label}{clip.duration_s:.2f} s, {len(ids)} tokens]"
        shown.append(text, style=f"{STYLES[name]} {LEARNT_STYLE if is_learnt else ''}".strip())
    return shown
