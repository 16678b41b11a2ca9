"""Sound on the training device: gather stored clips at any speed, then room, noise, band and gain.

Speed belongs to the plan of an example (times in its target depend on it); all else is drawn here,
for the whole batch at once, from a generator that the step seeds.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Int16
from torch import Tensor

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.batches import Batch

_ROOM_SAMPLES = SAMPLE_RATE // 2
_QUIET = 1e-4  # root mean square under which a clip gets no louder noise than this allows


@dataclass(frozen=True, kw_only=True)
class Variation:
    """How much clips vary; shares are probabilities, drawn per clip."""

    noise_share: float = 0.5
    snr_min_db: float = 5.0
    snr_max_db: float = 30.0
    room_share: float = 0.25
    band_share: float = 0.15
    gain_db: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Masking:
    """SpecAugment: one band of bins, one stretch of frames, and a warp of time (0: none)."""

    mask_bins: int = 27
    mask_frames: int = 100
    mask_share: float = 0.2
    time_warp: int = 0


def gather_clips(samples: Int16[Tensor, " stored"], batch: Batch) -> Float[Tensor, "clips width"]:
    """Return the batch's waveforms, each piece resampled to its speed by cubic interpolation.

    `samples` may lie on another device than the batch; the result is on the batch's.
    """
    clips, device = len(batch.num_samples), batch.num_samples.device
    here = samples.device
    length = batch.piece_length.to(here)
    total = int(length.sum())
    out = torch.zeros(clips * batch.width, device=device)
    if not total:
        return out.view(clips, batch.width)
    piece = torch.repeat_interleave(torch.arange(len(length), device=here), length)
    place = torch.arange(total, device=here) - (length.cumsum(0) - length)[piece]
    exact = place * batch.piece_speed.to(here)[piece]
    left = exact.long()
    last = (batch.piece_available.to(here) - 1)[piece]
    source = batch.piece_source.to(here)[piece]
    around = [
        samples[source + (left + step).clamp(min=0).minimum(last)].float() for step in (-1, 0, 1, 2)
    ]
    played = _cubic(around, (exact - left).float()) / 32768
    target = batch.piece_target.to(here)[piece] + place
    out = out.index_copy(0, target.to(device), played.to(device))
    return out.view(clips, batch.width)


def _cubic(around: list[Tensor], fraction: Tensor) -> Tensor:
    """Return the Catmull-Rom curve through four neighbouring samples; exact at fraction 0."""
    before, left, right, after = around
    slope = (right - before) / 2
    next_slope = (after - left) / 2
    bend = 3 * (right - left) - 2 * slope - next_slope
    twist = slope + next_slope - 2 * (right - left)
    return left + fraction * (slope + fraction * (bend + fraction * twist))


def vary(
    waveforms: Float[Tensor, "clips samples"],
    num_samples: Int[Tensor, " clips"],
    *,
    is_speech: Bool[Tensor, " clips"],
    variation: Variation,
    generator: torch.Generator,
) -> Float[Tensor, "clips samples"]:
    """Return the clips in other rooms, through other microphones, with noise, louder or softer.

    Other clips of the batch are mixed in as noise for speech only, where a second sound changes
    no label; every clip may get coloured noise.
    """
    clips, width = waveforms.shape
    if not clips or not width:
        return waveforms
    inside = torch.arange(width, device=waveforms.device) < num_samples[:, None]
    x = _filter(waveforms, variation, generator)
    x = x + _noise(x, inside, is_speech, variation, generator)
    loudness = (2 * _uniform(generator, clips) - 1) * variation.gain_db
    x = x * 10 ** (loudness / 20)[:, None]
    return x.clamp(-1, 1).masked_fill(~inside, 0.0)


def _filter(x: Tensor, variation: Variation, generator: torch.Generator) -> Tensor:
    """Apply a decaying-noise room and a band limit, each to its share of the clips."""
    clips, width = x.shape
    size = _fast_size(width + _ROOM_SAMPLES)
    has_room = _uniform(generator, clips) < variation.room_share
    has_band = _uniform(generator, clips) < variation.band_share
    room = _rooms(clips, has_room, generator)  # (clips, room)
    response = torch.fft.rfft(room, size)
    hertz = torch.linspace(0, SAMPLE_RATE / 2, response.shape[1], device=x.device)
    highest = torch.where(has_band, 2500 + 4500 * _uniform(generator, clips), 8000.0)
    lowest = torch.where(has_band, 300 * _uniform(generator, clips), 0.0)
    band = torch.sigmoid((highest[:, None] - hertz) / 100)  # soft edges: no ringing
    band = torch.where(has_band[:, None], band * torch.sigmoid((hertz - lowest[:, None]) / 20), 1.0)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response * band, size)[:, :width]


def _rooms(clips: int, has_room: Tensor, generator: torch.Generator) -> Float[Tensor, "clips room"]:
    """Return impulse responses: the direct sound, then noise that decays within 0.1 to 0.7 s."""
    device = generator.device
    time = torch.arange(_ROOM_SAMPLES, device=device) / SAMPLE_RATE
    decay_s = 0.1 + 0.6 * _uniform(generator, clips)
    tail = torch.randn((clips, _ROOM_SAMPLES), generator=generator, device=device)
    tail = tail * torch.exp(-6.9 * time / decay_s[:, None])  # -60 dB at decay_s
    tail[:, : SAMPLE_RATE // 500] = 0.0  # the first reflections come after 2 ms
    energy = tail.square().sum(dim=1, keepdim=True).sqrt()
    wet = has_room * (0.2 + 0.7 * _uniform(generator, clips))
    tail = tail / energy * wet[:, None]
    tail[:, 0] = 1.0
    return tail / (1 + wet.square()).sqrt()[:, None]


def _noise(
    x: Tensor, inside: Tensor, is_speech: Tensor, variation: Variation, generator: torch.Generator
) -> Tensor:
    """Return noise at a random level below each clip: coloured, or another clip of the batch."""
    clips, width = x.shape
    other = x.roll(1, dims=0).flip(dims=(1,))  # backwards: babble whose words cannot be learnt
    takes_other = is_speech & (_uniform(generator, clips) < 0.4)
    noise = torch.where(takes_other[:, None], other, _coloured(clips, width, generator))
    level = 10 ** (-_between(generator, clips, variation.snr_min_db, variation.snr_max_db) / 20)
    has_noise = _uniform(generator, clips) < variation.noise_share
    gain = _rms(x, inside).clamp(min=_QUIET) / _rms(noise, inside).clamp(min=_QUIET) * level
    return noise * (gain * has_noise)[:, None]


def _coloured(clips: int, width: int, generator: torch.Generator) -> Float[Tensor, "clips width"]:
    """Return noise whose power falls by 0 to 6 dB an octave (white to brown)."""
    size = _fast_size(width)
    white = torch.randn((clips, size), generator=generator, device=generator.device)
    spectrum = torch.fft.rfft(white)
    slope = _uniform(generator, clips)[:, None]
    bins = torch.arange(1, spectrum.shape[1] + 1, device=generator.device)
    return torch.fft.irfft(spectrum * (bins / 100).clamp(min=0.5) ** -slope, size)[:, :width]


def _rms(x: Tensor, inside: Tensor) -> Float[Tensor, " clips"]:
    power = (x.square() * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)
    return power.sqrt()


def mask_mel(
    mel: Float[Tensor, "clips bins frames"],
    is_real: Bool[Tensor, "clips frames"],
    *,
    masking: Masking,
    generator: torch.Generator,
) -> Float[Tensor, "clips bins frames"]:
    """Return log-mel frames with SpecAugment; what is hidden becomes the clip's mean."""
    clips, bins, frames = mel.shape
    if not clips or not frames:
        return mel
    if masking.time_warp:
        mel = _warp(mel, is_real, masking.time_warp, generator)
    lengths = is_real.sum(dim=1)
    mean = mel.sum(dim=(1, 2)) / (lengths * bins).clamp(min=1)
    widest = (lengths * masking.mask_share).clamp(max=masking.mask_frames)
    hidden_frames = _stretch(lengths.float(), widest, frames, generator)
    all_bins = torch.full_like(widest, bins)
    hidden_bins = _stretch(all_bins, torch.full_like(widest, masking.mask_bins), bins, generator)
    hidden = hidden_frames[:, None, :] | hidden_bins[:, :, None]
    return torch.where(hidden & is_real[:, None, :], mean[:, None, None], mel)


