"""Qwen2-Audio behind the server: whole replies, no times."""

import numpy as np

from qwen_audio.audio.sources import Clip
from qwen_audio.inference.answers import Reply, Transcript
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.qwen2 import Qwen2Audio
from qwen_audio.serving.qwen2_voice import ASK_TRANSLATION, Qwen2Voice
from qwen_audio.serving.work import TRANSCRIBE, TRANSLATE, ChatWork, SpeechWork
from qwen_audio.text.messages import Message, Text

CLIP = Clip(np.zeros(16_000, np.float32))


class Said(Qwen2Audio):
    """Repeats the question and the seed."""

    def reply_to(self, messages, *, settings):
        return Reply(text=f"{messages[-1].text} {settings.seed} END rest", ids=(1, 2, 3))

    def ask(self, clips, question, **_):
        assert clips is CLIP
        return Reply(text=question)

    def transcribe(self, clip, **_):
        return Transcript(text=f"{clip.duration_s:g} s", language="unknown")


def voice():
    return Qwen2Voice(Said(model=None, processor=None))


def test_each_choice_has_its_seed_and_ends_at_the_stop_text():
    work = ChatWork(
        messages=(Message("user", (Text("hello"),)),),
        settings=Generation(seed=4, temperature=1.0, stop=("END",), max_new_tokens=3),
        choices=2,
    )
    pieces = []

    answer = voice().chat(work, on_piece=pieces.append, should_stop=lambda: False)

    assert [choice.text for choice in answer.choices] == ["hello 4", "hello 5"]
    assert [piece.choice for piece in pieces] == [0, 1]
    assert {choice.finish_reason for choice in answer.choices} == {"stop"}


def test_speech_is_asked_for_in_words():
    works = [
        SpeechWork(clip=CLIP, task=task, language=None, words=False, settings=Generation())
        for task in (TRANSCRIBE, TRANSLATE)
    ]

    said = voice().speak(works, on_piece=lambda _: None, should_stop=lambda: False)

    assert [answer.text for answer in said] == ["1 s", ASK_TRANSLATION]
