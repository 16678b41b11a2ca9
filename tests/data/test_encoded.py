"""Encoded clips: what is looked up is what the encoder gives, pieces and pauses in their places."""

import numpy as np
import pytest
import torch

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.batches import Example, Piece, PlannedClip, collate
from qwen_audio.data.encoded import EncodedClips, encode_clips, gather_encoded, open_encoded
from qwen_audio.data.memory import ClipStore, StoredClip
from qwen_audio.errors import DataError
from qwen_audio.model.configuration import QwenAudioEncoderConfig
from qwen_audio.model.encoder import QwenAudioEncoder


def store(*seconds):
    lengths = [int(s * SAMPLE_RATE) for s in seconds]
    samples = np.random.default_rng(0).integers(-3000, 3000, sum(lengths)).astype(np.int16)
    starts = np.cumsum([0, *lengths[:-1]])
    clips = tuple(
        StoredClip(key=str(i), start=int(start), num_samples=n, labels={})
        for i, (start, n) in enumerate(zip(starts, lengths, strict=True))
    )
    return ClipStore(samples=samples, clips=clips)


def encoder():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return QwenAudioEncoder(QwenAudioEncoderConfig(**sizes, pool=2, pooling="stack")).eval()


def planned(clips, *indices, gap=0):
    pieces = tuple(
        Piece(start=clips[i].start, num_samples=clips[i].num_samples, gap=gap * bool(n))
        for n, i in enumerate(indices)
    )
    return Example(key="x", task="ASR", clips=(PlannedClip(pieces=pieces),))


def test_a_clip_is_looked_up_as_the_encoder_gives_it(tmp_path):
    clips, model = store(0.5, 1.2, 0.8), encoder()

    encoded = encode_clips(model, clips, [0, 2, 1], tmp_path / "encoded")
    batch = collate([planned(clips.clips, 2), planned(clips.clips, 1)])
    tokens, counts = gather_encoded(encoded, batch)

    expected = [_alone(model, clips, index) for index in (2, 1)]
    assert counts.tolist() == [len(one) for one in expected]
    torch.testing.assert_close(tokens.float(), torch.cat(expected), atol=1e-2, rtol=1e-2)


def test_pieces_stand_behind_each_other_with_the_pause_filled():
    clips = store(0.4, 0.8)
    encoded = EncodedClips(
        tokens=np.arange(30, dtype=np.float16)[:, None],
        places={clips.clips[0].start: (0, 10), clips.clips[1].start: (10, 20)},
        pool=2,
    )
    batch = collate([planned(clips.clips, 0, 1, gap=int(0.2 * SAMPLE_RATE))])

    tokens, counts = gather_encoded(encoded, batch)

    assert counts.tolist() == [35]
    assert tokens[:, 0].tolist() == [*range(10), *[9] * 5, *range(10, 30)]


def test_tokens_of_another_width_are_refused(tmp_path):
    encode_clips(encoder(), store(0.5), [0], tmp_path / "encoded")

    with pytest.raises(DataError, match="tokens of width 7; encode the clips again"):
        open_encoded(tmp_path / "encoded", 7, 2)


def _alone(model, clips, index):
    from qwen_audio.audio.mel import log_mel

    with torch.inference_mode():
        return model(log_mel(clips.waveform(index))[None])[0]
