import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from qwen_audio.text import stream as stream_module
from qwen_audio.text.stream import TextStream
from qwen_audio.text.tokenizers import encode

PIECES = [
    "面条机",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "ñ",
    " 한국어",
    "hello",
    " ",
    "\n",
    "\ufffd",
    "<|2.33|>",
    "<|im_end|>",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=8).map("".join)


def streamed(tokenizer, ids: list[int], *, skip_special: bool = False) -> list[str]:
    stream = TextStream(tokenizer, skip_special=skip_special)
    return [*(stream.push(i) for i in ids), stream.finish()]


@given(TEXTS, st.booleans())
def test_pieces_of_a_text_make_the_whole(tokenizer, text: str, skip_special) -> None:
    ids = encode(tokenizer, text, trusted=True)

    pieces = streamed(tokenizer, ids, skip_special=skip_special)

    assert "".join(pieces) == tokenizer.decode(ids, skip_special_tokens=skip_special)
    assert pieces[-1] == ""
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, 3700), max_size=30), st.booleans())
def test_any_ids_stream_as_they_decode(tokenizer, ids: list[int], skip_special) -> None:
    whole = tokenizer.decode(ids, skip_special_tokens=skip_special)

    assert "".join(streamed(tokenizer, ids, skip_special=skip_special)) == whole


def test_a_character_comes_with_its_last_token(tokenizer) -> None:
    ids = encode(tokenizer, "👩", trusted=False)
    assert len(ids) == 4

    assert streamed(tokenizer, ids) == ["", "", "", "👩", ""]
    assert streamed(tokenizer, ids[:2]) == ["", "", "\ufffd"]


@pytest.fixture(scope="session")
def byte_fallback() -> PreTrainedTokenizerFast:
    """A vocabulary like Llama 2's: words with a mark for the space, and bytes for all else."""
    words = ["▁", "▁hello", "h", "e", "l", "o"]
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    vocabulary |= {word: 256 + i for i, word in enumerate(words)}
    backend = Tokenizer(BPE(vocabulary, [], byte_fallback=True, fuse_unk=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence(
        [decoders.Metaspace(), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@given(TEXTS.map(lambda text: text.replace("\ufffd", "")))
def test_other_vocabularies_stream_too(byte_fallback, text: str) -> None:
    ids = encode(byte_fallback, text, trusted=True)

    pieces = streamed(byte_fallback, ids)

    assert "".join(pieces) == byte_fallback.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)


def test_spaces_of_other_vocabularies_are_kept(byte_fallback) -> None:
    ids = byte_fallback.convert_tokens_to_ids(["▁hello", "▁hello", "▁", "h"])

    assert "".join(streamed(byte_fallback, ids)) == "hello hello h"


@pytest.mark.parametrize("text", ["hello 面👩 ", "\ufffd"])
@pytest.mark.parametrize("kind", ["tokenizer", "byte_fallback"])
def test_a_step_costs_the_same_after_a_thousand(request, monkeypatch, kind, text: str) -> None:
    tokenizer = request.getfixturevalue(kind)
    backend, asked = tokenizer.backend_tokenizer, []

    class Counting:
        decoder = backend.decoder

        def decode(self, ids: list[int], skip_special_tokens) -> str:
            asked.append(len(ids))
            return backend.decode(ids, skip_special_tokens=skip_special_tokens)

        def id_to_token(self, token: int) -> str:
            asked.append(1)
            return backend.id_to_token(token)

    monkeypatch.setattr(stream_module, "fast_backend", lambda _tokenizer: Counting())
    streamed(tokenizer, encode(tokenizer, text * 300, trusted=False))

    assert max(asked) <= 8
