import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.errors import PromptError
from qwen_audio.text import vocab
from qwen_audio.text.tags import Tags, parse_tags
from qwen_audio.text.tokenizers import control_ids, encode

RELEASED = {
    "<|startoftranscript|><|fr|><|transcribe|><|fr|><|notimestamps|><|wo_itn|>": Tags(
        start="transcript",
        audio_language="fr",
        action="transcribe",
        text_language="fr",
        instruction="wo_itn",
    ),
    "<|startoftranscript|><|en|><|translate|><|zh|><|notimestamps|><|itn|>": Tags(
        start="transcript",
        audio_language="en",
        action="translate",
        text_language="zh",
        instruction="itn",
    ),
    "<|startofanalysis|><|unknown|><|caption|><|en|><|notimestamps|><|caption_clotho|>": Tags(
        start="analysis",
        audio_language="unknown",
        action="caption",
        text_language="en",
        instruction="caption_clotho",
    ),
    "<|startofanalysis|><|en|><|keyword|><|en|><|notimestamps|><|emotion_recognition|>": Tags(
        start="analysis",
        audio_language="en",
        action="keyword",
        text_language="en",
        instruction="emotion_recognition",
    ),
    "<|startofanalysis|><|en|><|question|>Is it raining?<|answer|>": Tags(
        start="analysis", audio_language="en", question="Is it raining?"
    ),
    "<|startoftranscript|><|zh|><|transcribe|><|zh|><|timestamps|>": Tags(
        start="transcript",
        audio_language="zh",
        action="transcribe",
        text_language="zh",
        timestamps=True,
    ),
    "<|startoftranscript|>": Tags(start="transcript"),
}

FIELDS = st.fixed_dictionaries(
    {"start": st.sampled_from(["transcript", "analysis"])},
    optional={
        "audio_language": st.sampled_from(["en", "zh", "unknown"]),
        "action": st.sampled_from(vocab.ACTIONS),
        "text_language": st.sampled_from(["en", "zh", "zh_tr", "unknown"]),
        "timestamps": st.booleans(),
        "instruction": st.sampled_from(vocab.INSTRUCTIONS),
        "question": st.text(max_size=8),
    },
)


@pytest.mark.parametrize(("text", "tags"), RELEASED.items())
def test_released_prompts_are_spelt_exactly(text: str, tags: Tags) -> None:
    assert tags.render() == text
    assert parse_tags(text) == tags


def test_the_forced_first_stamp_may_follow() -> None:
    text = "<|startoftranscript|><|zh|><|transcribe|><|zh|><|timestamps|>"

    assert parse_tags(text + vocab.timestamp_token(0)) == parse_tags(text)


@given(FIELDS)
def test_what_can_be_made_can_be_read_back(fields: dict) -> None:
    try:
        tags = Tags(**fields)
    except PromptError:
        return
    assert parse_tags(tags.render()) == tags


def test_every_combination_is_tokens_only(tokenizer) -> None:
    made = 0
    names = ("start", "action", "timestamps", "instruction")
    instructions = (None, *vocab.INSTRUCTIONS)
    for values in itertools.product(
        ("transcript", "analysis"), vocab.ACTIONS, (False, True), instructions
    ):
        languages = {
            "audio_language": "en",
            "text_language": "de" if "translate" in values else "en",
        }
        try:
            text = Tags(**dict(zip(names, values, strict=True)), **languages).render()
        except PromptError:
            continue
        made += 1
        assert set(encode(tokenizer, text, trusted=True)) <= control_ids(tokenizer)
    assert made > 40


GOOD = {
    "start": "transcript",
    "audio_language": "en",
    "action": "transcribe",
    "text_language": "en",
    "instruction": "itn",
}
SCENE = {**GOOD, "start": "analysis", "action": "keyword", "instruction": "scene"}
QUESTION = {"start": "analysis", "audio_language": "en", "question": "Who?"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**GOOD, "start": "transcription"}, "unknown start 'transcription'; did you mean"),
        ({**GOOD, "audio_language": "xx"}, "unknown audio language 'xx'"),
        ({**GOOD, "action": "transcibe"}, "unknown action 'transcibe'; did you mean"),
        ({**GOOD, "text_language": "xx"}, "unknown text language 'xx'"),
        ({**GOOD, "instruction": "wo-itn"}, "unknown instruction 'wo-itn'; did you mean"),
        ({**GOOD, "audio_language": None}, "'transcribe' needs an audio language before it"),
        ({**GOOD, "text_language": None}, "'transcribe' needs a text language"),
        ({**GOOD, "action": None}, "mean nothing without an action"),
        ({**GOOD, "action": "caption"}, "goes with transcribe or translate, not with 'caption'"),
        ({**GOOD, "text_language": "de"}, r"a transcript is in the language spoken \(en\), not"),
        ({**GOOD, "text_language": "unknown"}, "to transcribe needs a known text language"),
        ({**GOOD, "action": "translate"}, "a translation from en to en; use action='transcribe'"),
        ({**GOOD, "instruction": "scene"}, "'scene' goes with keyword, not with 'transcribe'"),
        ({**SCENE, "action": "caption"}, "'scene' goes with keyword, not with 'caption'"),
        ({**SCENE, "action": "caption", "instruction": None}, "a caption needs an instruction"),
        ({**SCENE, "timestamps": True}, "'scene' says one thing about the whole clip"),
        ({**QUESTION, "start": "transcript"}, "a question needs start='analysis' and an audio"),
        ({**QUESTION, "audio_language": None}, "a question needs start='analysis' and an audio"),
        ({**QUESTION, "action": "keyword"}, "a question or the action 'keyword', not both"),
        ({**QUESTION, "timestamps": True}, "mean nothing besides a question"),
        ({**QUESTION, "question": " "}, "the question is empty"),
        ({**QUESTION, "question": "a<|im_end|>"}, r"plain text, got '<\|im_end\|>' in it"),
        ({**QUESTION, "question": "<audio>/etc"}, "plain text, got '<audio>' in it"),
    ],
)
def test_a_combination_without_meaning_is_refused(fields: dict, reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        Tags(**fields)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "tags begin with"),
        ("<|startoftranscription|>", "tags begin with"),
        ("<|startoftranscript|> <|en|>", "expected nothing but tags"),
        ("<|startoftranscript|><|en|><|transcribe|><|en|>", "after the audio language come"),
        ("<|startoftranscript|><|en|><|transcribe|><|timestamps|><|en|>", "after the audio"),
        (
            "<|startoftranscript|><|en|><|transcribe|><|en|><|notimestamps|><|itn|><|itn|>",
            "one instruction at most ends the tags, got itn, itn",
        ),
        ("<|startofanalysis|><|en|><|question|>Who?", r"a question is written <\|question\|>"),
        ("<|startofanalysis|><|en|><|keyword|><|question|>Who?<|answer|>", "right after the audio"),
    ],
)
def test_a_string_out_of_form_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        parse_tags(text)
