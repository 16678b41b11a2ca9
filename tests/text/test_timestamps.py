from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.errors import PromptError
from qwen_audio.text.timestamps import (
    FIRST_STAMP,
    Span,
    Word,
    find_spans,
    join_words,
    parse_words,
    render_words,
)

RELEASED = "<|0.00|><|sil|><|0.54|>面<|0.86|>条<|1.17|>机<|1.46|><|sil|><|2.01|>"
NOODLES = (Word("面", 0.54, 0.86), Word("条", 0.86, 1.17), Word("机", 1.17, 1.46))


@st.composite
def timed_words(draw) -> list[Word]:
    times = sorted(draw(st.lists(st.integers(0, 3000), min_size=2, max_size=20)))
    texts = st.sampled_from(["hello", "it's", "面", "naïve", "3"])
    pairs = zip(times[::2], times[1::2], strict=False)
    return [Word(draw(texts), start / 100, end / 100) for start, end in pairs]


def test_the_released_form_is_spelt_exactly() -> None:
    assert render_words(NOODLES, "zh", duration_s=2.01) == RELEASED
    assert parse_words(RELEASED) == NOODLES


@given(timed_words())
def test_parse_is_the_inverse_of_render(words: list[Word]) -> None:
    text = render_words(words, "en")

    assert parse_words(text) == tuple(words)
    assert parse_words(text.removeprefix(FIRST_STAMP)) == tuple(words)


@given(st.lists(st.floats(0, 30), min_size=2, max_size=20), st.sampled_from(["zh", "en"]))
def test_any_ordered_times_become_stamps_that_never_go_back(times, language: str) -> None:
    times.sort()
    words = [Word("中文词", *pair) for pair in pairwise(times)]

    parsed = parse_words(render_words(words, language))

    assert join_words(parsed, "zh") == "中文词" * len(words)
    assert all(abs(word.start_s - given_s) < 0.006 for word, given_s in _firsts(parsed, times))


def _firsts(parsed: tuple[Word, ...], times: list[float]) -> list[tuple[Word, float]]:
    step = len(parsed) // (len(times) - 1)
    return list(zip(parsed[::step], times, strict=False))


def test_a_chinese_word_is_cut_into_characters() -> None:
    assert render_words([Word("你好", 0, 1)], "zh") == "<|0.00|>你<|0.50|>好<|1.00|>"
    assert render_words([Word("OK", 0, 1)], "zh") == "<|0.00|>OK<|1.00|>"


def test_an_overlap_of_one_stamp_is_cut() -> None:
    words = [Word("a", 0, 0.51), Word("b", 0.50, 0.504)]

    assert render_words(words) == "<|0.00|>a<|0.51|>b<|0.51|>"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            [Word("a", 0, 0.5), Word("b", 0.4, 0.9)],
            r"'b' starts at 0.4 s, before .* ends \(0.5 s\)",
        ),
        ([Word(" ", 0, 0.5)], "a word is plain text, got ' '"),
        ([Word("<|sil|>", 0, 0.5)], "a word is plain text"),
        ([Word("a", 29.9, 30.1)], "between 0 and 30 s, got 30.1"),
    ],
)
def test_words_that_cannot_be_written_are_refused(words: list[Word], reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        render_words(words, "en")


@pytest.mark.parametrize("times", [(-0.1, 1.0), (1.0, 0.5), (float("nan"), 1.0)])
def test_a_word_ends_after_it_starts(times: tuple[float, float]) -> None:
    with pytest.raises(PromptError, match="a word starts at 0 or later and ends after it starts"):
        Word("a", *times)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("hello<|0.50|>", (Word("hello", 0.0, 0.5),)),
        ("<|0.50|>hello<|0.40|>you<|0.90|>", (Word("hello", 0.5, 0.5), Word("you", 0.5, 0.9))),
        ("<|0.50|>hello", (Word("hello", 0.5, 0.5),)),
        ("<|0.10|> a b <|0.50|><|endoftext|>", (Word("a", 0.1, 0.3), Word("b", 0.3, 0.5))),
        ("<|0.00|><|sil|><|2.00|>", ()),
        ("", ()),
    ],
)
def test_a_reply_out_of_form_is_read_as_far_as_it_goes(reply: str, words: tuple) -> None:
    assert parse_words(reply) == words


def test_text_without_stamps_is_not_taken_for_words() -> None:
    with pytest.raises(PromptError, match="'hello you' has no time stamps; write them like"):
        parse_words("hello you")


def test_spans_of_a_reply_come_in_pairs_with_what_they_quote() -> None:
    reply = (
        'It says "a" and "b" from <|1.00|> to <|2.50|>, and “c” at <|4.00|>–<|3.00|>, '
        "then <|5.00|> <|6.00|>, and <|7.00|>."
    )

    assert find_spans(reply) == (Span(1.0, 2.5, "b"), Span(3.0, 4.0, "c"), Span(5.0, 6.0))


def test_chinese_words_join_without_spaces() -> None:
    assert join_words(NOODLES, "zh") == "面条机"
    assert join_words(NOODLES[:2], "en") == "面 条"
