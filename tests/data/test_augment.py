"""Sound on the training device: gathered exactly, varied within limits, masked where it is real."""

import pytest
import torch

from qwen_audio.data.augment import (
    Masking,
    Variation,
    gather_clips,
    mask_mel,
    mask_tokens,
    vary,
)
from qwen_audio.data.batches import Example, Piece, PlannedClip, collate

STILL = Variation(noise_share=0.0, room_share=0.0, band_share=0.0, gain_db=0.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch_of(*clips):
    return collate([Example(key=str(n), task="x", clips=(clip,)) for n, clip in enumerate(clips)])


@pytest.fixture
def samples():
    """Give stored samples: one slow sine."""
    wave = torch.sin(torch.arange(40_000) * 0.02) * 16_000
    return wave.to(torch.int16)


def test_at_its_own_speed_a_clip_is_exactly_what_is_stored(samples):
    batch = batch_of(PlannedClip(pieces=(Piece(start=500, num_samples=3000),)))

    (clip,) = gather_clips(samples, batch)

    assert torch.equal(clip, samples[500:3500].float() / 32768)


def test_twice_as_fast_is_every_second_sample(samples):
    batch = batch_of(PlannedClip(pieces=(Piece(start=0, num_samples=4000, speed=2.0),)))

    (clip,) = gather_clips(samples, batch)

    assert torch.equal(clip, samples[:4000:2].float() / 32768)


def test_another_speed_is_close_to_the_true_curve(samples):
    batch = batch_of(PlannedClip(pieces=(Piece(start=0, num_samples=30_000, speed=1.1),)))

    (clip,) = gather_clips(samples, batch)

    true = torch.sin(torch.arange(len(clip)) * 1.1 * 0.02) * 16_000 / 32768
    assert (clip - true).abs().max() < 1e-3


def test_gaps_and_padding_are_silent(samples):
    joined = PlannedClip(
        pieces=(Piece(start=10, num_samples=100), Piece(start=300, num_samples=100, gap=40))
    )
    short = PlannedClip(pieces=(Piece(start=10, num_samples=50),))

    long_row, short_row = gather_clips(samples, batch_of(joined, short))

    assert not long_row[100:140].any()
    assert torch.equal(long_row[140:], samples[300:400].float() / 32768)
    assert not short_row[50:].any()


def test_without_shares_nothing_varies():
    waves = torch.rand(3, 2000, generator=generator()) - 0.5
    lengths = torch.tensor([2000, 1500, 0])
    inside = torch.arange(2000) < lengths[:, None]

    same = vary(
        waves * inside,
        lengths,
        is_speech=torch.ones(3, dtype=torch.bool),
        variation=STILL,
        generator=generator(),
    )

    assert torch.allclose(same, waves * inside, atol=1e-5)


def test_noise_is_as_loud_as_asked_and_never_in_the_padding():
    lengths = torch.tensor([16_000, 8_000])
    waves = torch.sin(torch.arange(16_000) * 0.1).repeat(2, 1) * 0.2
    waves[1, 8000:] = 0
    level = Variation(
        noise_share=1.0,
        snr_min_db=10.0,
        snr_max_db=10.0,
        room_share=0.0,
        band_share=0.0,
        gain_db=0.0,
    )

    heard = vary(
        waves,
        lengths,
        is_speech=torch.zeros(2, dtype=torch.bool),
        variation=level,
        generator=generator(),
    )

    assert not heard[1, 8000:].any()
    for row, length in enumerate(lengths.tolist()):
        noise = (heard - waves)[row, :length].square().mean()
        snr_db = 10 * torch.log10(waves[row, :length].square().mean() / noise)
        assert snr_db == pytest.approx(10.0, abs=0.5)


def test_the_generator_decides_everything():
    waves = torch.rand(4, 3000, generator=generator()) - 0.5
    known = {
        "is_speech": torch.tensor([True, False, True, False]),
        "variation": Variation(noise_share=1.0, room_share=1.0, band_share=1.0),
    }
    lengths = torch.full((4,), 3000)

    one, same, other = (vary(waves, lengths, generator=generator(s), **known) for s in (1, 1, 2))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.abs().max() <= 1


def test_a_mask_hides_one_band_and_one_stretch_of_what_is_real():
    mel = torch.rand(16, 80, 300, generator=generator())
    is_real = torch.arange(300) < torch.linspace(50, 300, 16)[:, None]
    masking = Masking(mask_bins=27, mask_frames=100, mask_share=0.2)

    masked = mask_mel(mel, is_real, masking=masking, generator=generator())

    changed = masked != mel
    assert not (changed & ~is_real[:, None]).any()
    for clip, real in zip(changed, is_real, strict=True):
        length = int(real.sum())
        frames = clip[:, :length].all(dim=0)
        bins = clip[:, :length].all(dim=1)
        assert int(frames.sum()) <= 0.2 * length + 1
        assert int(bins.sum()) <= 28
    assert torch.equal(
        mask_mel(mel, is_real, masking=Masking(mask_bins=0, mask_frames=0), generator=generator()),
        mel,
    )


def test_hidden_tokens_are_zero_and_the_rest_is_as_it_was():
    tokens = torch.rand(500, 8, generator=generator()) + 0.1
    masking = Masking(mask_frames=100)

    masked = mask_tokens(tokens, masking=masking, pool=2, generator=generator())

    hidden = (masked == 0).all(dim=1)
    assert 0.05 < float(hidden.float().mean()) < 0.5
    assert torch.equal(masked[~hidden], tokens[~hidden])
    off = Masking(mask_share=0.0)
    assert torch.equal(mask_tokens(tokens, masking=off, pool=2, generator=generator()), tokens)
