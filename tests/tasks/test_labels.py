"""Claims about labels: the spellings of data sets, the JSON round trip, what follows from what."""

import json

import pytest

from qwen_audio.errors import DataError
from qwen_audio.tasks.documentation import EXAMPLES
from qwen_audio.tasks.label_files import labels_from_json, labels_to_json
from qwen_audio.tasks.labels import Event, Labels, Question, Word, filled
from qwen_audio.tasks.registry import applicable
from qwen_audio.tasks.transcripts import is_written, plain_transcript


def names(row):
    return {task.name for task in applicable(labels_from_json(row))}


@pytest.mark.parametrize("labels", EXAMPLES)
def test_labels_survive_json(labels):
    row = json.loads(json.dumps(labels_to_json(labels)))

    assert labels_from_json(row) == labels


def test_the_spellings_of_data_sets_are_understood():
    row = {
        "lang": "en",
        "gender": "f",
        "age": "23",
        "emotion": "fear",
        "kind": "speech",
        "words": [["well", 0.1, 0.4]],
        "dur": 3.0,
        "licence": "CC0-1.0",
    }

    labels = labels_from_json(row)

    assert labels == Labels(
        language="en",
        gender="female",
        age=23,
        age_group="young adult",
        emotion="fearful",
        voice="speech",
        words=(Word("well", 0.1, 0.4),),
    )


def test_sounds_get_one_name():
    labels = labels_from_json({"sound": "dog bark", "events": [["Dog", 0.5, 1.0]]})

    assert labels.sound == ("dog barking",)
    assert labels.events == (Event("dog barking", 0.5, 1.0),)


def test_a_scene_of_sounds_is_read():
    row = {
        "events": [["siren", 0.0, 2.0]],
        "scene": "street",
        "captions": ["A siren wails."],
        "qa": [["What comes first?", "siren", "first"], ["Is it loud?", "yes", "", "Yes, it is."]],
        "sound": ["siren"],
    }

    labels = labels_from_json(row)

    assert labels.qa[0] == Question("What comes first?", "siren", "first")
    assert labels.qa[1].sentence == "Yes, it is."
    assert {"AAC", "SEC", "ASC", "SED", "AQA", "Audio grounding"} <= names(row)


def test_a_note_is_read_with_its_dynamic():
    row = {"instrument": "flute", "note": "As4", "dynamic": "mezzo-forte", "technique": "normal"}

    labels = labels_from_json(row)

    assert (labels.pitch, labels.qualities) == (70, ("mezzo forte",))
    assert {"MIC", "MNA"} <= names(row)
    assert "MC" not in names(row)


def test_a_trill_has_no_pitch():
    labels = labels_from_json({"instrument": "oboe", "note": "C5", "technique": "minor-trill"})

    assert labels.pitch is None
    assert labels.qualities == ("minor trill",)


def test_a_number_wins_over_the_note_name():
    assert labels_from_json({"note": "C4", "pitch": 61}).pitch == 61


def test_what_a_clip_does_not_show_is_withheld():
    cut_off = {"dataset": "ravdess", "lang": "en", "text": "Kids are talking.", "emotion": "sad"}
    baby = {"dataset": "donateacry", "sound": "crying baby", "gender": "m"}

    assert "ASR" not in names(cut_off)
    assert labels_from_json(baby).gender is None
    assert {"VSC", "SEC"} <= names(baby)


def test_words_of_keyword_sets_are_keywords():
    row = {"dataset": "fsdd", "lang": "en", "text": "seven"}

    assert labels_from_json(row).keyword == "seven"
    assert {"KS", "ASR", "LID"} <= names(row)


def test_commands_have_an_intent_and_details():
    row = {"lang": "en", "intent": "orderDrink", "slots": {"coffeeDrink": "mocha"}}

    assert labels_from_json(row).slots == (("coffeeDrink", "mocha"),)
    assert {"IC", "SF"} <= names(row)


def test_a_singing_voice_is_about_music_emotion():
    assert "SMER" in names({"kind": "song", "emotion": "sad", "lang": "en"})
    assert "ER" in names({"kind": "speech", "emotion": "sad", "lang": "en"})


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"note": "H4"}, "'As2' or 'C4'"),
        ({"pitch": 200}, "MIDI numbers are 0 to 127"),
        ({"age": "old"}, "label 'age' cannot be 'old'"),
        ({"gender": "x"}, "label 'gender' cannot be 'x'"),
        ({"text": 5}, "int is not text"),
        ({"words": [["a", 2.0, 1.0]]}, "cannot last from 2.0 to 1.0 seconds"),
        ({"same_speaker": "no"}, "true or false"),
    ],
)
def test_a_wrong_label_says_what_is_wrong(row, match):
    with pytest.raises(DataError, match=match):
        labels_from_json(row)


def test_labels_are_filled_only_where_they_are_missing():
    known = Labels(language="en", captions=("a",))

    assert filled(known, Labels(text="hi", captions=("b",))).captions == ("a",)


@pytest.mark.parametrize(
    ("text", "language", "plain"),
    [
        ("WE CALL IT BEAR", "en", "we call it bear"),
        ("Don’t—ever!—do ‘that’.", "en", "don't ever do that"),
        ("L'homme s'appelle Émile.", "fr", "l'homme s'appelle émile"),
        ("Größe: 12 Meter?", "de", "größe 12 meter"),
        ("你 好，世界！", "zh", "你好世界"),
        ("こんにちは、世界。", "ja", "こんにちは世界"),
        ("안녕하세요, 여러분.", "ko", "안녕하세요 여러분"),
    ],
)
def test_plain_transcripts_are_only_words(text, language, plain):
    assert plain_transcript(text, language) == plain
    assert plain_transcript(plain, language) == plain


def test_capitals_alone_are_not_writing():
    assert not is_written("ONE. TWO.", "en")
    assert not is_written("Project", "en")
    assert is_written("Ist das so?", "de")
    assert is_written("你好。", "zh")
