"""A new Qwen-Audio from a Whisper encoder and a decoder-only LLM.

The projection and the clip's begin and end vectors start at random; the tag tokens that the LLM
lacks are added to its tokenizer, and each tag's row starts near the words it is spelled with.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import torch
from transformers import AutoConfig, AutoTokenizer

from qwen_audio.checkpoints.families import (
    decoder_config_from_llm,
    decoder_tensors_from_llm,
    encoder_config_from_whisper,
    encoder_tensors_from_whisper,
    grow_rows,
)
from qwen_audio.checkpoints.weights import read_config, read_tensors
from qwen_audio.errors import CheckpointError
from qwen_audio.model.configuration import QwenAudioConfig, QwenAudioEncoderConfig
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import add_audio_tokens, encode, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EMBEDDING = "language_model.embed_tokens.weight"
HEAD = "lm_head.weight"
_NEW = ("projector.", "reader.", "boundaries.")


class Shape(TypedDict, total=False):
    """What joins encoder and LLM.

    `pool` encoder frames (20 ms) make one audio token (2 as the released model) by `pooling`,
    "mean" (as released) or "stack"; `projector` is "linear" (as released), "mlp" or "transformer";
    with `reader` audio tokens are read as words first (`model/reading.py`).
    """

    pool: int
    pooling: str
    projector: str
    reader: bool


def assemble(
    encoder: Path | str,
    llm: Path | str,
    output: Path | str | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    **shape: Unpack[Shape],
) -> tuple[QwenAudioForConditionalGeneration, QwenAudioProcessor]:
    """Return a new model and its processor, written to `output` where that is given.

    Args:
        encoder: folder of a Whisper checkpoint in transformers' layout.
        llm: folder of a decoder-only LLM in transformers' layout, with a fast tokenizer.
        output: folder to write.
        dtype: of the weights.
        seed: of what starts at random.
        shape: of what joins the two; as the released model where nothing is said.

    Raises:
        CheckpointError: a folder of another kind, or weights that do not fit.
        ConfigError: a shape that does not exist.
    """
    tokenizer = AutoTokenizer.from_pretrained(str(llm))
    add_audio_tokens(tokenizer)
    config = _build_config(Path(encoder), Path(llm), tokenizer, shape)
    torch.manual_seed(seed)
    model = QwenAudioForConditionalGeneration(config).to(dtype)
    state = dict(encoder_tensors_from_whisper(read_tensors(Path(encoder))))
    state = {f"encoder.{name}": tensor for name, tensor in state.items()}
    state |= dict(decoder_tensors_from_llm(read_tensors(Path(llm))))
    fill(model, _with_tag_rows(state, config, tokenizer), new=_NEW)
    _set_stop_ids(model, tokenizer)
    processor = QwenAudioProcessor.for_model(config, tokenizer)
    if output is not None:
        model.save_pretrained(output)
        processor.save_pretrained(output)
    return model.eval(), processor


def fill(
    model: QwenAudioForConditionalGeneration,
    state: dict[str, torch.Tensor],
    *,
    new: tuple[str, ...] = (),
) -> None:
    """Load tensors into a model; names that start with one of `new` may be missing.

    Raises:
        CheckpointError: tensors missing, left over or of another size.
    """
    if model.config.tie_word_embeddings:
        state = {name: tensor for name, tensor in state.items() if name != HEAD}
        new = (*new, HEAD)
    try:
        result = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise CheckpointError(f"the weights do not fit config.json: {reason}") from error
    missing = [name for name in result.missing_keys if not name.startswith(new)]
    if missing or result.unexpected_keys:
        raise CheckpointError(
            f"the weights do not fit config.json: missing {missing[:3] or 'none'} "
            f"({len(missing)} in all), left over {result.unexpected_keys[:3] or 'none'} "
            f"({len(result.unexpected_keys)} in all)"
        )
    model.tie_weights()


def _build_config(
    encoder: Path, llm: Path, tokenizer: "PreTrainedTokenizerFast", shape: Shape
) -> QwenAudioConfig:
    known = encoder_config_from_whisper(read_config(encoder)).to_dict()
    joined = {name: value for name, value in shape.items() if name in ("pool", "pooling")}
    audio = QwenAudioEncoderConfig(**known | joined)
    text = decoder_config_from_llm(AutoConfig.for_model(**_llm_config(llm)))
    text.vocab_size = max(text.vocab_size, len(tokenizer))
    return QwenAudioConfig(
        text_config=text,
        audio_config=audio,
        audio_token_id=token_id(tokenizer, vocab.AUDIO_PAD),
        audio_begin_id=token_id(tokenizer, vocab.AUDIO_BEGIN),
        audio_end_id=token_id(tokenizer, vocab.AUDIO_END),
        **{name: value for name, value in shape.items() if name not in joined},
    )


def _llm_config(folder: Path) -> dict:
    config = read_config(folder)
    if "model_type" not in config:
        raise CheckpointError(f"{folder / 'config.json'} names no model_type; is this an LLM?")
    return json.loads(json.dumps(config))


def _with_tag_rows(
    state: dict[str, torch.Tensor], config: QwenAudioConfig, tokenizer: "PreTrainedTokenizerFast"
) -> dict[str, torch.Tensor]:
    """Grow the embedding, and the head where it is not tied, to the configuration's rows."""
    old, total = len(state[EMBEDDING]), config.vocab_size
    added = {
        index: token.content
        for index, token in tokenizer.backend_tokenizer.get_added_tokens_decoder().items()
        if index >= old
    }
    starts = {index: _spelled(token, tokenizer, old) for index, token in added.items()}
    rows = [EMBEDDING] if config.tie_word_embeddings else [EMBEDDING, HEAD]
    if HEAD not in state:
        state = state | {HEAD: state[EMBEDDING]}
    return state | {name: grow_rows(state[name], total, starts) for name in rows}


def _spelled(token: str, tokenizer: "PreTrainedTokenizerFast", old: int) -> list[int]:
    """Return the ids of the words a tag is spelled with: `<|en|>` is near "English"."""
    words = re.sub(r"[^\w.]+", " ", token).replace("_", " ").strip()
    words = vocab.LANGUAGES.get(words, words)
    return [index for index in encode(tokenizer, " " + words, trusted=False) if index < old]


def _set_stop_ids(
    model: QwenAudioForConditionalGeneration, tokenizer: "PreTrainedTokenizerFast"
) -> None:
    """Write into the generation settings what ends a reply and what fills a batch."""
    from qwen_audio.text.tokenizers import end_of_text_id, stop_ids

    model.generation_config.eos_token_id = list(stop_ids(tokenizer))
    model.generation_config.pad_token_id = end_of_text_id(tokenizer)
