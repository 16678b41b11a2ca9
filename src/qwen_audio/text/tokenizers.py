"""The released vocabulary as a fast tokenizer, and the one way in which text becomes ids.

`encode` knows two kinds of text. Trusted text is ours: a tag in it is that tag's token. Text of
a user never gives a special token, whatever it spells.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

from qwen_audio.errors import CheckpointError, PromptError
from qwen_audio.text import vocab

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MAX_LENGTH = 8192
"""Positions of the released model."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def load_qwen_tiktoken(path: Path | str) -> "PreTrainedTokenizerFast":
    """Return the released vocabulary as a fast tokenizer with the released ids.

    Args:
        path: the `qwen.tiktoken` file: a token in base64 and its rank on each line.

    Raises:
        CheckpointError: when the file is missing or is not such a vocabulary.
    """
    from transformers import PreTrainedTokenizerFast

    ranks = _read_ranks(Path(path))
    backend = Tokenizer(BPE(ranks, list(_merges(ranks))))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([_special(token) for token in vocab.SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=vocab.END_OF_TEXT,
        pad_token=vocab.END_OF_TEXT,
        padding_side="left",
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )


def add_audio_tokens(tokenizer: "PreTrainedTokenizerFast") -> int:
    """Add to an LLM's tokenizer the audio and chat tokens it lacks; return how many.

    The tokens come in the released order, after the tokenizer's own.
    """
    wanted = (vocab.CHAT_BEGIN, vocab.CHAT_END, *vocab.AUDIO_TOKENS)
    known = tokenizer.get_vocab()
    missing = [_special(token) for token in wanted if token not in known]
    return tokenizer.add_tokens(missing, special_tokens=True)


def token_id(tokenizer: "PreTrainedTokenizerFast", token: str) -> int:
    """Return the id of a special token.

    Raises:
        PromptError: when the tokenizer does not have it.
    """
    found = fast_backend(tokenizer).token_to_id(token)
    if found is None:
        raise PromptError(
            f"the tokenizer has no token {token}; call add_audio_tokens(tokenizer) first"
        )
    return found


def end_of_text_id(tokenizer: "PreTrainedTokenizerFast") -> int:
    """Return the id that ends a text without a chat: the tokenizer's own end-of-text."""
    found = fast_backend(tokenizer).token_to_id(vocab.END_OF_TEXT)
    if found is None:
        found = tokenizer.eos_token_id
    if found is None:
        raise PromptError(
            f"the tokenizer has neither {vocab.END_OF_TEXT} nor an eos token; set its eos_token"
        )
    return found


def stop_ids(tokenizer: "PreTrainedTokenizerFast") -> tuple[int, ...]:
    """Return the ids that end a reply, of a chat or of a tagged prompt."""
    backend = fast_backend(tokenizer)
    chat = map(backend.token_to_id, (vocab.CHAT_END, vocab.CHAT_BEGIN))
    ids = (*(found for found in chat if found is not None), end_of_text_id(tokenizer))
    return tuple(dict.fromkeys(ids))


def encode(tokenizer: "PreTrainedTokenizerFast", text: str, *, trusted: bool) -> list[int]:
    """Return the ids of a text, without any token at its ends.

    Args:
        tokenizer: any fast tokenizer.
        text: what to encode.
        trusted: whether a special token spelt in the text becomes that token. Text of a user is
            not trusted: what it spells stays text, and ordinary text has the same ids either way.

    Raises:
        PromptError: for text that is no Unicode.
    """
    backend = fast_backend(tokenizer)
    if not text.isascii() and _LONE_SURROGATE.search(text):
        raise PromptError(f"{text[:40]!r} holds half of a surrogate pair; send valid Unicode")
    if backend.padding or backend.truncation or backend.encode_special_tokens:
        # Left behind by a call of the tokenizer with such an option; it sets them anew itself.
        ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=False)
    else:
        ids = backend.encode(text, add_special_tokens=False).ids
    if trusted or control_ids(tokenizer).isdisjoint(ids):
        return ids
    return _encode_plainly(tokenizer, text)


