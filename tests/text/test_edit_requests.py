"""Instructions to edit sound, read as a person means them."""

import pytest

from qwen_audio.errors import PromptError
from qwen_audio.text.edit_requests import EXAMPLES, EditRequest, Target, parse_edit


def of(phrase, which=None):
    return Target(phrase=phrase, which=which)


@pytest.mark.parametrize(
    ("instruction", "action", "target"),
    [
        ("cut out the word 'joyful'", "remove", of("joyful")),
        ("Please remove the phrase “middle classes”.", "remove", of("middle classes")),
        ("delete every 'um'", "remove", of("um", "every")),
        ("remove all of the words um", "remove", of("um", "every")),
        ("take out the last 'don't'", "remove", of("don't", "last")),
        ("cut the first 2.5 seconds", "remove", Target(end_s=2.5)),
        ("cut the last 3s", "remove", Target(start_s=-3.0)),
        ("cut out from 1:30 to 1:32.5", "remove", Target(start_s=90.0, end_s=92.5)),
        ("cut a clip of the word 'what'", "extract", of("what")),
        ("keep only the phrase hello world", "extract", of("hello world")),
        ("extract between 1 and 2 seconds", "extract", Target(start_s=1.0, end_s=2.0)),
        ("mute the first word 'no'", "mute", of("no", "first")),
        ("bleep out each 'damn'", "beep", of("damn", "every")),
        ("fade in", "fade in", Target(end_s=1.0)),
        ("Fade out over 2 s", "fade out", Target(end_s=2.0)),
        ("fade it out for 0.5 seconds", "fade out", Target(end_s=0.5)),
        ("去掉", None, None),
    ],
)
def test_an_instruction_becomes_a_record(instruction, action, target):
    if action is None:
        with pytest.raises(PromptError, match="cannot tell what to edit"):
            parse_edit(instruction)
        return

    assert parse_edit(instruction) == EditRequest(action=action, target=target)


def test_new_words_are_told_from_old_ones():
    for instruction in (
        "replace 'joyful' with 'interesting'",
        'Change the word "joyful" to "interesting".',
        "change joyful into interesting",
    ):
        assert parse_edit(instruction) == EditRequest(
            action="replace", target=of("joyful"), text="interesting"
        )


def test_a_little_word_in_quotes_divides_nothing():
    request = parse_edit("replace 'from me to you' with 'with love'")

    assert (request.target.phrase, request.text) == ("from me to you", "with love")


@pytest.mark.parametrize("side", ["before", "after"])
def test_words_are_put_on_the_side_that_is_named(side):
    request = parse_edit(f"insert the word 'very' {side} the last 'before happy'")

    assert request == EditRequest(
        action="insert", target=of("before happy", "last"), text="very", side=side
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_in_the_error_are_understood(example):
    assert parse_edit(example).action


@pytest.mark.parametrize("instruction", ["", "make it louder", "replace 'a'", "insert 'x'", "cut"])
def test_what_is_not_understood_is_said_with_examples(instruction):
    with pytest.raises(PromptError, match="cut out the word 'joyful'"):
        parse_edit(instruction)
