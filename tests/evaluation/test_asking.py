"""Asking in batches: the same answers as one at a time, and transcripts that come to an end."""

import numpy as np
import pytest
import soundfile

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.data.manifest import AudioReference
from qwen_audio.evaluation.asking import batches, replier
from qwen_audio.evaluation.records import Question
from qwen_audio.inference.answers import QwenAudio
from qwen_audio.inference.limits import most_tokens
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.tokenizers import token_id

TAGS = "<|startoftranscript|><|en|><|transcribe|><|en|><|notimestamps|><|wo_itn|>"


@pytest.fixture
def questions(tmp_path):
    """Give questions about clips of several lengths, in no order."""
    made = []
    for number, seconds in enumerate((0.9, 0.3, 1.4, 0.5, 0.3)):
        noise = np.random.default_rng(number).normal(0, 0.2, int(seconds * SAMPLE_RATE))
        soundfile.write(tmp_path / f"{number}.wav", noise, SAMPLE_RATE)
        made.append(
            Question(
                ability="english",
                key=str(number),
                dataset="d",
                part="d",
                task="ASR",
                audio=AudioReference(path=tmp_path / f"{number}.wav"),
                duration_s=seconds,
                tags=TAGS,
                reference="x",
                language="en",
                max_new_tokens=most_tokens(seconds, "en"),
            )
        )
    return made


@pytest.fixture
def real(tiny, tokenizer):
    """Give a tiny network with random weights that says what it computes."""
    model = tiny(text={"vocab_size": len(tokenizer)})
    model.config.audio_token_id = token_id(tokenizer, vocab.AUDIO_PAD)
    model.config.audio_begin_id = token_id(tokenizer, vocab.AUDIO_BEGIN)
    model.config.audio_end_id = token_id(tokenizer, vocab.AUDIO_END)
    return QwenAudio(model, QwenAudioProcessor.for_model(model.config, tokenizer))


def test_a_batch_is_answered_as_one_at_a_time(real, questions):
    reply = replier(real)
    alone = {question.key: reply([question])[0] for question in questions}

    together = {}
    for group in batches(questions, 3):
        together |= dict(zip((q.key for q in group), reply(group), strict=True))

    assert together == alone
    assert len(set(alone.values())) > 1


def test_a_transcript_is_what_transcribe_gives_of_the_clip(real, questions):
    for question in questions[:2]:
        said = real.transcribe(question.audio.load(), language="en")

        decoded = real.processor.tokenizer.decode(list(said.ids), skip_special_tokens=False)
        assert replier(real)([question]) == [decoded]


def test_a_loop_in_a_transcript_is_counted_once_and_in_other_replies_not_at_all(parrot, questions):
    model = parrot(lambda _prompt: "so. " + "la " * 30)
    (first, *_) = questions

    (reply,) = replier(model)([first])
    (other,) = replier(model)([replace_task(first, "SEC")])

    assert reply == "so. la"
    assert len(other) == first.max_new_tokens


def replace_task(question, task):
    return Question(**{name: getattr(question, name) for name in vars(question)} | {"task": task})
