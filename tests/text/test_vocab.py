import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.errors import PromptError
from qwen_audio.text import vocab

RELEASED_IDS = {
    vocab.END_OF_TEXT: 151643,
    vocab.CHAT_BEGIN: 151644,
    vocab.CHAT_END: 151645,
    vocab.AUDIO_PAD: 151851,
    vocab.START_OF_TRANSCRIPT: 151852,
    vocab.tag("keyword"): 151857,
    vocab.tag("unknown"): 151858,
    vocab.tag("it"): 151866,
    vocab.tag("zh_tr"): 151867,
    vocab.SILENCE: 151869,
    vocab.timestamp_token(0): 151871,
    vocab.timestamp_token(30): 154871,
    vocab.tag("wo_itn"): 154877,
    vocab.ENTITY_TYPE_END: 154881,
    vocab.DELIMITER: 154886,
    vocab.PITCH: 154890,
    vocab.midi_pitch_token(127): 155018,
    vocab.midi_velocity_token(0): 155020,
    vocab.SONIC: 155148,
    vocab.tag("song_meta"): 155151,
    vocab.CHOICE: 155154,
    vocab.tag("speech_understanding"): 155158,
    vocab.ENTITIES: 155161,
    vocab.tag("speech_edit"): 155162,
    vocab.AUDIO_BEGIN: 155163,
    vocab.AUDIO_END: 155164,
}


def test_special_tokens_are_in_released_id_order() -> None:
    ids = {token: i for i, token in enumerate(vocab.SPECIAL_TOKENS, vocab.NUM_TEXT_TOKENS)}

    assert {token: ids[token] for token in RELEASED_IDS} == RELEASED_IDS
    assert len(ids) == len(vocab.SPECIAL_TOKENS) == 155_165 - vocab.NUM_TEXT_TOKENS
    assert len(vocab.AUDIO_TOKENS) == 3314


def test_every_instruction_is_an_audio_token() -> None:
    assert {vocab.tag(name) for name in vocab.INSTRUCTIONS} <= set(vocab.AUDIO_TOKENS)


@given(st.integers(0, 3000))
def test_a_stamp_names_its_time(hundredths: int) -> None:
    token = vocab.timestamp_token(hundredths / 100)

    assert vocab.AUDIO_TOKENS.index(token) == 20 + hundredths
    assert vocab.token_seconds(token) == hundredths / 100


@pytest.mark.parametrize("seconds", [-0.01, 30.01, float("nan"), float("inf")])
def test_no_stamp_outside_thirty_seconds(seconds: float) -> None:
    with pytest.raises(PromptError, match="between 0 and 30 s, got"):
        vocab.timestamp_token(seconds)


@pytest.mark.parametrize("text", ["2.33", "<|2.3|>", "<|31.00|>", "<|02.00|>", "<|sil|>", ""])
def test_what_is_no_stamp_is_not_one(text: str) -> None:
    assert not vocab.is_timestamp(text)
    with pytest.raises(PromptError, match="not a time stamp; write it like"):
        vocab.token_seconds(text)


def test_midi_numbers_end_at_127() -> None:
    with pytest.raises(PromptError, match="MIDI pitch is a number from 0 to 127, got 128"):
        vocab.midi_pitch_token(128)
