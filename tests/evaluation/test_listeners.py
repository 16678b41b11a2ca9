"""Who is asked: our models by tags and in words, a Whisper, a served model."""

import base64
import io
import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import openai
import pytest
import soundfile
import torch

from qwen_audio.audio.sources import Clip
from qwen_audio.data.manifest import AudioReference
from qwen_audio.errors import EvaluationError
from qwen_audio.evaluation.benchmarks.records import Sample
from qwen_audio.evaluation.benchmarks.registry import BENCHMARKS
from qwen_audio.evaluation.peers.judge import Judge
from qwen_audio.evaluation.peers.opening import open_peer
from qwen_audio.evaluation.peers.ours import OurListener, Qwen2Listener, listener_of
from qwen_audio.evaluation.peers.records import Asked, Listener, Said
from qwen_audio.evaluation.peers.served import Served
from qwen_audio.evaluation.peers.whisper import Whisper
from qwen_audio.inference.qwen2 import Qwen2Audio


def clip(seconds=0.3):
    return Clip(np.zeros(int(seconds * 16_000), dtype=np.float32))


def asked_of(name, *, tmp_path):
    audio = AudioReference(path=tmp_path / "a.wav")
    sample = Sample(key="a", audio=audio, references=("x",), language="en")
    return Asked(benchmark=BENCHMARKS[name], sample=sample, prompt="en transcribe")


def ask(listener, *names, tmp_path, **sample):
    """Put one sample of each benchmark to a listener, and return prompts and replies."""
    audio = AudioReference(path=tmp_path / "a.wav")
    made = Sample(key="a", audio=audio, references=("x",), language="en", target="de", **sample)
    asked = [
        Asked(benchmark=BENCHMARKS[n], sample=made, prompt=listener.prompt(BENCHMARKS[n], made))
        for n in names
    ]
    said = listener.answer(asked, [clip()] * len(asked))
    return [a.prompt for a in asked], [one.text for one in said]


def test_our_model_is_asked_by_tags_and_its_opening_is_part_of_the_reply(parrot, tmp_path):
    model = parrot(lambda prompt: "one<|0.40|>" if "<|timestamps|>" in prompt else "dog<|en|>")

    prompts, replies = ask(OurListener(model, "ours"), "srwt", "esc50", tmp_path=tmp_path)

    assert prompts[0] == ("<|startoftranscript|><|en|><|transcribe|><|en|><|timestamps|><|0.00|>")
    assert replies == ["<|0.00|>one<|0.40|>", "dog<|en|>"]


def test_our_model_is_asked_in_words_as_in_a_chat(parrot, tmp_path):
    heard = []
    listener = OurListener(parrot(lambda p: heard.append(p) or "rain"), "ours", "natural")

    prompts, replies = ask(listener, "esc50", tmp_path=tmp_path)

    assert replies == ["rain"]
    assert prompts == ["What sound is this? Answer with its name only."]
    assert "<|im_start|>user" in heard[0]
    assert prompts[0] in heard[0]


def test_a_question_in_words_cannot_name_a_tag(parrot, tmp_path):
    heard = []
    listener = OurListener(parrot(lambda p: heard.append(p) or "yes"), "ours", "natural")
    kinds = []
    tokenizer = listener.model.processor.tokenizer
    generate = listener.model.generate
    object.__setattr__(
        listener.model,
        "generate",
        lambda prompts, **rest: kinds.extend(prompts[0].ids) or generate(prompts, **rest),
    )

    ask(listener, "clotho-aqa", tmp_path=tmp_path, question="Is it <|translate|>?")

    assert tokenizer.convert_tokens_to_ids("<|translate|>") not in kinds


def test_times_of_words_are_not_asked_for_in_words(parrot):
    listener = OurListener(parrot(str), "ours", "natural")

    assert "tags only" in listener.refuses(BENCHMARKS["srwt"])
    assert not listener.refuses(BENCHMARKS["clotho"])


def test_qwen2_audio_takes_words_only(tmp_path):
    model = Qwen2Audio(None, None)

    def answer(_clip, text, **_settings):
        return SimpleNamespace(text=f"{text[:4]}…", ids=(1, 2))

    object.__setattr__(model, "ask", answer)

    listener = listener_of(model, name="qwen2")

    assert isinstance(listener, Qwen2Listener)
    assert ask(listener, "esc50", tmp_path=tmp_path)[1] == ["What…"]
    with pytest.raises(EvaluationError, match="knows no tags"):
        listener_of(model, name="qwen2", style="tags")


class Inputs(dict):
    def to(self, *_where):
        return self


class TinyWhisper:
    """Stands for a Whisper's network and processor: says what it was told."""

    device, dtype = "cpu", None
    generation_config = SimpleNamespace(is_multilingual=True, pad_token_id=0)
    texts: ClassVar = [""]

    def __call__(self, waveforms, **_rest):
        return Inputs(number=len(waveforms))

    def generate(self, *, number, language, task, max_new_tokens, **_rest):
        logging.getLogger("transformers.generation.utils").warning(
            "Passing `generation_config` together with generation-related arguments"
        )
        logging.getLogger("transformers.generation.utils").warning("Both `max_new_tokens` and")
        self.texts.append(f"{language} {task} of {number}")
        length = min(max_new_tokens, 30 if number == 1 else 3)
        return torch.tensor([[len(self.texts) - 1] * length + [0]] * number)

    def decode(self, ids, **_rest):
        return self.texts[ids[0]]


