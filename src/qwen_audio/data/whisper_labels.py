"""Label speech with Whisper's own decoder: its text where a set has none, and times of words.

To write freely, Whisper needs the silence up to 30 s that it was trained with: on two seconds of
sound alone it repeats its sentence without end. Known text only has to be found again, so there
a second of silence is enough, and a short clip ten times cheaper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    WhisperForConditionalGeneration,
)

from qwen_audio.audio.lengths import (
    CONV_STRIDE,
    MAX_SAMPLES,
    MAX_SECONDS,
    SAMPLE_RATE,
    conv_frames,
    mel_frames,
)
from qwen_audio.audio.mel import log_mel_batch
from qwen_audio.audio.sources import Clip
from qwen_audio.data.word_times import attention_map, loudness, word_spans
from qwen_audio.errors import DataError
from qwen_audio.text.timestamps import Word
from qwen_audio.text.vocab import tag

TAIL_S = 1.0  # the least silence behind the longest clip of a batch
_TOKENS_PER_SECOND = 10  # nobody speaks faster; stops a decoder that repeats itself
_FEWEST_TOKENS = 16
_EDGE_MARKS = '.,;:!?"“”„«»()…'


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A Whisper with its tokenizer."""

    model: WhisperForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase

    def prompt(self, language: str) -> list[int]:
        """Return the tokens that ask for a transcript in `language` without timestamps.

        Raises:
            DataError: Whisper does not know the language.
        """
        names = ("startoftranscript", language, "transcribe", "notimestamps")
        ids = self.tokenizer.convert_tokens_to_ids([tag(name) for name in names])
        known = self.model.generation_config.lang_to_id
        if tag(language) not in known:
            raise DataError(
                f"Whisper has no language {language!r}; use a code such as 'en' or 'de'"
            )
        return ids


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """Several clips after the encoder."""

    mel: Float[Tensor, "clips bins mel_frames"]
    states: Float[Tensor, "clips frames width"]
    num_frames: list[int]
    """How many frames of each clip are sound, not added silence."""


def load_listener(folder: Path, *, dtype: torch.dtype = torch.float32) -> Listener:
    """Return the Whisper of a transformers folder, such as `fetch_whisper_base` gives."""
    # Only eager attention gives the weights that word times are read from.
    model = WhisperForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager"
    )
    return Listener(model=model.eval(), tokenizer=AutoTokenizer.from_pretrained(folder))


@torch.inference_mode()
def transcribe(
    listener: Listener,
    clips: Sequence[Clip],
    *,
    language: str,
    context_s: float | int = MAX_SECONDS,
) -> tuple[str, ...]:
    """Return what Whisper writes for each clip, token by token the likeliest, as it is.

    Args:
        listener: The Whisper that writes.
        clips: Of at most 30 s each.
        language: Its code, as "en".
        context_s: Every clip is padded with silence to at least this length.
    """
    heard = _encode(listener, clips, context_s)
    prompt = listener.prompt(language)
    longest_s = max(clip.duration_s for clip in clips)
    limit = min(
        _FEWEST_TOKENS + int(_TOKENS_PER_SECOND * longest_s),
        listener.model.config.max_target_positions - len(prompt),
    )
    rows = _decode_greedily(listener, heard.states, prompt, limit)
    texts = listener.tokenizer.batch_decode(rows, skip_special_tokens=True)
    return tuple(text.strip() for text in texts)


def _encode(listener: Listener, clips: Sequence[Clip], context_s: float | int) -> _Heard:
    """Run Whisper's encoder on less than 30 s, which its own `forward` refuses."""
    longest = max(clip.num_samples for clip in clips)
    if longest > MAX_SAMPLES:
        raise DataError(
            f"a clip lasts {longest / SAMPLE_RATE:.1f} s, Whisper hears 30 s at once; cut it"
        )
    wanted = max(longest + int(TAIL_S * SAMPLE_RATE), int(context_s * SAMPLE_RATE))
    width = min(wanted, MAX_SAMPLES)
    waveforms = torch.zeros(len(clips), width)
    for row, clip in zip(waveforms, clips, strict=True):
        row[: clip.num_samples] = torch.from_numpy(clip.waveform)
    encoder = listener.model.model.encoder
    mel, _ = log_mel_batch(
        waveforms.to(listener.model.device),
        torch.full((len(clips),), width),
        num_mel_bins=encoder.num_mel_bins,
    )
    x = mel.to(encoder.conv1.weight.dtype)
    x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(x)))).transpose(1, 2)  # (clips, frames, width)
    x = x + encoder.embed_positions.weight[: x.shape[1]]
    for layer in encoder.layers:
        x = layer(x, None)
    return _Heard(
        mel=mel,
        states=encoder.layer_norm(x),
        num_frames=[conv_frames(mel_frames(clip.num_samples)) for clip in clips],
    )


