"""Transcripts for other programs."""

import json
import re

import pytest

from qwen_audio.errors import PromptError
from qwen_audio.text.exports import FORMATS, export
from qwen_audio.text.grounding import find_phrase, nearest_phrase
from qwen_audio.text.segments import MAX_CUE_CHARACTERS, Segment, split_into_cues
from qwen_audio.text.timestamps import Span, Word

WORDS = (Word("Hello", 0.5, 0.9), Word("there.", 0.9, 1.25), Word('"You"', 4.0, 4.5))
SEGMENTS = [
    Segment(text='Hello there. "You"', start_s=0.5, end_s=4.5, language="en", words=WORDS),
    Segment(text="a --> b & c", start_s=3600.0, end_s=3661.5, language="en"),
]


def test_subtitles_are_cut_at_pauses_and_sentences():
    assert export(SEGMENTS, "srt") == (
        "1\n00:00:00,500 --> 00:00:01,250\nHello there.\n\n"
        '2\n00:00:04,000 --> 00:00:04,500\n"You"\n\n'
        "3\n01:00:00,000 --> 01:01:01,500\na → b & c\n\n"
    )


def test_web_subtitles_are_escaped():
    text = export(SEGMENTS, "vtt")

    assert text.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nHello there.\n")
    assert text.endswith("a → b &amp; c\n\n")


def test_a_table_has_a_line_a_cue():
    assert export(SEGMENTS, "tsv").splitlines() == [
        "start\tend\ttext",
        "500\t1250\tHello there.",
        '4000\t4500\t"You"',
        "3600000\t3661500\ta → b & c",
    ]


def test_json_holds_every_word():
    record = json.loads(export(SEGMENTS, "json"))

    assert record["segments"][0]["words"][1] == {"word": "there.", "start": 0.9, "end": 1.25}
    assert record["language"] == "en"


def test_tiers_of_a_textgrid_have_no_gaps():
    text = export(SEGMENTS, "textgrid")

    for tier in text.split("item [")[2:]:
        body = tier.split("intervals [1]", 1)[1]
        starts = [float(x) for x in re.findall(r"xmin = (\S+)", body)]
        ends = [float(x) for x in re.findall(r"xmax = (\S+)", body)]
        assert starts[0] == 0
        assert starts[1:] == ends[:-1]
        assert ends[-1] == 3661.5
    assert 'text = """You"""' in text


def test_times_after_hours_keep_their_thousandths():
    late = Segment(text="late", start_s=36_000.125, end_s=36_001.375)

    assert "xmin = 36000.125\n" in export([late], "textgrid")
    assert "10:00:00,125 --> 10:00:01,375" in export([late], "srt")


def test_plain_text_is_the_words_alone():
    assert export(SEGMENTS, "text") == 'Hello there. "You" a --> b & c\n'


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_transcript_has_every_format(form):
    is_empty = form == "srt"  # subtitles without a cue are an empty file

    assert (export([], form) == "") == is_empty


def test_an_unknown_format_is_named():
    with pytest.raises(PromptError, match="unknown format 'srtt'; did you mean 'srt'"):
        export([], "srtt")


def test_cues_fit_on_the_screen():
    words = tuple(Word("word", i * 0.3, i * 0.3 + 0.3) for i in range(90))
    segment = Segment(text="", start_s=0, end_s=27, language="en", words=words)

    cues = list(split_into_cues([segment]))

    assert all(len(cue.text) <= MAX_CUE_CHARACTERS for cue in cues)
    assert all(cue.end_s - cue.start_s <= 7 for cue in cues)
    assert [w for cue in cues for w in cue.words] == list(words)


def test_a_phrase_is_found_whatever_its_case_and_commas():
    said = [Word("The", 0, 1), Word("Middle,", 1, 2), Word("classes", 2, 3), Word("the", 3, 4)]

    assert find_phrase(said, "middle classes!") == (Span(1, 3, "Middle, classes"),)
    assert [span.start_s for span in find_phrase(said, "the")] == [0, 3]
    assert find_phrase(said, "class") == find_phrase(said, "...") == ()


def test_chinese_is_found_by_characters():
    said = [Word(c, i, i + 1) for i, c in enumerate("面条很好吃")]

    assert find_phrase(said, "很好") == (Span(2, 4, "很好"),)


def test_a_near_miss_is_offered():
    said = [Word("a", 0, 1), Word("joyfull", 1, 2), Word("day", 2, 3)]

    assert nearest_phrase(said, "joyful") == "joyfull"
    assert nearest_phrase(said, "piano") is None
    assert nearest_phrase([], "piano") is None