def mask_tokens(
    tokens: Float[Tensor, "tokens width"],
    *,
    masking: Masking,
    pool: int,
    generator: torch.Generator,
) -> Float[Tensor, "tokens width"]:
    """Return encoded clips, one after the other, with short stretches of time set to zero.

    SpecAugment behind a frozen encoder: on average one stretch in `mask_frames` log-mel frames,
    up to half of that long; one may cover the end of a clip and the start of the next.
    """
    every = max(1, masking.mask_frames // (2 * pool))  # two log-mel frames make an encoder frame
    total = len(tokens)
    if not masking.mask_share or total < every:
        return tokens
    count = total // every
    start = _uniform(generator, count) * total
    end = start + _uniform(generator, count) * max(1, every / 2)
    place = torch.arange(total, device=tokens.device)
    hidden = (place >= start[:, None]) & (place < end[:, None])
    return tokens.masked_fill(hidden.any(dim=0)[:, None], 0.0)


def _stretch(
    lengths: Tensor, widest: Tensor, size: int, generator: torch.Generator
) -> Bool[Tensor, "clips size"]:
    """Return one random stretch a clip, up to `widest` long, within its `lengths`."""
    width = _uniform(generator, len(lengths)) * widest
    start = _uniform(generator, len(lengths)) * (lengths - width).clamp(min=0)
    place = torch.arange(size, device=generator.device)
    return (place >= start[:, None]) & (place < (start + width)[:, None])


def _warp(mel: Tensor, is_real: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Move one random frame of each clip by up to `most` frames and stretch both sides to fit."""
    clips, _, frames = mel.shape
    lengths = is_real.sum(dim=1).clamp(min=2).float()
    reach = (lengths / 4).clamp(max=most)
    pivot = reach + _uniform(generator, clips) * (lengths - 2 * reach)
    moved = pivot + (2 * _uniform(generator, clips) - 1) * reach * 0.9
    place = torch.arange(frames, device=mel.device).float()[None]
    before = place * (pivot / moved.clamp(min=1))[:, None]
    rest = ((lengths - pivot) / (lengths - moved).clamp(min=1))[:, None]
    after = pivot[:, None] + (place - moved[:, None]) * rest
    source = torch.where(place < moved[:, None], before, after)
    source = torch.minimum(source.clamp(min=0), lengths[:, None] - 1)
    source = torch.where(is_real, source, place)
    left = source.long().clamp(max=frames - 1)
    right = torch.minimum(left + 1, torch.full_like(left, frames - 1))
    fraction = (source - left)[:, None]
    index = left[:, None].expand_as(mel), right[:, None].expand_as(mel)
    return mel.gather(2, index[0]) * (1 - fraction) + mel.gather(2, index[1]) * fraction


def _fast_size(size: int) -> int:
    """Return the next size whose Fourier transform is fast: a multiple of 1024."""
    return -(-size // 1024) * 1024


def _uniform(generator: torch.Generator, clips: int) -> Float[Tensor, " clips"]:
    return torch.rand(clips, generator=generator, device=generator.device)


def _between(generator: torch.Generator, clips: int, low: float, high: float) -> Tensor:
    return low + (high - low) * _uniform(generator, clips)