def short_units(tokenizer: "PreTrainedTokenizerFast", merges: int) -> Tokenizer:
    """Return a tokenizer with the same ids that knows only the first merges: short, common pieces.

    Special tokens are unknown to it, so that any text is only text.

    Args:
        tokenizer: any fast tokenizer; a byte-pair one where merges are chosen.
        merges: how many of its merges are used; 0 for all.

    Raises:
        PromptError: some merges of a tokenizer that does not merge pairs.
    """
    layout = json.loads(fast_backend(tokenizer).to_str())
    if merges and layout["model"]["type"] != "BPE":
        raise PromptError(
            f"a {layout['model']['type']} tokenizer has no merges to choose from; use 0 for all"
        )
    if merges:
        layout["model"] |= {"merges": layout["model"]["merges"][:merges], "ignore_merges": False}
    layout |= {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    return Tokenizer.from_str(json.dumps(layout))


def control_ids(tokenizer: "PreTrainedTokenizerFast") -> frozenset[int]:
    """Return the ids that text of a user never gives: every added token that is not just space."""
    # Kept on the tokenizer, because listing costs a millisecond. Tokens added later take the next
    # id, so one look-up tells whether the list is still whole.
    backend = fast_backend(tokenizer)
    ids, next_id = tokenizer.__dict__.get("_control_ids", (frozenset(), 0))
    if backend.id_to_token(next_id) is not None:
        added = backend.get_added_tokens_decoder()
        ids = frozenset(index for index, token in added.items() if token.content.strip())
        next_id = max(backend.get_vocab_size() - 1, *added, -1) + 1
        tokenizer.__dict__["_control_ids"] = (ids, next_id)
    return ids


def fast_backend(tokenizer: "PreTrainedTokenizerFast") -> Tokenizer:
    """Return the fast tokenizer inside one of transformers.

    Raises:
        PromptError: when there is none.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise PromptError(
            f"{type(tokenizer).__name__} is not a fast tokenizer; load one with AutoTokenizer"
        )
    return backend


def bytes_to_chars() -> dict[int, str]:
    """Return the printable character by which byte-level vocabularies write each byte.

    >>> bytes_to_chars()[ord(" ")]
    'Ġ'
    """
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {
        byte: chr(256 + place) for place, byte in enumerate(moved)
    }


def _special(token: str) -> AddedToken:
    return AddedToken(token, special=True, normalized=False)


def _encode_plainly(tokenizer: "PreTrainedTokenizerFast", text: str) -> list[int]:
    """Encode with the model alone, which does not know the added tokens."""
    backend = fast_backend(tokenizer)
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    pieces = [text]
    if backend.pre_tokenizer is not None:
        pieces = [piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text)]
    control = control_ids(tokenizer)
    ids: list[int] = []
    for piece in pieces:
        found = [token.id for token in backend.model.tokenize(piece)]
        if not control.isdisjoint(found):  # a vocabulary that holds its special tokens as words
            found = [token.id for char in piece for token in backend.model.tokenize(char)]
        ids += found
    return ids


def _read_ranks(path: Path) -> dict[str, int]:
    """Return the rank of each token, a character for each of its bytes."""
    chars = bytes_to_chars()
    try:
        lines = path.read_bytes().splitlines()
        ranks = {
            base64.b64decode(token).decode("latin-1").translate(chars): int(rank)
            for token, rank in (line.split() for line in lines if line)
        }
    except OSError as error:
        raise CheckpointError(f"cannot read the vocabulary {path}: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a tiktoken vocabulary: each line holds a token in base64 and its "
            "rank; download the file again"
        ) from error
    if list(ranks.values()) != list(range(vocab.NUM_TEXT_TOKENS)):
        raise CheckpointError(
            f"{path} holds {len(ranks)} tokens, but the released vocabulary has ranks 0 to "
            f"{vocab.NUM_TEXT_TOKENS - 1}; download the file again"
        )
    return ranks


def _merges(ranks: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Give, in rank order, the two tokens of which each longer token is made."""
    rank_of = ranks.get
    for token, rank in ranks.items():
        if len(token) == 1:
            continue
        cuts = [
            cut
            for cut in range(1, len(token))
            if rank_of(token[:cut], rank) < rank and rank_of(token[cut:], rank) < rank
        ]
        yield (token[: cuts[0]], token[cuts[0] :]) if len(cuts) == 1 else _last_pair(token, ranks)


def _last_pair(token: str, ranks: dict[str, int]) -> tuple[str, str]:
    """Return the two parts that byte-pair merging joins last."""
    never = len(ranks)
    parts = list(token)
    pairs = [ranks.get(token[i : i + 2], never) for i in range(len(token) - 1)]
    while len(parts) > 2:
        first = pairs.index(min(pairs))
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
        del pairs[first]
        for i in range(max(first - 1, 0), min(first + 1, len(pairs))):  # the new part's neighbours
            pairs[i] = ranks.get(parts[i] + parts[i + 1], never)
    return parts[0], parts[1]
