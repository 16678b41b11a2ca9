"""`/v1/audio/transcriptions` and `/translations` with the real `openai` package as client."""

import io

import numpy as np
import openai
import pytest
import soundfile


def sound(seconds=1.0):
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16_000)) / 16_000)
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="FLAC")
    return "tone.flac", file.getvalue()


@pytest.fixture
def audio(client):
    address = f"{client.base_url}/v1"
    return openai.OpenAI(base_url=address, api_key="-", http_client=client, max_retries=0).audio


def test_json_is_the_text_and_its_length(audio, parrot):
    found = audio.transcriptions.create(model="qwen-audio", file=sound(1.5), language="de")

    assert found.text == "transcribe 1.5"
    assert found.usage.seconds == 1.5
    assert (parrot.works[0].language, parrot.works[0].words) == ("de", False)


def test_text_is_the_text(audio):
    found = audio.transcriptions.create(model="qwen-audio", file=sound(), response_format="text")

    assert found == "transcribe 1\n"


def test_srt_and_vtt_have_times(audio, parrot):
    srt, vtt = (
        audio.transcriptions.create(model="qwen-audio", file=sound(), response_format=form)
        for form in ("srt", "vtt")
    )

    assert srt == "1\n00:00:00,000 --> 00:00:01,000\ntranscribe 1\n\n"
    assert vtt == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\ntranscribe 1\n\n"
    assert all(work.words for work in parrot.works)


def test_verbose_json_has_segments_and_words(audio):
    found = audio.transcriptions.create(
        model="qwen-audio",
        file=sound(),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )

    assert (found.language, found.duration) == ("english", 1.0)
    assert [(w.word, w.start, w.end) for w in found.words] == [
        ("transcribe", 0.0, 0.5),
        ("1", 0.5, 1.0),
    ]
    assert found.segments[0].text == "transcribe 1"
    assert found.segments[0].avg_logprob is None  # not measured, so not invented


def test_a_stream_ends_with_the_whole_text(audio):
    stream = audio.transcriptions.create(model="qwen-audio", file=sound(), stream=True)
    events = list(stream)

    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * 3
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == "transcribe 1"


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # by the package, not by us
def test_translations_ask_for_english(audio, parrot):
    found = audio.translations.create(model="qwen-audio", file=sound())

    assert found.text == "translate 1"
    assert parrot.works[0].task == "translate"


def test_a_long_clip_is_refused_with_its_limit(audio):
    with pytest.raises(openai.APIStatusError, match="longer than 30 s") as caught:
        audio.transcriptions.create(model="qwen-audio", file=sound(31))

    assert caught.value.status_code == 413


def test_a_model_that_hears_long_recordings_gets_them_alone(serve, parrot):
    parrot.hears_long = True
    client = serve(max_audio_s=60)

    found = client.post("/v1/audio/transcriptions", files={"file": sound(40)})
    longer = client.post("/v1/audio/transcriptions", files={"file": sound(61)})

    assert found.json()["text"] == "transcribe 40"
    assert parrot.works[0].batch_key is None
    assert "longer than 60 s" in longer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"language": "xx"}, "unknown language 'xx'"),
        ({"response_format": "docx"}, "unknown response_format 'docx'"),
        ({"timestamp_granularities": ["word"]}, "need response_format verbose_json"),
        ({"response_format": "srt", "stream": True}, "a stream gives json or text"),
        ({"file": ("a.wav", b"")}, "empty"),
        ({"file": ("a.wav", b"no sound at all")}, "not audio that we can read"),
        ({"file": ("../../etc/passwd", sound()[1]), "model": "gpt"}, "is not here"),
    ],
)
def test_what_cannot_be_done_is_said(audio, change, message):
    wanted = {"model": "qwen-audio", "file": sound()} | change

    with pytest.raises(openai.APIStatusError, match=message) as caught:
        audio.transcriptions.create(**wanted)

    assert caught.value.status_code in (404, 422)
