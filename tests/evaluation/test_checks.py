"""The checks of a dialogue's turn: what passes, and what must not."""

import pytest

from qwen_audio.errors import DataError
from qwen_audio.evaluation.checks import Check, Said, Time, check_from_json


def test_one_of_any_and_one_of_each_group_are_needed():
    check = Check(any_of=("yes",), all_of=(("dog*", "bark*"), ("rain",)))

    assert check.passes("Yes: barking in the rain!")
    assert not check.passes("Barking in the rain!")
    assert not check.passes("Yes, barking.")


def test_words_are_whole_unless_they_may_go_on():
    assert not Check(any_of=("man",)).passes("A woman from Manchester.")
    assert Check(any_of=("man",)).passes("It is a MAN.")
    assert Check(any_of=("sneez*",)).passes("Somebody sneezes")


def test_what_must_not_be_said_fails():
    assert not Check(any_of=("woman",), none_of=("man",)).passes("A man or a woman.")


def test_what_is_mentioned_comes_in_order():
    check = Check(any_of=("horn*",), order=(("helicopter",), ("horn*", "honk*")))

    assert check.passes("a helicopter, then a horn")
    assert check.passes("a horn")
    assert not check.passes("a horn, then a helicopter")


@pytest.mark.parametrize(
    "reply",
    ['The man says: "Why, hello there."', "why hello there", "The words are: why hello their"],
)
def test_a_transcript_may_stand_in_a_sentence(reply):
    assert Check(said=Said(text="why hello there", language="en", limit=0.34)).passes(reply)


def test_a_transcript_with_too_many_errors_fails():
    assert not Check(said=Said(text="why hello there", language="en", limit=0.3)).passes("why")


def test_times_are_stamps_or_numbers():
    check = Check(time=Time(start_s=1.5, end_s=2.0, within_s=0.3))

    assert check.passes("It starts at <|1.40|> seconds and ends at <|2.10|> seconds.")
    assert check.passes("From 1.6 to 2 seconds.")
    assert not check.passes("From 0.5 to 2 seconds.")
    assert not check.passes("At 1.5 seconds.")


@pytest.mark.parametrize("reply", ["", "<|", "<|en|>", "…", "the " * 300])
def test_an_empty_reply_passes_no_check(reply):
    for check in (Check(none_of=("man",)), Check(any_of=("dog",))):
        assert not check.passes(reply) or (reply.startswith("the") and not check.any_of)


def test_an_unknown_key_is_named():
    with pytest.raises(DataError, match="unknown check 'anyof'; did you mean 'any_of'"):
        check_from_json({"anyof": ["dog"]})


def test_a_check_without_words_is_refused():
    with pytest.raises(DataError, match="a check is empty"):
        check_from_json({})
    with pytest.raises(DataError, match="not a list of words"):
        check_from_json({"any_of": "dog"})


def test_what_is_denied_is_not_said():
    check = Check(any_of=("man",), none_of=("woman", "not"))

    assert not check.passes("A man, not a woman.")
    assert Check(any_of=("man",), none_of=("woman",)).passes("A man, not a woman.")
    assert Check(any_of=("man",), none_of=("woman",)).passes("A man rather than a woman.")
    assert not Check(any_of=("man",), none_of=("woman",)).passes("A man or a woman.")


def test_one_time_answers_when_a_word_is_said_but_not_how_long_a_sound_lasts():
    word = Check(time=Time(start_s=1.5, end_s=2.0, within_s=0.3, is_moment=True))
    sound = Check(time=Time(start_s=1.5, end_s=2.0, within_s=0.3))

    assert word.passes("At about 1.7 seconds.")
    assert word.passes("From 1.4 to 2.1 seconds.")
    assert not word.passes("At 3 seconds.")
    assert not sound.passes("At about 1.7 seconds.")
