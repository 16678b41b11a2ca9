"""Rendered notes: what is written is what sounds."""

import shutil

import numpy as np
import pytest

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.synthesis import midi
from qwen_audio.data.synthesis.instruments import INSTRUMENTS, ORCHESTRAL, find_instrument
from qwen_audio.data.synthesis.midi import DRUMS, MidiNote, Piece, render, write_midi
from qwen_audio.data.synthesis.music import draft_loop, draft_melody
from qwen_audio.data.synthesis.notes import (
    CHORDS,
    PITCH_CLASSES,
    draft_chord,
    draft_interval,
    draft_note,
    draft_scale,
    measure_qualities,
    render_drafts,
)
from qwen_audio.data.synthesis.styles import STYLES
from qwen_audio.errors import DataError

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not any(path.exists() for path in midi.SOUND_FONTS),
    reason="FluidSynth or a sound font is not installed",
)
DRAFTS = (draft_note, draft_chord, draft_interval, draft_scale, draft_melody, draft_loop)


def note(**changes):
    fields = {"program": 0, "pitch": 69, "velocity": 100, "start_s": 0.1, "duration_s": 1.0}
    return MidiNote(**(fields | changes))


def tone(hertz, seconds, *, decay=0.0):
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.exp(-decay * at) * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def test_a_midi_file_has_one_track_and_both_ends_of_each_note():
    written = write_midi([Piece(notes=(note(), note(pitch=72, program=40)), duration_s=2.0)])

    assert written[:4] == b"MThd"
    assert written[14:18] == b"MTrk"
    assert written.endswith(b"\xff\x2f\x00")
    assert written.count(bytes([0x90, 69, 100])) == 1
    assert written.count(bytes([0x80, 69, 64])) == 1
    assert written.count(bytes([0x91, 72, 100])) == 1


def test_drums_play_on_the_tenth_channel():
    written = write_midi([Piece(notes=(note(program=DRUMS, pitch=36),), duration_s=2.0)])

    assert bytes([0x99, 36, 100]) in written


def test_a_note_outside_of_midi_is_refused():
    with pytest.raises(DataError, match="program 200 and pitch 69"):
        note(program=200)
    with pytest.raises(DataError, match="velocity 0"):
        note(velocity=0)


def test_sixteen_instruments_do_not_fit_in_a_piece():
    notes = tuple(note(program=program) for program in range(16))

    with pytest.raises(DataError, match="16 instruments"):
        write_midi([Piece(notes=notes, duration_s=2.0)])


def test_a_missing_fluidsynth_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(midi.shutil, "which", lambda _: None)

    with pytest.raises(DataError, match="install the Debian package fluidsynth"):
        render([Piece(notes=(note(),), duration_s=2.0)])


def test_a_missing_sound_font_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(midi, "SOUND_FONTS", ())

    with pytest.raises(DataError, match="fluid-soundfont-gm"):
        midi.find_sound_font()


def test_an_unknown_instrument_is_refused_with_the_closest():
    with pytest.raises(DataError, match="did you mean 'flute'"):
        find_instrument("flut")


def test_every_instrument_has_programs_and_a_range_of_notes():
    for instrument in INSTRUMENTS:
        assert instrument.programs
        assert 21 <= instrument.low < instrument.high <= 108
    assert len(ORCHESTRAL) == 16


@pytest.mark.parametrize("draw", DRAFTS)
def test_the_same_seed_gives_the_same_draft(draw):
    assert draw(seed=3) == draw(seed=3)
    assert draw(seed=3) != draw(seed=4)


@pytest.mark.parametrize("seed", range(40))
def test_a_note_is_in_the_range_of_its_instrument(seed):
    draft = draft_note(seed=seed)

    [name] = draft.labels.instrument
    [played] = draft.piece.notes
    assert find_instrument(name).low <= draft.labels.pitch <= find_instrument(name).high
    assert (played.pitch, played.velocity) == (draft.labels.pitch, draft.labels.velocity)
    assert 1.0 <= draft.piece.duration_s <= 4.0


@pytest.mark.parametrize("seed", range(30))
def test_a_chord_has_the_notes_of_its_name(seed):
    draft = draft_chord(seed=seed)

    root, quality = draft.labels.chord.split(" ", 1)
    wanted = {(PITCH_CLASSES.index(root) + step) % 12 for step in CHORDS[quality]}
    assert {played.pitch % 12 for played in draft.piece.notes} == wanted