def _decode_greedily(
    listener: Listener, states: Float[Tensor, "clips frames width"], prompt: list[int], limit: int
) -> list[list[int]]:
    model, settings = listener.model, listener.model.generation_config
    never = [
        *settings.suppress_tokens,
        *range(settings.no_timestamps_token_id, model.config.vocab_size),
    ]
    end = settings.eos_token_id
    ids = torch.tensor([prompt] * len(states), device=states.device)
    has_ended = torch.zeros(len(states), dtype=torch.bool, device=states.device)
    cache, rows = None, []
    while len(rows) < limit and not has_ended.all():
        out = model.model.decoder(
            ids, encoder_hidden_states=states, past_key_values=cache, use_cache=True
        )
        cache = out.past_key_values
        logits = model.proj_out(out.last_hidden_state[:, -1]).float()  # (clips, vocab)
        logits[:, never if rows else never + settings.begin_suppress_tokens] = -torch.inf
        chosen = logits.argmax(dim=-1).masked_fill(has_ended, end)
        has_ended = has_ended | (chosen == end)
        rows.append(chosen)
        ids = chosen[:, None]
    return torch.stack(rows, dim=1).tolist()


@torch.inference_mode()
def time_words(
    listener: Listener, clips: Sequence[Clip], texts: Sequence[str], *, language: str
) -> tuple[tuple[Word, ...], ...]:
    """Return the words of each known text with the times at which they are spoken.

    Words are what stands between spaces. A text with more tokens than its clip has frames gets
    no words.
    """
    heard = _encode(listener, clips, 0.0)
    prompt = listener.prompt(language)
    words = [text.split() for text in texts]
    tokens = [_tokens_with_marks(listener, row) for row in words]
    looks = _forced_looks(listener, heard.states, prompt, [[*chain(*row)] for row in tokens])
    return tuple(
        _place(row, pieces, look[:, :, : heard.num_frames[index]], heard.mel[index])
        for index, (row, pieces, look) in enumerate(zip(words, tokens, looks, strict=True))
    )


def _tokens_with_marks(listener: Listener, words: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each word, the last of them a comma, or a full stop at the end."""

    def encode(text: str) -> list[int]:
        return listener.tokenizer.encode(text, add_special_tokens=False)

    bare = [word.strip(_EDGE_MARKS) or word for word in words]
    spoken = [word.lower() if word.isupper() else word for word in bare]  # capitals are rare
    marks = [","] * (len(words) - 1) + ["."]
    return [encode(f" {word}") + encode(mark) for word, mark in zip(spoken, marks, strict=False)]


def _forced_looks(
    listener: Listener,
    states: Float[Tensor, "clips frames width"],
    prompt: list[int],
    texts: list[list[int]],
) -> list[Float[Tensor, "heads tokens frames"]]:
    """Return the attention of the alignment heads while each known text is written.

    Row n of a clip is what the decoder looks at to write token n of the text.
    """
    end = listener.model.generation_config.eos_token_id
    longest = max(len(text) for text in texts)
    ids = torch.tensor([prompt + text + [end] * (longest - len(text)) for text in texts])
    out = listener.model.model.decoder(
        ids.to(states.device),
        encoder_hidden_states=states,
        output_attentions=True,
        use_cache=False,
    )
    heads = listener.model.generation_config.alignment_heads
    looks = torch.stack(
        [out.cross_attentions[layer][:, head] for layer, head in heads], dim=1
    ).cpu()
    first = len(prompt) - 1  # (clips, heads, tokens, frames): the row that asks for token 0
    return [look[:, first : first + len(text)] for look, text in zip(looks, texts, strict=True)]


def _place(
    words: Sequence[str],
    tokens: Sequence[Sequence[int]],
    look: Float[Tensor, "heads tokens frames"],
    mel: Float[Tensor, "bins mel_frames"],
) -> tuple[Word, ...]:
    _, num_tokens, num_frames = look.shape
    if not words or num_tokens >= num_frames:
        return ()
    is_mark = np.concatenate([[False] * (len(pieces) - 1) + [True] for pieces in tokens])
    loud = loudness(mel[:, : CONV_STRIDE * num_frames].cpu())
    spans = word_spans(attention_map(look), loud, is_mark)
    return tuple(Word(word, *span) for word, span in zip(words, spans, strict=True))
