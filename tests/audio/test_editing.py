"""Edits, sample by sample: what changes is as documented, what is outside stays bit by bit."""

import numpy as np
import pytest
import soundfile

from qwen_audio.audio import editing
from qwen_audio.audio.edits import KINDS, Edit, Edits
from qwen_audio.audio.sound import Sound, load_sound, save_sound
from qwen_audio.errors import AudioError

RATE = 8000
FADE = 40  # samples in 5 ms


def sound(seconds=1.0, *, channels=2, rate=RATE, seed=0):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-20_000, 20_000, (round(seconds * rate), channels))
    return Sound((whole / 32768).astype(np.float32), rate, "PCM_16")


def ones(count, channels=1):
    return Sound(np.ones((count, channels), np.float32), RATE)


def ramp(count):
    return ((np.arange(count) + 0.5) / count)[:, None]


def test_extract_keeps_exactly_the_stretch():
    whole = sound()

    part = editing.extract(whole, 0.25, 0.5).samples

    assert part.shape == (2000, 2)
    assert np.array_equal(part[FADE:-FADE], whole.samples[2000 + FADE : 4000 - FADE])
    np.testing.assert_allclose(part[:FADE], whole.samples[2000 : 2000 + FADE] * ramp(FADE), 1e-6)
    np.testing.assert_allclose(
        part[-FADE:], whole.samples[4000 - FADE : 4000] * ramp(FADE)[::-1], 1e-6
    )


def test_remove_takes_out_exactly_the_stretch_and_cross_fades():
    whole = sound().samples
    half = FADE // 2

    left = editing.remove(sound(), 0.25, 0.5).samples

    assert len(left) == 6000
    assert np.array_equal(left[: 2000 - half], whole[: 2000 - half])
    assert np.array_equal(left[2000 + half :], whole[4000 + half :])
    seam = whole[2000 - half : 2000 + half] * (1 - ramp(FADE)) + (
        whole[4000 - half : 4000 + half] * ramp(FADE)
    )
    np.testing.assert_allclose(left[2000 - half : 2000 + half], seam, atol=1e-7)


def test_removing_from_a_steady_sound_leaves_it_steady():
    left = editing.remove(ones(8000), 0.2, 0.7)

    np.testing.assert_allclose(left.samples, 1, atol=1e-6)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 0.5), (0.5, 1.0)])
def test_remove_works_at_the_ends(start_s, end_s):
    assert editing.remove(sound(), start_s, end_s).num_samples == 4000


def test_mute_is_silent_inside_and_untouched_outside():
    whole = sound().samples

    found = editing.mute(sound(), 0.25, 0.5).samples

    assert np.array_equal(found[:2000], whole[:2000])
    assert np.array_equal(found[4000:], whole[4000:])
    assert not found[2000 + FADE : 4000 - FADE].any()
    np.testing.assert_allclose(
        found[2000 : 2000 + FADE], whole[2000 : 2000 + FADE] * (1 - ramp(FADE)), atol=1e-7
    )


def test_beep_is_a_tone_of_a_thousand_hertz():
    whole = sound().samples

    found = editing.beep(sound(), 0.25, 0.75).samples

    assert np.array_equal(found[:2000], whole[:2000])
    assert np.array_equal(found[6000:], whole[6000:])
    inside = found[2000 + FADE : 6000 - FADE, 0]
    time_s = np.arange(FADE, 4000 - FADE) / RATE
    np.testing.assert_allclose(inside, 0.2 * np.sin(2 * np.pi * 1000 * time_s), atol=1e-6)


def test_fades_rise_and_fall_in_straight_lines():
    found = editing.fade(ones(800), in_s=0.01, out_s=0.02).samples

    np.testing.assert_allclose(found[:80], ramp(80), rtol=1e-6)
    np.testing.assert_allclose(found[-160:], ramp(160)[::-1], rtol=1e-6)
    assert (found[80:-160] == 1).all()


def test_the_halves_of_a_cut_join_to_the_sound():
    left, right = editing.cut(sound(), 0.3)

    assert left.num_samples == 2400
    assert np.array_equal(np.concatenate([left.samples, right.samples]), sound().samples)


def test_splice_overlaps_by_one_cross_fade():
    found = editing.splice(ones(800), ones(400)).samples

    assert len(found) == 1200 - FADE
    np.testing.assert_allclose(found, 1, atol=1e-6)


