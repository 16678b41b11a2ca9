"""The encoder: Whisper's numbers, a batch that equals one by one, and lengths that fit."""

import numpy as np
import pytest
import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from qwen_audio.audio.lengths import SAMPLE_RATE, audio_tokens, mel_frames
from qwen_audio.checkpoints.families import encoder_tensors_from_whisper
from qwen_audio.errors import AudioError, ConfigError
from qwen_audio.model.configuration import QwenAudioEncoderConfig
from qwen_audio.model.encoder import QwenAudioEncoder, sinusoids
from qwen_audio.model.features import pad_mels, prompt_mels

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def encoder(**changes):
    torch.manual_seed(0)
    return QwenAudioEncoder(QwenAudioEncoderConfig(**SMALL, **changes)).eval()


def noise(seconds, seed):
    return np.random.default_rng(seed).normal(size=int(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize("pool", [1, 2, 4])
def test_stacked_frames_are_whispers_own(pool):
    config = WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=64
    )
    torch.manual_seed(1)
    whisper = WhisperEncoder(config).eval()
    ours = encoder(pool=pool, pooling="stack")
    theirs = ((f"encoder.{name}", tensor) for name, tensor in whisper.state_dict().items())
    ours.load_state_dict(dict(encoder_tensors_from_whisper(theirs)))
    mel = torch.randn(2, 80, 3000)

    with torch.no_grad():
        expected = whisper(mel).last_hidden_state.reshape(2, 1500 // pool, 16 * pool)
        found = ours(mel)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_positions_are_whispers():
    whisper = WhisperEncoder(WhisperConfig(d_model=16, encoder_layers=1, encoder_attention_heads=2))

    torch.testing.assert_close(
        sinusoids(1500, 16), whisper.embed_positions.weight.data, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("pooling", ["mean", "stack"])
def test_a_batch_of_clips_equals_each_clip_alone(pooling):
    model = encoder(pooling=pooling)
    clips = [noise(seconds, seed) for seed, seconds in enumerate([0.35, 1.0, 2.03])]
    mels = [prompt_mels([clip], num_mel_bins=80)[0] for clip in clips]

    with torch.no_grad():
        features, mask = pad_mels(mels)
        together = model(features, mask)
        counts = model.num_tokens(mask)
        alone = [model(*pad_mels([mel])) for mel in mels]

    for row, (count, clip) in enumerate(zip(counts.tolist(), clips, strict=True)):
        assert count == audio_tokens(mel_frames(len(clip)))
        torch.testing.assert_close(together[row, :count], alone[row][0], atol=1e-5, rtol=1e-4)


def test_clips_of_one_prompt_see_what_padding_gives_at_their_end():
    short, long = noise(0.5, 0), noise(1.0, 1)

    (edge, count), (whole, _) = prompt_mels([short, long], num_mel_bins=80)

    assert edge.shape[1] == count + 1
    assert whole.shape[1] == 100
    assert edge[:, count].abs().sum() > 0


def test_a_clip_past_the_positions_is_refused():
    model = encoder(max_position_embeddings=10)

    with pytest.raises(AudioError, match=r"12 encoder frames .* positions for 10"):
        model(torch.zeros(1, 80, 24))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 15}, "width 15 is not a multiple of its 2 heads"),
        ({"pooling": "max"}, "pooling is 'max'; use one of mean, stack"),
    ],
)
def test_sizes_that_do_not_fit_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        QwenAudioEncoderConfig(**(SMALL | change))
