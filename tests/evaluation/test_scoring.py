"""Scores worked out by hand, and replies that are no answer at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_audio.evaluation import scoring
from qwen_audio.evaluation.mentions import is_mentioned
from qwen_audio.evaluation.records import Ratio, value_of

MALFORMED = (
    "",
    "   ",
    "<|",
    "<|en",
    "<|en|><|en|>" * 40,
    "|>|><|9.9|>",
    "the " * 300,
    "我不知道",
    "<|midi_pitch_|>",
    ": ; : ;",
    "\ufffd\ufffd",
)


def test_a_word_error_rate_counts_wrong_missing_and_added_words():
    assert scoring.word_errors("the cat sat on the mat", "the bat sat the mat", "en") == (2, 6)
    assert scoring.word_errors("hello", "hello there you", "en") == (2, 1)


def test_case_punctuation_and_tags_are_no_errors_but_numbers_and_titles_are():
    assert scoring.word_errors("it's late", "<|en|> It’s “late”.", "en") == (0, 2)
    assert scoring.word_errors("mister two", "Mr. 2", "en") == (2, 2)


def test_mandarin_is_counted_by_character():
    assert scoring.word_errors("你好吗", "你 坏吗。", "zh") == (1, 3)


def test_the_rate_is_over_all_words_and_not_the_mean_of_clips():
    ratios = [scoring.word_errors("a b c d", "a b c d", "en"), scoring.word_errors("e", "f", "en")]

    assert value_of(ratios) == pytest.approx(1 / 5)


def test_a_language_needs_its_whole_tag():
    assert scoring.same_language("<|de|>", "<|de|>") == (1, 1)
    assert scoring.same_language("<|de|>", "<|en|><|de|>") == (0, 1)
    assert scoring.same_language("<|de|>", "<|de") == (0, 1)


def test_a_sound_may_have_any_spelling_but_no_company():
    assert scoring.same_sound("baby crying", "Crying baby.") == (1, 1)
    assert scoring.same_sound("rain", "rain, wind") == (0, 1)


def test_a_pitch_is_exact():
    right = "<|pitch|><|midi_pitch_60|>"

    assert scoring.same_pitch(right, "<|pitch|><|midi_pitch_60|><|velocity|>") == (1, 1)
    assert scoring.same_pitch(right, "<|pitch|><|midi_pitch_61|>") == (0, 1)
    assert scoring.same_pitch(right, "<|midi_velocity_60|>") == (0, 1)


def test_instruments_come_in_any_order():
    assert scoring.same_instruments("drums, piano", "Piano, drums") == (1, 1)
    assert scoring.same_instruments("drums, piano", "drums") == (0, 1)


@pytest.mark.parametrize("reply", ["4", "four times", "Four.", "4 times"])
def test_a_number_has_many_forms(reply):
    assert scoring.same_answer("four", reply) == (1, 1)


def test_twice_is_two_and_before_is_not_after():
    assert scoring.same_answer("two", "twice") == (1, 1)
    assert scoring.same_answer("before", "after") == (0, 1)
    assert scoring.same_answer("gunshot", "A gun shot") == (1, 1)


def test_a_caption_must_mention_every_sound():
    sounds = "dog barking, car horn"

    assert scoring.names_every_sound(sounds, "A dog barks and then a car honks.") == (1, 1)
    assert scoring.names_every_sound(sounds, "A dog barks in a park.") == (0, 1)
    assert scoring.share_of_sounds(sounds, "A dog barks in a park.") == (1, 2)


@pytest.mark.parametrize(
    ("sound", "caption"),
    [
        ("rain", "A train passes"),
        ("rooster crowing", "People talk in a crowded bar"),
        ("fire crackling", "A gun fires by a campfire"),
        ("cat meowing", "A caterpillar cathedral"),
    ],
)
def test_a_similar_word_is_no_mention(sound, caption):
    assert not is_mentioned(sound, caption)


def test_details_are_scored_by_f1_and_as_a_whole():
    expected = "coffee drink: mocha; size: large; roast: dark roast"
    reply = "coffee drink: mocha; size: small"

    assert scoring.slots_in_common(expected, reply) == (2, 5)
    assert scoring.same_slots(expected, "size: Large; roast: dark roast; coffee drink: mocha") == (
        1,
        1,
    )


def test_times_are_compared_over_the_words_that_both_have():
    expected = "<|0.00|>one<|0.50|>two<|1.00|>three<|1.50|>"
    reply = "<|0.00|><|sil|><|0.10|>one<|0.60|>too<|1.00|>three<|1.40|>"

    # one: 100 + 100 ms, three: 0 + 100 ms, over four borders
    ratio = scoring.milliseconds_off(expected, reply, "en")
    assert ratio.part == pytest.approx(300)
    assert ratio.whole == 4
    assert scoring.words_in_common(expected, reply, "en") == (2, 3)


def test_words_are_matched_in_order_even_if_they_repeat():
    assert scoring.equal_places(["the", "cat", "the", "dog"], ["the", "dog"]) == [(2, 0), (3, 1)]
    assert scoring.equal_places([], ["a"]) == []


WORDS = "<|0.00|>one<|0.50|>two<|1.00|>"


@pytest.mark.parametrize("reply", MALFORMED)
@pytest.mark.parametrize(
    ("score", "reference", "language"),
    [
        (scoring.same_text, "happy", "en"),
        (scoring.same_language, "<|de|>", None),
        (scoring.same_sound, "rain", None),
        (scoring.same_instruments, "cello", None),
        (scoring.same_pitch, "<|pitch|><|midi_pitch_60|>", None),
        (scoring.same_answer, "four", None),
        (scoring.names_every_sound, "rain, dog barking", None),
        (scoring.slots_in_common, "size: large", "en"),
        (scoring.same_slots, "size: large", "en"),
        (scoring.words_in_common, WORDS, "en"),
    ],
)
def test_a_malformed_reply_is_wrong_and_still_counts(score, reference, language, reply):
    part, whole = score(reference, reply, language)

    assert part == 0
    assert whole >= 1


@pytest.mark.parametrize("reply", MALFORMED)
def test_a_malformed_transcript_costs_every_word(reply):
    part, whole = scoring.word_errors("one two three", reply, "en")

    assert part >= whole == 3


def test_nothing_measured_has_no_value():
    assert value_of([Ratio(0, 0)]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9), st.lists(st.sampled_from("abcd")))
def test_word_errors_are_those_of_jiwer(reference, reply):
    jiwer = pytest.importorskip("jiwer")
    reference, reply = " ".join(reference), " ".join(reply)

    part, whole = scoring.word_errors(reference, reply, "en")

    assert part / whole == pytest.approx(jiwer.wer(reference, reply), abs=1e-6)