def test_insert_makes_room_for_exactly_the_other():
    whole = sound().samples

    found = editing.insert(sound(), ones(400, 2), at_s=0.5).samples

    assert len(found) == 8400
    assert np.array_equal(found[: 4000 - FADE], whole[: 4000 - FADE])
    assert np.array_equal(found[4400 + FADE :], whole[4000 + FADE :])
    assert (found[4000 + FADE : 4400 - FADE] == 1).all()
    np.testing.assert_allclose(found[4000 : 4000 + FADE, :1], ramp(FADE), rtol=1e-6)


def test_replace_takes_the_stretch_out_and_the_other_in():
    whole = sound().samples

    found = editing.replace(sound(), ones(100, 2), start_s=0.25, end_s=0.5).samples

    assert len(found) == 6100
    assert np.array_equal(found[: 2000 - FADE], whole[: 2000 - FADE])
    assert np.array_equal(found[2100 + FADE :], whole[4000 + FADE :])


def test_what_is_put_in_gets_the_rate_and_channels_of_the_sound():
    other = sound(0.5, channels=1, rate=16_000)

    assert editing.splice(sound(), other).samples.shape == (8000 + 4000 - FADE, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: editing.remove(s, 0.0, 1.0), "would leave no sound"),
        (lambda s: editing.remove(s, 0.5, 0.5), "holds no sample"),
        (lambda s: editing.mute(s, 0.5, 2.0), "outside the sound, which lasts 1 s"),
        (lambda s: editing.fade(s, in_s=2.0), "do not fit into 1 s"),
        (lambda s: editing.cut(s, 1.0), "nothing on one side"),
        (lambda _s: Edit(kind="louder"), "unknown edit 'louder'"),
        (lambda _s: Edit(kind="splice"), "splice needs another sound"),
        (lambda s: Edits(s).undo(), "no edit to take back"),
        (lambda s: Edits(s).redo(), "no edit to make again"),
        (lambda s: save_sound(s, "x.mp3"), "unknown ending '.mp3'"),
    ],
)
def test_what_cannot_be_done_is_said(make, message):
    with pytest.raises(AudioError, match=message):
        make(sound())


def test_undo_gives_back_every_version_and_redo_makes_it_again():
    edits = Edits(sound())
    versions = [edits.sound]
    for step in (
        [Edit(kind="remove", start_s=0.1, end_s=0.2)],
        [Edit(kind="mute", start_s=0.3, end_s=0.4), Edit(kind="beep", start_s=0.5, end_s=0.6)],
        [Edit(kind="fade in", end_s=0.1)],
        [Edit(kind="insert", start_s=0.2, other=sound(0.1))],
    ):
        versions.append(edits.apply(*step))

    for version in versions[-2::-1]:
        assert np.array_equal(edits.undo().samples, version.samples)
    for version in versions[1:]:
        assert np.array_equal(edits.redo().samples, version.samples)
    assert len(edits.done) == 4


def test_a_step_that_fails_changes_nothing():
    edits = Edits(sound())

    with pytest.raises(AudioError):
        edits.apply(Edit(kind="mute", start_s=0.1, end_s=0.2), Edit(kind="mute", end_s=9.0))

    assert edits.sound is edits.original
    assert edits.done == ()


def test_every_kind_of_edit_is_made_by_its_name():
    for kind in KINDS:
        other = sound(0.1) if kind in ("splice", "insert", "replace") else None
        changed = Edits(sound()).apply(Edit(kind=kind, start_s=0.1, end_s=0.2, other=other))
        assert changed.samples.shape[1] == 2


@pytest.mark.parametrize("ending", ["flac", "wav"])
@pytest.mark.parametrize("depth", ["PCM_16", "PCM_24"])
def test_what_was_not_edited_is_written_bit_by_bit(tmp_path, ending, depth):
    rng = np.random.default_rng(0)
    whole = rng.integers(-(1 << 31), 1 << 31, (4000, 2), dtype=np.int64).astype(np.int32)
    soundfile.write(tmp_path / f"a.{ending}", whole, 44_100, subtype=depth)

    edits = Edits(load_sound(tmp_path / f"a.{ending}"))
    edits.save(tmp_path / f"b.{ending}")

    before, after = (soundfile.read(tmp_path / f"{n}.{ending}", dtype="int32")[0] for n in "ab")
    assert np.array_equal(before, after)
    assert soundfile.info(tmp_path / f"b.{ending}").subtype == depth


def test_a_sound_becomes_what_the_model_hears():
    clip = sound(1.0, rate=48_000).as_clip()

    assert clip.num_samples == 16_000
