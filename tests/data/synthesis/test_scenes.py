"""Composed scenes: the timeline is what the samples say."""

import random

import numpy as np
import pytest

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.synthesis.phrases import is_mentioned, sound_phrase
from qwen_audio.data.synthesis.scene_text import times, write_captions, write_questions
from qwen_audio.data.synthesis.scenes import (
    Background,
    EventClip,
    Scene,
    SceneLibrary,
    compose_scene,
    confusable_with,
    loud_part,
    single_burst,
)
from qwen_audio.errors import DataError
from qwen_audio.tasks.labels import Event


def tone(seconds, *, hertz=440.0, level=0.3):
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def silence(seconds):
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32)


def library(*, backgrounds=()):
    def clip(label, hertz, seconds, *, is_burst=False):
        return EventClip(label=label, waveform=tone(seconds, hertz=hertz), is_burst=is_burst)

    return SceneLibrary(
        events={
            "dog barking": (clip("dog barking", 300, 1.5),),
            "siren": (clip("siren", 900, 3.0),),
            "car horn": (clip("car horn", 500, 1.0),),
        },
        bursts={"dog barking": (clip("dog barking", 300, 0.4, is_burst=True),)},
        backgrounds=tuple(backgrounds),
    )


def scene(*events, countable=(), background=""):
    return Scene(
        waveform=silence(10),
        events=tuple(Event(*event) for event in events),
        countable=frozenset(countable),
        background=background,
        scene=None,
    )


def answers(made, **wanted):
    known = ["dog barking", "siren", "car horn", "rain"]
    asked = write_questions(made, known=known, rng=random.Random(1))
    return {a.answer for a in asked if a.kind == wanted["kind"]}


def test_loud_part_drops_the_quiet_ends():
    waveform = np.concatenate([silence(1.0), tone(0.5), silence(2.0)])

    part = loud_part(waveform)

    assert len(part) == pytest.approx(0.5 * SAMPLE_RATE, abs=800)


def test_a_silent_recording_has_no_loud_part_and_no_burst():
    assert loud_part(silence(2.0)) is None
    assert single_burst(silence(2.0)) is None


def test_loud_part_is_at_most_as_long_as_asked():
    assert len(loud_part(tone(9.0), max_seconds=4.0)) == 4 * SAMPLE_RATE


def test_a_single_burst_is_one_of_two():
    waveform = np.concatenate(
        [silence(0.5), tone(0.3), silence(0.5), tone(0.2, level=0.1), silence(0.5)]
    )

    burst = single_burst(waveform)

    assert len(burst) == pytest.approx(0.3 * SAMPLE_RATE, abs=1700)


def test_a_steady_sound_is_no_burst():
    assert single_burst(tone(4.0)) is None


def test_the_same_seed_gives_the_same_scene():
    first, second = compose_scene(library(), seed=7), compose_scene(library(), seed=7)

    assert first.events == second.events
    np.testing.assert_array_equal(first.waveform, second.waveform)


@pytest.mark.parametrize("seed", range(40))
def test_every_scene_lasts_five_to_fifteen_seconds_and_holds_its_events(seed):
    made = compose_scene(library(), seed=seed)

    assert 5.0 <= made.duration_s <= 15.0
    assert np.abs(made.waveform).max() <= 0.95 + 1e-6
    assert 1 <= len(made.events) <= 6
    starts = [event.start_s for event in made.events]
    assert starts == sorted(starts)
    assert all(0 <= e.start_s < e.end_s <= made.duration_s + 0.01 for e in made.events)


@pytest.mark.parametrize("seed", range(15))
def test_samples_are_loud_where_the_timeline_says_so(seed):
    made = compose_scene(library(), seed=seed)
    is_event = np.zeros(len(made.waveform), dtype=bool)
    for event in made.events:
        is_event[int(event.start_s * SAMPLE_RATE) : int(event.end_s * SAMPLE_RATE)] = True
    power = made.waveform.astype(np.float64) ** 2

    assert power[is_event].mean() > 100 * power[~is_event].mean()


def test_a_background_carries_no_event_that_sounds_like_it():
    street = Background(sound="traffic", waveform=tone(10.0, hertz=100, level=0.05))

    heard = set()
    for seed in range(30):
        made = compose_scene(library(backgrounds=[street]), seed=seed)
        if made.background == "traffic":
            heard |= set(made.labels)

    assert heard == {"dog barking"}
    assert {"siren", "car horn"} <= confusable_with("traffic")


def test_a_library_without_events_is_refused():
    with pytest.raises(DataError, match="no event clips"):
        SceneLibrary(events={}, bursts={}, backgrounds=())


def test_questions_follow_the_times():
    made = scene(("dog barking", 1.0, 2.0), ("siren", 3.0, 5.0))

    assert answers(made, kind="first") == {"dog barking"}
    assert answers(made, kind="last") == {"siren"}
    assert answers(made, kind="order") <= {"before", "after", "dog barking"}
    assert answers(made, kind="presence") == {"yes", "no"}


@pytest.mark.parametrize("count", [1, 3, 5])
def test_bursts_are_counted(count):
    events = [("dog barking", float(i), i + 0.4) for i in range(count)]
    made = scene(*events, countable={"dog barking"})

    words = {1: "one", 3: "three", 5: "five"}
    assert answers(made, kind="count") == {words[count]}
    assert times(count) in ("once", "three times", "five times")


def test_starts_too_close_together_are_not_asked_about():
    made = scene(("dog barking", 1.0, 2.0), ("siren", 1.2, 5.0))

    assert answers(made, kind="first") == set()
    assert answers(made, kind="order") == set()


def test_no_question_asks_for_a_sound_that_the_background_resembles():
    made = scene(("dog barking", 1.0, 2.0), background="rain")
    known = ["sea waves", "rain", "siren"]

    asked = write_questions(made, known=known, rng=random.Random(0))

    absent = [a.sentence for a in asked if a.answer == "no"]
    assert absent == ["No, there is no sound of a siren wailing."]


@pytest.mark.parametrize("seed", range(20))
def test_every_caption_names_every_event(seed):
    made = compose_scene(library(), seed=seed)

    captions = write_captions(made, rng=random.Random(seed))

    assert len(captions) == 3
    for caption in captions:
        assert caption[0].isupper()
        assert caption.endswith(".")
        assert all(is_mentioned(label, caption) for label in made.labels)


def test_order_is_told_with_the_right_articles():
    made = scene(("dog barking", 1.0, 2.0), ("children playing", 3.0, 5.0))

    asked = write_questions(made, known=[], rng=random.Random(3))

    [order] = [a for a in asked if a.answer in ("before", "after")]
    assert order.question in (
        "Does the dog bark before or after the children play?",
        "Do the children play before or after the dog barks?",
    )


def test_a_sound_without_a_phrase_is_still_said():
    assert sound_phrase("theremin").noun == "the sound of theremin starting"
