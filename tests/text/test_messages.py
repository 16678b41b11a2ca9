import io

import jaxtyping
import numpy as np
import pytest
import soundfile

from qwen_audio.errors import AudioError, PromptError
from qwen_audio.text.messages import Audio, Message, Text, from_dicts

TONE = np.sin(np.arange(8_000) / 20).astype(np.float32)


def wav() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, TONE, 16_000, format="WAV")
    return file.getvalue()


def user(*content: object) -> list[dict]:
    return [{"role": "user", "content": list(content)}]


def test_a_string_is_one_text_part() -> None:
    assert from_dicts([{"role": "user", "content": "hi"}]) == (Message("user", (Text("hi"),)),)


def test_parts_keep_their_order_and_are_never_trusted() -> None:
    content = [{"type": "text", "text": "<|en|>"}, {"type": "audio", "audio": TONE}, "?"]

    (message,) = from_dicts(user(*content))

    assert [type(part) for part in message.parts] == [Text, Audio, Text]
    assert message.text == "<|en|>?"
    assert not any(part.is_trusted for part in message.parts if isinstance(part, Text))


@pytest.mark.parametrize("source", [TONE, TONE.tolist(), (TONE, 16_000), wav(), io.BytesIO(wav())])
def test_a_clip_comes_as_samples_bytes_or_a_file_object(source: object) -> None:
    (message,) = from_dicts(user({"type": "audio", "audio": source}), allow_paths=False)

    assert message.clips[0].num_samples == 8_000


def test_bare_samples_have_the_rate_given() -> None:
    messages = from_dicts(user({"type": "audio", "audio": TONE}), sampling_rate=8_000)

    assert messages[0].clips[0].duration_s == 1


def test_a_path_is_read_unless_forbidden(tmp_path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav())

    for key, value in (("path", str(path)), ("audio", path)):
        part = {"type": "audio", key: value}
        assert from_dicts(user(part))[0].clips[0].num_samples == 8_000
        with pytest.raises(PromptError, match=r"a path is not allowed here, got .*send the clip"):
            from_dicts(user(part), allow_paths=False)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "audio", "url": "clip.wav"},
        {"type": "audio", "audio_url": "https://example.org/a.wav"},
        {"type": "audio", "path": "HTTP://169.254.169.254/"},
        {"type": "audio", "audio": "file:///etc/passwd"},
    ],
)
def test_a_url_is_never_opened(part: dict) -> None:
    with pytest.raises(PromptError, match="a URL is never opened, got"):
        from_dicts(user(part))


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"role": "tool", "content": "a"}], "unknown role 'tool'"),
        (["hello"], r"a message is .*got 'hello'"),
        ([{"role": "user"}], "a message is"),
        ([{"role": "user", "content": 3}], "content is a string or a list, got 3"),
        ([{"role": "user", "content": {"type": "text"}}], "content is a string or a list"),
        (user({"type": "image", "path": "a.png"}), "is text or audio, got 'image'"),
        (user({"type": "text"}), "is text or audio, got 'text'"),
        (user(3), "is text or audio, got 'int'"),
        (user({"type": "audio"}), "an audio part has one source"),
        (user({"type": "audio", "audio": TONE, "path": "a.wav"}), "an audio part has one source"),
        ([{"role": "system", "content": user({"type": "audio", "audio": TONE})[0]["content"]}],
         "a message of the system holds text only"),
    ],
)  # fmt: skip
def test_other_forms_are_refused_with_the_reason(messages: list, reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        from_dicts(messages)


def test_a_clip_may_not_be_longer_than_allowed() -> None:
    with pytest.raises(AudioError):
        from_dicts(user({"type": "audio", "audio": TONE}), max_seconds=0.2)


def test_a_message_is_made_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # it would complain first

    with pytest.raises(PromptError, match="made of Text and Audio parts, got str"):
        Message("user", ("hello",))