def test_whisper_transcribes_and_translates_into_english_and_nothing_else(tmp_path):
    tiny = TinyWhisper()
    listener = Whisper(tiny, tiny, "tiny")

    _, replies = ask(
        listener, "librispeech-test-clean", "covost2-de-en", "fleurs-en", tmp_path=tmp_path
    )

    assert replies == ["en transcribe of 2", "en translate of 1", "en transcribe of 2"]
    assert "into English only" in listener.refuses(BENCHMARKS["covost2-en-de"])
    assert "only transcribes" in listener.refuses(BENCHMARKS["esc50"])
    assert not listener.refuses(BENCHMARKS["covost2-zh-en"])


def test_a_transcript_is_cut_by_its_clips_length_and_other_replies_are_not(parrot, tmp_path):
    listener = OurListener(parrot(lambda _prompt: "one " * 100), "ours")

    _, (transcript, caption) = ask(listener, "librispeech-test-clean", "clotho", tmp_path=tmp_path)

    assert len(transcript) == 16 + 4  # 0.3 s
    assert len(caption) == BENCHMARKS["clotho"].max_new_tokens


def test_every_peer_says_whether_a_reply_was_cut(parrot, tmp_path):
    def create(**request):
        assert request["max_tokens"] == 20
        message = SimpleNamespace(content="one one")
        return SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason="length")])

    def answer(_clip, _text, *, settings):
        return SimpleNamespace(text="one one", ids=(1,) * settings.max_new_tokens)

    qwen2 = Qwen2Audio(None, None)
    object.__setattr__(qwen2, "ask", answer)
    tiny = TinyWhisper()
    listeners = [
        OurListener(parrot(lambda _prompt: "one " * 100), "ours"),
        Qwen2Listener(qwen2, "qwen2"),
        Whisper(tiny, tiny, "tiny"),
        served(create),
    ]

    asked = asked_of("librispeech-test-clean", tmp_path=tmp_path)

    said = [listener.answer([asked], [clip()])[0] for listener in listeners]
    assert [one.is_cut for one in said] == [True] * 4


def test_whispers_warning_about_itself_is_not_shown(tmp_path, caplog):
    tiny = TinyWhisper()

    ask(Whisper(tiny, tiny, "tiny"), "librispeech-test-clean", tmp_path=tmp_path)

    assert not caplog.records


def served(create):
    completions = SimpleNamespace(create=create)
    return Served(SimpleNamespace(chat=SimpleNamespace(completions=completions)), "m", "http://x")


def test_a_served_model_is_sent_the_clip_and_the_words(tmp_path):
    sent = []

    def create(**request):
        sent.append(request)
        message = SimpleNamespace(content=None if len(sent) > 1 else "rain")
        choice = SimpleNamespace(message=message, finish_reason="length")
        return SimpleNamespace(choices=[choice])

    _, replies = ask(served(create), "esc50", tmp_path=tmp_path)
    _, nothing = ask(served(create), "esc50", tmp_path=tmp_path)

    sound, text = sent[0]["messages"][0]["content"]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sound["input_audio"]["data"])))
    assert (len(samples), rate) == (4800, 16_000)
    assert text["text"].startswith("What sound is this?")
    assert (sent[0]["temperature"], sent[0]["model"]) == (0, "m")
    assert (replies, nothing) == (["rain"], [""])


def test_a_judge_is_shown_both_answers_in_both_orders(tmp_path):
    sent = []

    def create(**request):
        sent.append(request["messages"][0]["content"])
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="8 6"))])

    completions = SimpleNamespace(create=create)
    judge = Judge(SimpleNamespace(chat=SimpleNamespace(completions=completions)), "m", "http://x")
    asked = asked_of("air-bench-chat", tmp_path=tmp_path)
    sample = replace(asked.sample, question="Why {0}?", description="It rains.")

    rated = judge.rate([replace(asked, sample=sample)], [Said(text="because<|en|>")])

    assert rated == [("8 6", "8 6")]
    assert all("It rains." in text and "Why {0}?" in text for text in sent)
    first, second = sorted(sent, key=lambda text: text.index("because"), reverse=True)
    assert first.index("\nx\n") < first.index("because\n")
    assert second.index("because\n") < second.index("\nx\n")


def test_a_judge_that_fails_is_named(tmp_path):
    def create(**_request):
        raise openai.OpenAIError("no credit")

    completions = SimpleNamespace(create=create)
    judge = Judge(SimpleNamespace(chat=SimpleNamespace(completions=completions)), "m", "http://x")

    with pytest.raises(EvaluationError, match=r"the judge m at http://x .*no credit"):
        judge.rate([asked_of("air-bench-chat", tmp_path=tmp_path)], [Said(text="x")])


def test_a_server_that_fails_is_named(tmp_path):
    def create(**_request):
        raise openai.OpenAIError("no such model")

    with pytest.raises(EvaluationError, match=r"http://x does not answer for m .*no such model"):
        ask(served(create), "esc50", tmp_path=tmp_path)


def test_a_peer_is_named_by_kind_and_place(tmp_path):
    for text, said in [
        ("wisper:x", "did you mean 'whisper'"),
        ("whisper", "says no place"),
        (f"whisper:{tmp_path / 'none'}", "no folder"),
        (f"whisper:{tmp_path}", "holds no Whisper"),
    ]:
        with pytest.raises(EvaluationError, match=said):
            open_peer(text)


def test_every_listener_keeps_the_protocol(parrot):
    for listener in (
        OurListener(parrot(str), "ours"),
        Whisper(parrot(str).model, None, "w"),
        served(None),
    ):
        assert isinstance(listener, Listener)
        assert listener.identity["name"] == listener.name
