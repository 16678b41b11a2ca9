"""One spelling for every sound."""

import pytest

from qwen_audio.tasks.sound_names import canonical_sound, known_sounds, scene_name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("dog bark", "dog barking"),
        ("Dog_barking", "dog barking"),
        ("crying baby", "baby crying"),
        ("person sneezing", "sneezing"),
        ("gun_shot", "gunshot"),
        ("clock tick", "clock ticking"),
        ("waves", "sea waves"),
        ("campfire", "fire crackling"),
        ("rain on tent", "rain"),
    ],
)
def test_spellings_of_the_data_sets_meet(spelling, name):
    assert canonical_sound(spelling) == name


def test_a_canonical_name_is_its_own():
    for name in known_sounds():
        assert canonical_sound(name) == name


def test_an_unknown_sound_is_only_tidied():
    assert canonical_sound(" Tibetan-Horn ") == "tibetan horn"


def test_backgrounds_have_scenes_and_events_have_none():
    assert scene_name("busy street") == "street"
    assert scene_name("dog bark") is None