@pytest.mark.parametrize("seed", range(30))
def test_an_interval_goes_where_its_answer_says(seed):
    draft = draft_interval(seed=seed)

    first, second = draft.piece.notes
    answers = {q.kind: q.answer for q in draft.labels.qa}
    if "direction" in answers:
        assert answers["direction"] == ("up" if second.pitch > first.pitch else "down")


@pytest.mark.parametrize("seed", range(30))
def test_a_loop_has_the_tempo_drums_and_players_of_its_labels(seed):
    draft = draft_loop(seed=seed)

    labels = draft.labels
    style = next(style for style in STYLES if style.name == labels.genre)
    assert style.tempo[0] <= labels.tempo <= style.tempo[1]
    assert "drums" in labels.instrument
    allowed = {p for n in labels.instrument if n != "drums" for p in find_instrument(n).programs}
    assert {n.program for n in draft.piece.notes} - {DRUMS} <= allowed
    ends = [n.start_s + n.duration_s for n in draft.piece.notes]
    assert max(ends) <= draft.piece.duration_s


@pytest.mark.parametrize("seed", range(30))
def test_a_melody_ends_on_the_tonic_of_its_key(seed):
    draft = draft_melody(seed=seed)

    lead = [n for n in draft.piece.notes if n.program == draft.piece.notes[0].program]
    assert PITCH_CLASSES[lead[-1].pitch % 12] == draft.labels.key.split()[0]
    assert draft.labels.instrument[0] in draft.labels.captions[0]


@pytest.mark.parametrize("draw", DRAFTS[1:])
def test_every_question_has_an_answer_in_a_sentence(draw):
    for seed in range(20):
        for question in draw(seed=seed).labels.qa:
            assert question.answer
            assert question.sentence.endswith(".")
            assert not question.sentence.startswith(" ")


def test_styles_have_bars_of_three_or_four_beats():
    for style in STYLES:
        assert {len(pattern) for pattern in style.drums.values()} == {style.beats * 4}


def test_a_low_sine_is_dark_and_a_high_one_bright():
    played = note(start_s=0.0, duration_s=0.5)

    assert "dark" in measure_qualities(tone(220, 1.0), note=played)
    assert "bright" in measure_qualities(tone(3000, 1.0), note=played)


def test_a_sound_that_dies_before_the_note_ends_decays_fast():
    heard = measure_qualities(tone(1000, 2.0, decay=6.0), note=note(start_s=0.0, duration_s=1.5))

    assert "fast decay" in heard
    assert "long release" not in heard


def test_a_sound_that_goes_on_after_the_note_has_a_long_release():
    heard = measure_qualities(tone(1000, 2.0, decay=0.5), note=note(start_s=0.0, duration_s=1.0))

    assert "long release" in heard


def test_silence_has_no_qualities():
    assert measure_qualities(np.zeros(SAMPLE_RATE, dtype=np.float32), note=note()) == ()


@needs_fluidsynth
@pytest.mark.slow
def test_a_rendered_a_is_440_hertz_and_starts_when_written():
    [waveform] = render([Piece(notes=(note(program=73),), duration_s=2.0)])

    spectrum = np.abs(np.fft.rfft(waveform[3200:16000] * np.hanning(12800), 65536))
    assert len(waveform) == 2 * SAMPLE_RATE
    assert spectrum.argmax() * SAMPLE_RATE / 65536 == pytest.approx(440, abs=4)
    assert np.abs(waveform[: int(0.09 * SAMPLE_RATE)]).max() < 0.01 * np.abs(waveform).max()


@needs_fluidsynth
@pytest.mark.slow
def test_pieces_rendered_together_do_not_run_into_one_another():
    drafts = [draft_note(seed=seed) for seed in range(8)]

    together = render_drafts(drafts)

    for draft, made in zip(drafts, together, strict=True):
        assert len(made.waveform) == round(draft.piece.duration_s * SAMPLE_RATE)
        start = int(draft.piece.notes[0].start_s * SAMPLE_RATE)
        assert np.abs(made.waveform[: max(start - 80, 1)]).max() < 0.002
        assert np.abs(made.waveform).max() > 0.003
