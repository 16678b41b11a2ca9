"""The verbs that go on: chat, edit, and transcripts as files."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import qwen_audio
from qwen_audio.inference.answers import Reply, Transcript
from qwen_audio.text.segments import Segment
from qwen_audio.text.timestamps import Span, Word

WORDS = (Word("hello", 0.1, 0.4), Word("um", 0.4, 0.6), Word("there.", 0.6, 0.9))


class Listener:
    """Answers with how much it heard, and hears the same words in every clip."""

    def __init__(self) -> None:
        self.settings: list = []
        self.heard: list = []

    def reply_to(self, messages: Iterable, *, settings: object) -> Reply:
        self.settings.append(settings)
        clips = sum(len(message.clips) for message in messages)
        spans = (Span(0.1, 0.4, "hello"),) if "when" in messages[-1].text else ()
        return Reply(text=f"{clips} clips: {messages[-1].text}", spans=spans)

    def transcribe(self, clip: object, *, language: str | None, words: bool) -> Transcript:
        assert clip
        self.heard.append((language, words))
        said = WORDS if words else ()
        segment = Segment(text="hello um there.", start_s=0.1, end_s=0.9, words=said)
        return Transcript(text=segment.text, language="en", words=said, segments=(segment,))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    fake = Listener()
    monkeypatch.setitem(vars(qwen_audio), "load", lambda *_, **__: fake)
    return fake


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    soundfile.write(path, tone, 16_000)
    return str(path)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, run: Callable) -> Callable:
    """Give `say(arguments, lines)`: a chat in which a person writes these lines."""

    def talk(arguments: Iterable[str], lines: Iterable[str]) -> SimpleNamespace:
        waiting = iter(lines)

        def line(_prompt: str) -> str:
            try:
                return next(waiting)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", line)
        return run("chat", *arguments)

    return talk


@pytest.mark.usefixtures("listener")
def test_a_chat_counts_clips_over_the_dialogue(say: Callable, clip: str) -> None:
    result = say([clip], ["What is it?", f"/add {clip}", "And this?", "Sure?"])

    assert result.code == 0
    assert result.err == ""
    shown = [line for line in result.out.splitlines() if line]
    assert shown[0].startswith("Audio 1: ")
    assert shown[1] == "1 clips: What is it?"
    assert shown[2].startswith("Audio 2: ")
    assert shown[3:] == ["2 clips: And this?", "2 clips: Sure?"]


@pytest.mark.usefixtures("listener")
def test_times_in_a_reply_are_shown(say: Callable) -> None:
    assert "[0.10 to 0.40 s] hello" in say([], ["when?"]).out


def test_another_answer_is_sampled_where_replies_are_the_likeliest(
    say: Callable, listener: Listener
) -> None:
    say([], ["What?", "/again"])

    assert [settings.temperature for settings in listener.settings] == [0.0, 0.7]


@pytest.mark.usefixtures("listener")
def test_a_turn_taken_back_leaves_its_clips_waiting(say: Callable, clip: str) -> None:
    result = say([clip], ["What?", "/undo", "What now?"])

    assert "taken back: What?" in result.out
    assert "1 clips: What now?" in result.out


@pytest.mark.usefixtures("listener")
def test_the_last_clip_is_edited_and_offered(
    say: Callable, clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = say([clip], ["/edit cut out 'um'", "/edit mute 'um'", "What is left?"])

    assert "saved a-edited.flac" in result.out
    assert "saved a-edited-edited.flac" in result.out
    assert soundfile.info("a-edited.flac").frames == 12_800
    assert "3 clips: What is left?" in result.out


@pytest.mark.usefixtures("listener")
def test_without_a_clip_there_is_nothing_to_edit(say: Callable) -> None:
    assert "there is no clip to edit" in say([], ["/edit mute 'um'"]).err


@pytest.mark.usefixtures("listener")
def test_a_saved_chat_goes_on(say: Callable, clip: str, tmp_path: Path) -> None:
    path = str(tmp_path / "talk.json")
    say([clip], ["What?", f"/save {path}"])

    assert "1 clips: Sure?" in say(["--resume", path], ["Sure?"]).out


@pytest.mark.usefixtures("listener")
def test_a_mistake_does_not_end_the_chat(say: Callable) -> None:
    result = say([], ["/ad x", "/add nowhere.wav", "/undo", "/again", "", "Hello", "/quit", "No"])

    assert [line.split(";")[0] for line in result.err.splitlines()] == [
        "qwen-audio: unknown command 'ad'",
        "qwen-audio: cannot find nowhere.wav",
        "qwen-audio: the conversation has 0 turns, and -1 is none of them",
        "qwen-audio: the conversation has 0 turns, and -1 is none of them",
    ]
    assert "0 clips: Hello" in result.out
    assert "No" not in result.out


@pytest.mark.usefixtures("listener")
def test_help_lists_what_can_be_written(say: Callable) -> None:
    assert all(f"/{name}" in say([], ["/help"]).out for name in ("add", "undo", "again", "save"))


# edit


def test_a_word_is_cut_out_of_a_file(run: Callable, listener: Listener, clip: str) -> None:
    out = clip.replace("a.wav", "out.flac")

    result = run("edit", clip, "cut out the word 'um'", "--output", out, "--language", "en")

    assert result.out.splitlines() == ["remove: 0.40 to 0.60 s", f"{out}: 0.80 s"]
    assert soundfile.info(out).frames == 12_800
    assert listener.heard == [("en", True)]


def test_edits_by_time_need_no_model(run: Callable, clip: str, monkeypatch) -> None:
    monkeypatch.delitem(vars(qwen_audio), "load", raising=False)
    out = clip.replace("a.wav", "out.wav")

    result = run(
        "edit", clip, "cut the last 0.5 s", "fade out over 0.1 s", "--output", out, "--json"
    )

    record = json.loads(result.out)
    assert [step["kind"] for step in record["edits"]] == ["remove", "fade out"]
    assert soundfile.info(out).frames == 8000


@pytest.mark.usefixtures("listener")
@pytest.mark.parametrize(
    ("instruction", "code", "message"),
    [
        ("make it louder", 1, "cannot tell what to edit"),
        ("mute 'nothing'", 1, "'nothing' was not heard"),
    ],
)
def test_what_cannot_be_edited_is_one_line(
    run: Callable, clip: str, instruction: str, code: int, message: str
) -> None:
    result = run("edit", clip, instruction, "--output", clip.replace("a.wav", "b.wav"))

    assert result.code == code
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path(clip).with_name("b.wav").exists()


@pytest.mark.usefixtures("listener")
def test_another_ending_is_wrong_usage(run: Callable, clip: str) -> None:
    assert run("edit", clip, "fade in", "--output", "x.mp3").code == 2


# transcribe


@pytest.mark.usefixtures("listener")
def test_subtitles_are_printed(run: Callable, clip: str) -> None:
    result = run("transcribe", clip, "--format", "srt")

    assert result.out == "1\n00:00:00,100 --> 00:00:00,900\nhello um there.\n\n"


def test_a_long_recording_is_printed_while_it_is_heard(
    run: Callable, listener: Listener, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.full(61 * 8000, 0.1), 8000)
    printed: list[str] = []

    def hear(_path: str, *, language: str | None) -> Iterable[Segment]:
        assert language == "en"
        for text in ("first", "second"):
            yield Segment(text=text, start_s=0.0, end_s=1.0)
            printed.append(capsys.readouterr().out)

    listener.transcribe_long = hear

    run("transcribe", str(path), "--language", "en")

    assert printed == ["first\n", "second\n"]
    assert listener.heard == []


@pytest.mark.usefixtures("listener")
def test_a_folder_gets_a_file_a_clip(run: Callable, clip: str, tmp_path: Path) -> None:
    run("transcribe", clip, "--format", "vtt", "--output", str(tmp_path / "out"))

    assert (tmp_path / "out" / "a.vtt").read_text(encoding="utf-8").startswith("WEBVTT")


@pytest.mark.parametrize("options", [["--format", "doc"], ["--format", "srt", "--json"]])
def test_wrong_formats_are_wrong_usage(run: Callable, listener: Listener, options: list) -> None:
    assert run("transcribe", "a.wav", *options).code == 2
    assert listener.heard == []
