"""`/v1/chat/completions` with the real `openai` package as client."""

import base64
import io

import numpy as np
import openai
import pytest
import soundfile

CHAT = "/v1/chat/completions"


def sound(seconds=1.0, *, form="WAV"):
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16_000)) / 16_000)
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format=form)
    return file.getvalue()


def clip(content, form="wav"):
    data = base64.b64encode(content).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def says(*content, role="user"):
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    return {"role": role, "content": parts}


@pytest.fixture
def api(client):
    """Give OpenAI's client, connected to the test's server."""
    return openai_client(client)


def openai_client(client, key="-"):
    address = f"{client.base_url}/v1"
    return openai.OpenAI(base_url=address, api_key=key, http_client=client, max_retries=0)


def test_a_clip_and_a_question_get_an_answer(api, parrot):
    answer = api.chat.completions.create(
        model="qwen-audio", messages=[says("What is it?", clip(sound(1.5)))]
    )

    assert answer.choices[0].message.content == "What is it? [1.5 s]"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens_details.audio_tokens == 2
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert parrot.works[0].settings.temperature == 0


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3", "OGG"])
def test_every_usual_format_is_heard(api, form):
    answer = api.chat.completions.create(
        model="qwen-audio", messages=[says("x", clip(sound(2, form=form), form.lower()))]
    )

    assert float(answer.choices[0].message.content[3:-3]) == pytest.approx(2, abs=0.1)


def test_a_stream_brings_the_same_text_and_ends_with_the_usage(api):
    stream = api.chat.completions.create(
        model="qwen-audio",
        messages=[says("one two three", clip(sound()))],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "one two three [1 s]"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 5
    assert len({chunk.id for chunk in chunks}) == 1


def test_several_choices_stream_under_their_numbers(api):
    stream = api.chat.completions.create(
        model="qwen-audio", messages=[says("a b")], n=2, temperature=0.5, stream=True
    )
    texts = ["", ""]
    for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""

    assert texts == ["a b", "a b"]


def test_settings_reach_the_model_and_stay_below_the_limit(api, parrot):
    api.chat.completions.create(
        model="qwen-audio",
        messages=[says("x")],
        n=2,
        temperature=0.7,
        top_p=0.9,
        seed=2**40 + 5,
        stop=["END"],
        max_completion_tokens=10_000,
    )

    work = parrot.works[0]
    assert (work.choices, work.settings.temperature, work.settings.top_p) == (2, 0.7, 0.9)
    assert (work.settings.seed, work.settings.stop) == (5, ("END",))
    assert work.settings.max_new_tokens == 1024


def test_a_conversation_keeps_its_clips_and_roles(api, parrot):
    api.chat.completions.create(
        model="qwen-audio",
        messages=[
            {"role": "developer", "content": "Be short."},
            says(clip(sound(1)), "first"),
            {"role": "assistant", "content": "heard"},
            says(clip(sound(2)), "second"),
        ],
    )

    messages = parrot.works[0].messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert [c.duration_s for message in messages for c in message.clips] == [1, 2]


def test_stretches_that_a_reply_names_are_given_beside_it(api):
    message = (
        api.chat.completions.create(model="qwen-audio", messages=[says("when is it")])
        .choices[0]
        .message
    )
    stream = api.chat.completions.create(
        model="qwen-audio", messages=[says("when is it")], stream=True
    )
    last = list(stream)[-1].choices[0]

    assert message.spans == [{"start": 0.25, "end": 0.5, "text": "tone"}]
    assert last.delta.spans == message.spans


def test_a_data_url_is_a_clip(api):
    url = "data:audio/flac;base64," + base64.b64encode(sound(form="FLAC")).decode()
    answer = api.chat.completions.create(
        model="qwen-audio",
        messages=[says({"type": "audio_url", "audio_url": {"url": url}}, "x")],
    )

    assert answer.choices[0].message.content == "x [1 s]"


def test_models_are_listed(serve):
    api = openai_client(serve(names=("one", "alias")))

    assert [model.id for model in api.models.list()] == ["one", "alias"]
    assert api.models.retrieve("alias").id == "alias"
    with pytest.raises(openai.NotFoundError, match="no such model"):
        api.models.retrieve("other")


def test_without_the_key_nothing_is_answered(serve):
    client = serve(api_key="secret")

    with pytest.raises(openai.AuthenticationError, match="missing or wrong"):
        openai_client(client, "wrong").models.list()
    assert openai_client(client, "secret").models.list().data
    assert client.get("/health").json() == {"status": "ok"}
    assert client.post(CHAT, json={}).json()["error"]["code"] == "invalid_api_key"
