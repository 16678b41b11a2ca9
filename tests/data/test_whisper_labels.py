import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, WhisperConfig
from transformers import WhisperForConditionalGeneration as Whisper

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.mel import log_mel
from qwen_audio.audio.sources import Clip
from qwen_audio.data.whisper_labels import Listener, load_listener, time_words, transcribe
from qwen_audio.errors import DataError
from qwen_audio.text.vocab import tag

SPECIALS = ("endoftext", "startoftranscript", "en", "de", "transcribe", "notimestamps", "0.00")


def noise(seconds, seed=0):
    samples = np.random.default_rng(seed).normal(scale=0.1, size=int(seconds * SAMPLE_RATE))
    return Clip(samples.astype(np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Whisper with a byte-level tokenizer, saved as `fetch_whisper_base` saves one."""
    made = tmp_path_factory.mktemp("whisper")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([tag(name) for name in SPECIALS])
    ids = {name: core.token_to_id(tag(name)) for name in SPECIALS}
    end = ids["endoftext"]
    PreTrainedTokenizerFast(tokenizer_object=core, eos_token=tag("endoftext")).save_pretrained(made)
    config = WhisperConfig(
        vocab_size=core.get_vocab_size(),
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_source_positions=1500,
        max_target_positions=64,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=ids["startoftranscript"],
    )
    torch.manual_seed(0)
    model = Whisper(config)
    with torch.no_grad():
        for value in model.parameters():  # far enough from zero that clips differ
            value.normal_(std=0.3)
        model.model.decoder.embed_positions.weight.normal_(std=3.0)  # or one letter repeats
        for layer in model.model.decoder.layers:  # or what is heard does not matter
            layer.encoder_attn.out_proj.weight.normal_(std=1.0)
    model.generation_config = GenerationConfig(
        alignment_heads=[[0, 1], [1, 0]],
        suppress_tokens=[ids["startoftranscript"]],
        begin_suppress_tokens=[end],
        eos_token_id=end,
        lang_to_id={tag("en"): ids["en"], tag("de"): ids["de"]},
        no_timestamps_token_id=ids["notimestamps"],
    )
    model.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def listener(folder):
    return load_listener(folder)


def greedy_by_the_book(listener, clip):
    """Return the text by transformers' own forward pass over 30 s, without a cache."""
    samples = torch.zeros(30 * SAMPLE_RATE)
    samples[: clip.num_samples] = torch.from_numpy(clip.waveform)
    model, settings = listener.model, listener.model.generation_config
    prompt = listener.prompt("en")
    limit = min(16 + int(10 * clip.duration_s), 64 - len(prompt))
    ids = list(prompt)
    for step in range(limit):
        with torch.no_grad():
            inputs = torch.tensor([ids])
            out = model(input_features=log_mel(samples)[None], decoder_input_ids=inputs)
        logits = out.logits[0, -1]
        logits[settings.suppress_tokens] = -torch.inf
        logits[settings.no_timestamps_token_id :] = -torch.inf
        if step == 0:
            logits[settings.begin_suppress_tokens] = -torch.inf
        ids.append(int(logits.argmax()))
        if ids[-1] == settings.eos_token_id:
            break
    return listener.tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True).strip()


def test_the_text_is_that_of_transformers_on_thirty_seconds(listener):
    clip = noise(1.2)

    (text,) = transcribe(listener, [clip], language="en")

    assert len(set(text)) > 2  # a text, not one letter again and again
    assert text == greedy_by_the_book(listener, clip)


def test_clips_in_one_call_do_not_hear_each_other(listener):
    clips = [noise(1.0), Clip(np.sin(np.arange(16000) / 5).astype(np.float32))]

    together = transcribe(listener, clips, language="en")

    assert together[0] != together[1]
    assert together == tuple(transcribe(listener, [clip], language="en")[0] for clip in clips)


def test_less_context_hears_the_same_clip_with_less_silence(listener):
    short = transcribe(listener, [noise(1.0)], language="en", context_s=4)

    assert len(short) == 1


def test_every_word_gets_a_time_within_its_clip_in_order(listener):
    clips, texts = [noise(3.0), noise(1.5, seed=1)], ["one two, three!", "EIN Tag"]

    rows = time_words(listener, clips, texts, language="de")

    assert [[word.text for word in row] for row in rows] == [text.split() for text in texts]
    for clip, row in zip(clips, rows, strict=True):
        times = [stamp for word in row for stamp in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= clip.duration_s


def test_a_text_too_long_for_its_clip_gets_no_words(listener):
    rows = time_words(
        listener, [noise(0.2), noise(2.0)], ["far too many words", "a b"], language="en"
    )

    assert rows[0] == ()
    assert len(rows[1]) == 2


def test_a_text_without_words_gets_none(listener):
    assert time_words(listener, [noise(1.0)], [" "], language="en") == ((),)


def test_an_unknown_language_is_refused(listener):
    with pytest.raises(DataError, match="Whisper has no language 'xx'; use a code"):
        transcribe(listener, [noise(1.0)], language="xx")


def test_a_clip_longer_than_whisper_hears_is_refused(listener):
    with pytest.raises(DataError, match=r"lasts 31\.0 s, Whisper hears 30 s at once; cut it"):
        transcribe(listener, [noise(31.0)], language="en")


def test_the_listener_is_ready_to_be_asked(listener):
    assert isinstance(listener, Listener)
    assert not listener.model.training
