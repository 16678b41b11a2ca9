"""The small measures of a run, against their definitions."""

from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.training.scores import edit_distance, error_rate, exact_share, plain, units

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


def by_definition(left, right):
    """Return the edit distance by its recursion."""
    if not left or not right:
        return len(left) + len(right)
    if left[0] == right[0]:
        return by_definition(left[1:], right[1:])
    rest = (left[1:], right), (left, right[1:]), (left[1:], right[1:])
    return 1 + min(by_definition(*pair) for pair in rest)


@given(st.lists(st.sampled_from("ab"), max_size=5), st.lists(st.sampled_from("ab"), max_size=5))
def test_the_edit_distance_is_the_least_number_of_edits(left, right):
    assert edit_distance(left, right) == by_definition(left, right)


@given(WORDS, WORDS, WORDS)
def test_the_edit_distance_is_a_distance(a, b, c):
    assert edit_distance(a, a) == 0
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(st.text(max_size=40))
def test_what_is_plain_stays_as_it_is(text):
    assert plain(plain(text)) == plain(text)


def test_the_error_rate_weighs_by_length_and_may_pass_one():
    assert error_rate([["a"], ["b", "c", "d"]], [["x"], ["b", "c", "d"]]) == 0.25
    assert error_rate([["a"]], [["x", "y", "z"]]) == 3.0
    assert error_rate([], []) == 0.0


def test_chinese_and_japanese_are_counted_by_character():
    assert units("今天, 好。", "zh") == ["今", "天", "好"]
    assert units("It's 5 o'clock!", "en") == ["it's", "5", "o'clock"]


def test_exact_answers_ignore_case_and_punctuation():
    assert exact_share(["Yes.", "no"], ["yes", "No way"]) == 0.5
    assert exact_share([], []) == 0.0
