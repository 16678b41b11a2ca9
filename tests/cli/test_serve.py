"""`qwen-audio serve` and `web`: options become settings, and mistakes are one line."""

import sys

import pytest

from qwen_audio.serving import run as running


@pytest.fixture
def served(monkeypatch):
    """Give what would have been served."""
    calls = []
    monkeypatch.setattr(
        running, "serve", lambda qa, settings, **more: calls.append((qa, settings, more))
    )
    return calls


def test_serve_hands_its_options_on(run, model, served):
    found = run(
        *("serve", "folder", "--port", "81", "--api-key", "k", "--max-queue", "3"),
        *("--audio-host", "a.org", "--audio-host", "*.b.org", "--name", "mine"),
    )

    (qa, settings, more) = served[0]
    assert found.code == 0
    assert "http://127.0.0.1:81/" in found.out
    assert qa is model
    assert model.calls[0][0] == "folder"
    assert (settings.port, settings.api_key, settings.max_queue) == (81, "k", 3)
    assert (settings.audio_hosts, settings.names) == (("a.org", "*.b.org"), ("mine",))
    assert not more["opens_browser"]


def test_web_opens_the_browser(run, model, served):
    assert run("web").code == 0
    assert model.calls
    assert served[0][2]["opens_browser"]


def test_a_limit_that_lets_nothing_through_is_told_before_the_model_is_loaded(run, model, served):
    found = run("serve", "--max-queue", "0")

    assert found.code == 1
    assert "max_queue is 0; give a number from 1 on" in found.err
    assert not model.calls
    assert not served


def test_without_the_extra_the_error_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "qwen_audio.serving.run", None)

    found = run("serve")

    assert found.code == 1
    assert "pip install 'qwen-audio[server]'" in found.err
