"""Our log-mel frames are Whisper's, without the 30 s of silence."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from qwen_audio.audio import MAX_SAMPLES, conv_frames, log_mel, log_mel_batch, mel, mel_frames

RELEASED = Path(__file__).parents[3] / "shared/fixtures/released_format"


def chirp(num_samples: int, *, seed: int = 0, gain: float = 0.5) -> np.ndarray:
    """A rising tone in a little noise, loudest at its end, where padding would show."""
    noise = np.random.default_rng(seed).normal(0.0, 0.02, num_samples)
    time = np.arange(num_samples) / 16_000
    swell = np.linspace(0.1, 1.0, num_samples)
    return (gain * swell * np.sin(2 * np.pi * (200 + 700 * time) * time) + noise).astype(np.float32)


def whisper_mel(waveform: np.ndarray, num_mel_bins: int) -> torch.Tensor:
    extractor = WhisperFeatureExtractor(feature_size=num_mel_bins)
    features = extractor(waveform, sampling_rate=16_000, return_tensors="pt").input_features[0]
    return features[:, : 2 * conv_frames(mel_frames(len(waveform)))]


@pytest.mark.parametrize("num_mel_bins", [80, 128])
@pytest.mark.parametrize("num_samples", [480, 16_000, 33_333, 479_641, 479_999, 480_000, 500_000])
def test_numbers_equal_whispers(num_samples: int, num_mel_bins: int) -> None:
    waveform = chirp(num_samples)

    ours = log_mel(waveform, num_mel_bins=num_mel_bins)

    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, whisper_mel(waveform, num_mel_bins), atol=1e-5, rtol=0)


@pytest.mark.parametrize("end", range(1600, 1600 + 320, 23))
def test_every_remainder_of_a_hop_equals_whispers(end: int) -> None:
    waveform = chirp(end)

    torch.testing.assert_close(log_mel(waveform), whisper_mel(waveform, 80), atol=1e-5, rtol=0)


def test_silence_equals_whispers() -> None:
    waveform = np.zeros(5_000, np.float32)

    torch.testing.assert_close(log_mel(waveform), whisper_mel(waveform, 80), atol=1e-5, rtol=0)


@pytest.mark.parametrize("num_mel_bins", [80, 128])
def test_filterbank_equals_slaneys(num_mel_bins: int) -> None:
    theirs = mel_filter_bank(201, num_mel_bins, 0.0, 8000.0, 16_000, "slaney", "slaney").T

    ours = mel._filterbank(num_mel_bins, torch.device("cpu")).numpy()

    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 24_000), min_size=1, max_size=5), st.sampled_from([80, 128]))
def test_a_batch_equals_its_clips_one_by_one(lengths: list[int], num_mel_bins: int) -> None:
    clips = [chirp(n, seed=n, gain=0.1 + n / 30_000) for n in lengths]
    waveforms = torch.full((len(clips), max(lengths)), 7.0)  # what lies past a clip is ignored
    for row, clip in zip(waveforms, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)

    together, is_real = log_mel_batch(waveforms, torch.tensor(lengths), num_mel_bins=num_mel_bins)

    for row, mask, clip in zip(together, is_real, clips, strict=True):
        alone = log_mel(clip, num_mel_bins=num_mel_bins)
        assert mask.sum() == alone.shape[1]
        torch.testing.assert_close(row[:, mask], alone, atol=1e-6, rtol=0)
        assert not row[:, ~mask].any()


def test_a_short_clip_beside_a_long_one_keeps_its_numbers() -> None:
    short, long = chirp(20_001), chirp(MAX_SAMPLES + 9)
    waveforms = torch.zeros(2, len(long))
    waveforms[0, : len(short)] = torch.from_numpy(short)
    waveforms[1] = torch.from_numpy(long)

    together, is_real = log_mel_batch(waveforms, torch.tensor([len(short), len(long)]))

    assert is_real.sum(dim=1).tolist() == [126, 3000]
    torch.testing.assert_close(together[0, :, :126], log_mel(short), atol=1e-6, rtol=0)
    torch.testing.assert_close(together[1], log_mel(long), atol=1e-6, rtol=0)


def test_a_short_clip_costs_no_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    stft = torch.stft
    monkeypatch.setattr(torch, "stft", lambda x, *a, **k: seen.append(x.shape) or stft(x, *a, **k))

    log_mel(chirp(16_000))

    assert seen == [(1, 16_480)]


def test_no_gradient_and_no_half_precision() -> None:
    waveform = torch.from_numpy(chirp(8_000))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = log_mel(waveform.clone().requires_grad_())

    assert not under_autocast.requires_grad
    torch.testing.assert_close(under_autocast, log_mel(waveform), atol=0, rtol=0)


def test_a_read_only_array_is_taken_without_a_warning() -> None:
    waveform = chirp(1_600)
    waveform.flags.writeable = False

    assert log_mel(waveform).shape == (80, 10)


@pytest.mark.skipif(not RELEASED.is_dir(), reason="the released-format fixtures are not here")
def test_the_originals_golden_numbers() -> None:
    golden = json.loads((RELEASED / "expected.json").read_text(encoding="utf-8"))["base"]
    waveform, _ = soundfile.read(RELEASED / "audio/speech_en.flac", dtype="float32")

    ours = log_mel(waveform)
    padded = log_mel(np.pad(waveform, (0, MAX_SAMPLES - len(waveform))))

    assert ours.shape[1] == 2 * golden["lens"][0][0]
    torch.testing.assert_close(ours, padded[:, : ours.shape[1]], atol=1e-6, rtol=0)
    sample = torch.tensor(golden["mel"]["sample"])
    torch.testing.assert_close(padded[::20, ::500], sample, atol=1e-5, rtol=0)
    assert padded.mean().item() == pytest.approx(golden["mel"]["mean"], abs=1e-6)
    assert padded.std().item() == pytest.approx(golden["mel"]["std"], abs=1e-6)
