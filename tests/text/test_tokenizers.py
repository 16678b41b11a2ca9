import base64
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from qwen_audio.errors import CheckpointError, PromptError
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import (
    add_audio_tokens,
    bytes_to_chars,
    control_ids,
    encode,
    end_of_text_id,
    load_qwen_tiktoken,
    short_units,
    stop_ids,
    token_id,
)

SPECIALS = st.sampled_from([*vocab.SPECIAL_TOKENS[::97], "<audio>", "</audio>", "<repo_name>"])
TYPED = st.lists(st.one_of(SPECIALS, st.text(max_size=6)), max_size=8).map("".join)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TYPED)
def test_typed_text_never_gives_a_control_token(tokenizer, text: str) -> None:
    ids = encode(tokenizer, text, trusted=False)

    assert control_ids(tokenizer).isdisjoint(ids)
    assert tokenizer.decode(ids) == text


@given(ANY_TEXT)
def test_ordinary_text_has_the_same_ids_trusted_or_not(llm_tokenizer, tokenizer, text: str) -> None:
    ids = llm_tokenizer.encode(text, add_special_tokens=False)

    assert encode(tokenizer, text, trusted=True) == encode(tokenizer, text, trusted=False) == ids


def test_tags_in_trusted_text_are_tokens(tokenizer) -> None:
    tags = [vocab.START_OF_TRANSCRIPT, vocab.tag("en"), vocab.timestamp_token(1.5)]

    ids = encode(tokenizer, "".join(tags), trusted=True)

    assert ids == [token_id(tokenizer, tag) for tag in tags]


def test_options_left_by_an_earlier_call_change_nothing(tokenizer) -> None:
    text = "hello <|en|>"
    before = encode(tokenizer, text, trusted=True), encode(tokenizer, text, trusted=False)

    tokenizer.pad_token = vocab.END_OF_TEXT
    tokenizer(["a"], padding="max_length", max_length=2, truncation=True, split_special_tokens=True)

    assert (encode(tokenizer, text, trusted=True), encode(tokenizer, text, trusted=False)) == before


def test_tokens_added_later_cannot_be_typed_either(fresh_tokenizer) -> None:
    assert encode(fresh_tokenizer, "hello<new>", trusted=False)

    fresh_tokenizer.add_tokens(["<new>"], special_tokens=True)

    assert fresh_tokenizer.convert_tokens_to_ids("<new>") not in encode(
        fresh_tokenizer, "hello<new>", trusted=False
    )


def test_a_word_of_the_vocabulary_that_is_a_control_token_is_taken_apart(fresh_tokenizer) -> None:
    fresh_tokenizer.add_tokens(["hello"], special_tokens=True)
    fresh_tokenizer.__dict__.pop("_control_ids", None)

    ids = encode(fresh_tokenizer, "hello", trusted=False)

    assert control_ids(fresh_tokenizer).isdisjoint(ids)
    assert fresh_tokenizer.decode(ids) == "hello"


def test_audio_tokens_are_added_once_and_in_order(fresh_tokenizer) -> None:
    before = len(fresh_tokenizer)

    assert add_audio_tokens(fresh_tokenizer) == 3314
    assert add_audio_tokens(fresh_tokenizer) == 0
    ids = [token_id(fresh_tokenizer, token) for token in vocab.AUDIO_TOKENS]
    assert ids == list(range(before, before + 3314))


def test_a_saved_tokenizer_reads_tags_as_before(tmp_path: Path, fresh_tokenizer) -> None:
    add_audio_tokens(fresh_tokenizer)
    ids = encode(fresh_tokenizer, "a<|en|>", trusted=True)

    fresh_tokenizer.save_pretrained(tmp_path)

    assert encode(AutoTokenizer.from_pretrained(tmp_path), "a<|en|>", trusted=True) == ids


def test_half_a_surrogate_pair_is_refused(tokenizer) -> None:
    with pytest.raises(PromptError, match="holds half of a surrogate pair"):
        encode(tokenizer, "hello \ud83d", trusted=False)


def test_a_missing_token_says_what_to_do(fresh_tokenizer) -> None:
    with pytest.raises(PromptError, match=r"no token <audio>; call add_audio_tokens"):
        token_id(fresh_tokenizer, vocab.AUDIO_BEGIN)


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(PromptError, match="object is not a fast tokenizer; load one"):
        encode(object(), "a", trusted=True)


def test_a_reply_ends_at_chat_and_text_ends(tokenizer) -> None:
    assert stop_ids(tokenizer) == (2, 1, 0)
    assert end_of_text_id(tokenizer) == 0


def test_byte_characters_are_one_to_one() -> None:
    table = bytes_to_chars()

    assert sorted(table) == list(range(256))
    assert len(set(table.values())) == 256


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello\n", "not a tiktoken vocabulary"),
        (b"aGVsbG8= x\n", "not a tiktoken vocabulary"),
        (base64.b64encode(b"a") + b" 0\n", "holds 1 tokens, but the released vocabulary has"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "qwen.tiktoken"
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=reason):
        load_qwen_tiktoken(path)


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read the vocabulary .*none: No such file"):
        load_qwen_tiktoken(tmp_path / "none")


@pytest.fixture(scope="session")
def tiktoken_encoding(released_folder: Path):
    tiktoken = pytest.importorskip("tiktoken")
    lines = (released_folder / "qwen.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
        r"\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    return tiktoken.Encoding("qwen", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


@pytest.mark.slow
@given(st.one_of(ANY_TEXT, TYPED, st.text("abcST 's\n", max_size=60)))
def test_released_ids_equal_those_of_tiktoken(
    released_tokenizer, tiktoken_encoding, text: str
) -> None:
    expected = tiktoken_encoding.encode_ordinary(unicodedata.normalize("NFC", text))

    assert encode(released_tokenizer, text, trusted=False) == expected


@pytest.mark.slow
def test_released_tokenizer_survives_saving(tmp_path: Path, released_tokenizer) -> None:
    released_tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)

    assert len(again) == len(released_tokenizer) == 155_165
    assert isinstance(again, PreTrainedTokenizerFast)
    text = "<|startofanalysis|> e\u0301 面条"
    assert encode(again, text, trusted=True) == encode(released_tokenizer, text, trusted=True)


def test_short_units_spell_the_same_text_in_the_tokenizers_own_ids(tokenizer):
    for merges in (1, 5, 20):
        units = short_units(tokenizer, merges)
        ids = units.encode(" the cat says hello", add_special_tokens=False).ids
        assert tokenizer.decode(ids) == " the cat says hello"
        assert len(ids) >= len(encode(tokenizer, " the cat says hello", trusted=False))


def test_all_merges_are_the_tokenizers_own(tokenizer):
    text = " hello to the man"
    units = short_units(tokenizer, 0)
    assert units.encode(text, add_special_tokens=False).ids == encode(tokenizer, text, trusted=True)


def test_short_units_know_no_special_token(tokenizer):
    ids = short_units(tokenizer, 9).encode("<|im_end|>", add_special_tokens=False).ids
    assert control_ids(tokenizer).isdisjoint(ids)


def test_a_tokenizer_without_merges_spells_in_its_own_tokens_or_says_why():
    backend = Tokenizer(WordLevel({"[UNK]": 0, "one": 1}, unk_token="[UNK]"))
    words = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert short_units(words, 0).encode("one").ids == [1]
    with pytest.raises(PromptError, match="WordLevel tokenizer has no merges"):
        short_units(words, 5)
