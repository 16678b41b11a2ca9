"""Many requests at once: none lost, none mixed up, the queue's end told as such."""

import asyncio
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest
import soundfile

CHAT = "/v1/chat/completions"
SPEECH = "/v1/audio/transcriptions"


def sound(num_samples):
    file = io.BytesIO()
    soundfile.write(file, np.full(num_samples, 0.1), 16_000, format="WAV")
    return file.getvalue()


def ask(client, text):
    return client.post(CHAT, json={"messages": [{"role": "user", "content": text}]})


def transcribe(client, num_samples, **more):
    return client.post(SPEECH, files={"file": ("a.wav", sound(num_samples))}, data=more)


def until(holds):
    """Wait for something that another thread does."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def gauge(client, name):
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


async def all_at_once(address, count, *, when_refused):
    """Return the answers to that many requests over as many connections."""
    refused = []

    async def one(client, number):
        if number % 2:
            body = {"messages": [{"role": "user", "content": f"number {number}"}]}
            answer = await client.post(CHAT, json=body)
        else:
            file = ("a.wav", sound(1600 + 160 * number))
            answer = await client.post(SPEECH, files={"file": file})
        if answer.status_code == 429:
            refused.append(number)
            if len(refused) == when_refused[0]:
                when_refused[1]()
        return answer

    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        return await asyncio.gather(*(one(client, number) for number in range(count)))


def test_of_200_requests_at_once_each_gets_its_own_answer_or_a_clear_429(listening_to, parrot):
    address = listening_to(parrot, max_queue=20).address
    parrot.gate.clear()

    answers = asyncio.run(all_at_once(address, 200, when_refused=(180, parrot.gate.set)))

    served = [(number, answer) for number, answer in enumerate(answers) if answer.is_success]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(refused) == 200
    assert len(served) == 20
    for number, answer in served:
        said = answer.json()
        if number % 2:
            assert said["choices"][0]["message"]["content"] == f"number {number}"
        else:
            assert said["text"] == f"transcribe {(1600 + 160 * number) / 16_000:g}"
    for answer in refused:
        assert answer.json()["error"]["code"] == "queue_full"
        assert answer.headers["retry-after"]
    with httpx2.Client(base_url=address) as client:
        assert ask(client, "again").status_code == 200  # and there is room afterwards


@pytest.mark.slow
def test_of_200_requests_in_a_queue_for_all_none_is_lost_or_mixed_up(listening_to, parrot):
    address = listening_to(parrot, max_queue=200).address

    answers = asyncio.run(all_at_once(address, 200, when_refused=(1, parrot.gate.set)))

    for number, answer in enumerate(answers):
        said = answer.json()
        text = said["choices"][0]["message"]["content"] if number % 2 else said["text"]
        length = f"{(1600 + 160 * number) / 16_000:g}"
        assert text == (f"number {number}" if number % 2 else f"transcribe {length}")
    assert max(parrot.batches) > 1


def test_transcriptions_that_wait_are_done_together_but_not_with_others(serve, parrot):
    client = serve(max_batch=4)
    parrot.gate.clear()

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, client, "first")
        until(lambda: parrot.works)
        alike = [pool.submit(transcribe, client, 16_000 + 1600 * n) for n in range(5)]
        other = pool.submit(transcribe, client, 8_000, language="de")
        until(lambda: gauge(client, "qwen_audio_jobs_waiting") == 6)
        parrot.gate.set()
        texts = [future.result().json()["text"] for future in alike]

    assert first.result().status_code == other.result().status_code == 200
    assert texts == [f"transcribe {1 + n / 10:g}" for n in range(5)]
    assert sorted(parrot.batches) == [1, 1, 4]


def test_a_bad_clip_does_not_spoil_its_batch(serve, parrot):
    client = serve()
    parrot.gate.clear()
    speak = parrot.speak

    def choosy(works, **listener):
        if any(work.clip.num_samples == 1600 for work in works):
            raise ValueError("bad")
        return speak(works, **listener)

    parrot.speak = choosy
    with ThreadPoolExecutor(4) as pool:
        pool.submit(ask, client, "first")
        until(lambda: parrot.works)
        futures = [pool.submit(transcribe, client, 1600 * n) for n in (1, 2, 3)]
        until(lambda: gauge(client, "qwen_audio_jobs_waiting") == 3)
        parrot.gate.set()
        statuses = [future.result().status_code for future in futures]

    assert statuses == [500, 200, 200]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_takes_too_long_is_given_up(serve, parrot, is_streamed):
    client = serve(timeout_s=0.05)
    parrot.gate.clear()

    body = {"messages": [{"role": "user", "content": "x"}], "stream": is_streamed}
    answer = client.post(CHAT, json=body)

    assert answer.status_code == 504
    assert answer.json()["error"]["type"] == "timeout_error"
    assert parrot.stopped.wait(5)  # the model was told to stop


def test_the_metrics_count_requests_tokens_and_sound(client):
    ask(client, "one two")
    transcribe(client, 16_000)
    client.get("/no/such/path")

    text = client.get("/metrics").text
    assert 'qwen_audio_requests_total{route="/v1/chat/completions",status="200"} 1.0' in text
    assert 'qwen_audio_requests_total{route="other",status="404"} 1.0' in text
    assert 'qwen_audio_tokens_total{kind="completion"} 2.0' in text
    assert "qwen_audio_audio_seconds_total 1.0" in text


def test_a_server_that_goes_down_answers_who_still_waits(serve, parrot):
    client = serve()
    parrot.gate.clear()
    engine = client.app.state.parts.engine

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(ask, client, "running")
        until(lambda: parrot.works)
        waiting = pool.submit(ask, client, "waiting")
        until(lambda: gauge(client, "qwen_audio_jobs_waiting") == 1)
        engine.stop()

    assert waiting.result().status_code == 503
    assert running.result().status_code == 200
    assert client.get("/health").status_code == 503
    assert ask(client, "late").status_code == 503
