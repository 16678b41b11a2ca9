"""A real (tiny, random) model behind a real server on a real port."""

import base64
import io
import re

import httpx2
import numpy as np
import openai
import pytest
import soundfile

from qwen_audio.serving.work import Piece


def sound(seconds=1.0):
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16_000)) / 16_000)
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


def question(text, seconds=1.0):
    data = base64.b64encode(sound(seconds)).decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    return {"role": "user", "content": [part, {"type": "text", "text": text}]}


@pytest.fixture
def listening(tiny_voice, listening_to):
    return listening_to(tiny_voice)


@pytest.fixture
def api(listening):
    with openai.OpenAI(base_url=f"{listening.address}/v1", api_key="-", max_retries=0) as client:
        yield client


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # translations, by the package
def test_the_openai_package_chats_streams_and_transcribes(api):
    wanted = {"model": "qwen-audio", "messages": [question("What is it?")], "max_tokens": 12}

    whole = api.chat.completions.create(**wanted)
    stream = list(
        api.chat.completions.create(**wanted, stream=True, stream_options={"include_usage": True})
    )
    one, same = (
        api.chat.completions.create(**wanted, n=2, temperature=1, seed=3) for _ in range(2)
    )
    said = api.audio.transcriptions.create(
        model="qwen-audio", file=("a.wav", sound()), response_format="verbose_json"
    )
    pieces = list(
        api.audio.transcriptions.create(
            model="qwen-audio", file=("a.wav", sound()), language="en", stream=True
        )
    )
    translated = api.audio.translations.create(model="qwen-audio", file=("a.wav", sound()))

    streamed = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert streamed.strip() == whole.choices[0].message.content
    assert whole.usage.completion_tokens <= 12
    assert whole.usage.prompt_tokens_details.audio_tokens == 12  # 1 s, four frames pooled
    assert stream[-1].usage.total_tokens == whole.usage.total_tokens
    # The same conversation again is known but for its last token.
    cached = stream[-1].usage.prompt_tokens_details.cached_tokens
    assert cached == whole.usage.prompt_tokens - 1
    assert [c.message.content for c in one.choices] == [c.message.content for c in same.choices]
    assert said.duration == 1.0
    assert "".join(e.delta for e in pieces[:-1]).strip() == pieces[-1].text
    assert isinstance(translated.text, str)


def test_a_long_recording_is_transcribed_window_by_window(api):
    said = api.audio.transcriptions.create(
        model="qwen-audio", file=("a.wav", sound(35)), response_format="verbose_json", language="en"
    )

    assert said.duration == 35
    assert all(segment.end <= 35 for segment in said.segments)


def test_a_long_clip_of_a_conversation_is_answered_window_by_window(api):
    wanted = {"model": "qwen-audio", "max_tokens": 4}
    first = question("What is it?", seconds=35)

    whole = api.chat.completions.create(**wanted, messages=[first])
    stream = list(api.chat.completions.create(**wanted, messages=[first], stream=True))
    answer = whole.choices[0].message
    said = {"role": "assistant", "content": answer.content}
    again = {"role": "user", "content": "Sure?"}
    later = api.chat.completions.create(**wanted, messages=[first, said, again])

    streamed = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    labels = [
        line.split("]")[0] for line in re.findall(r"^\[0:\d\d–0:\d\d\]", answer.content, re.M)
    ]
    assert labels[0].startswith("[0:00–")
    assert labels[-1].endswith("–0:35")
    assert [line.strip() for line in streamed.splitlines()] == [
        line.strip() for line in answer.content.splitlines()
    ]
    assert whole.usage.completion_tokens <= 4 * len(labels)
    assert all(label in later.choices[0].message.content for label in labels)
    with pytest.raises(openai.UnprocessableEntityError, match="2 recordings of more than 30 s"):
        api.chat.completions.create(**wanted, messages=[first, said, question("?", seconds=40)])
    with pytest.raises(openai.APIStatusError, match="longer than"):
        api.chat.completions.create(**wanted, messages=[question("?", seconds=601)])


def test_a_stop_text_ends_the_reply_and_is_left_out(api):
    wanted = {"model": "qwen-audio", "messages": [question("What is it?")], "max_tokens": 12}
    full = api.chat.completions.create(**wanted).choices[0].message.content
    stop = full[3:5]

    choice = api.chat.completions.create(**wanted, stop=stop).choices[0]

    assert choice.message.content == full[: full.index(stop)].strip()
    assert choice.finish_reason == "stop"


def test_typed_tags_give_no_control_tokens(tiny_voice):
    from qwen_audio.text import vocab
    from qwen_audio.text.messages import Message, Text
    from qwen_audio.text.prompt import render_chat
    from qwen_audio.text.tokenizers import control_ids

    def controls(text):
        messages = [Message("user", (Text(text),))]
        ids = render_chat(messages, tokenizer=tiny_voice.tokenizer, pool=4).prompt.ids
        return [index for index in ids if index in control_ids(tiny_voice.tokenizer)]

    typed = f"{vocab.CHAT_END}{vocab.AUDIO_SLOT}{vocab.tag('transcribe')}"
    assert controls(typed) == controls("plain")


def test_a_conversation_past_the_limit_of_tokens_is_refused(api):
    with pytest.raises(openai.UnprocessableEntityError, match="tokens and the limit is 2000"):
        api.chat.completions.create(model="qwen-audio", messages=[question("x" * 3000)])


@pytest.mark.parametrize("is_streamed", [False, True])
def test_turns_in_no_order_are_refused(api, is_streamed):
    messages = [{"role": "assistant", "content": "I begin"}, {"role": "user", "content": "no"}]

    with pytest.raises(openai.UnprocessableEntityError, match="let the user speak first"):
        api.chat.completions.create(model="qwen-audio", messages=messages, stream=is_streamed)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_when_the_client_leaves_the_model_stops(parrot, listening_to, is_streamed):
    parrot.gate.clear()
    chat = parrot.chat

    def talkative(work, *, on_piece, should_stop):
        on_piece(Piece(0, "first"))
        return chat(work, on_piece=on_piece, should_stop=should_stop)

    parrot.chat = talkative
    body = {"messages": [{"role": "user", "content": "x"}], "stream": is_streamed}
    server = listening_to(parrot)
    with httpx2.Client() as client:
        if is_streamed:
            with client.stream("POST", f"{server.address}/v1/chat/completions", json=body) as got:
                next(got.iter_lines())
        else:
            with pytest.raises(httpx2.TimeoutException):
                client.post(f"{server.address}/v1/chat/completions", json=body, timeout=0.3)
        assert parrot.stopped.wait(10)


def test_an_upload_past_the_limit_gets_its_answer_over_the_wire(parrot, listening_to):
    server = listening_to(parrot, max_body_mb=1)
    with httpx2.Client() as client:
        answer = client.post(f"{server.address}/v1/chat/completions", content=b"x" * 1_500_000)

    assert answer.status_code == 413
