"""Conversations about long recordings: a line a window, its own past, times of the recording."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.errors import AudioError, GenerationError
from qwen_audio.inference.answers import Reply
from qwen_audio.inference.conversation import Conversation
from qwen_audio.inference.windowed import LONGEST_S, line_of
from qwen_audio.text.messages import Text
from qwen_audio.text.timestamps import Span
from qwen_audio.text.vocab import timestamp_token


@dataclass
class Parrot:
    """Answers with the number of its answer, and remembers what it was shown."""

    max_seconds: float = 30.0
    asked: list = field(default_factory=list)

    def reply_to(self, messages, *, settings):  # noqa: ARG002
        self.asked.append([(m.role, m.text, [c.duration_s for c in m.clips]) for m in messages])
        return Reply(text=f"answer {len(self.asked)}")


def sounds(*seconds):
    """Return noise of these lengths, a second of silence behind each; half a minute behind 0."""
    rng = np.random.default_rng(0)
    parts = []
    for length in seconds:
        loud = 0.1 * rng.standard_normal(round(length * SAMPLE_RATE))
        parts += [loud, np.zeros((30 if length == 0 else 1) * SAMPLE_RATE)]
    return np.concatenate(parts).astype(np.float32), SAMPLE_RATE


def lasting(chat):
    return [sum(asked[-1][2]) for asked in chat.model.asked]


def test_a_long_recording_is_answered_with_a_line_for_every_window():
    chat, pieces = Conversation(Parrot(), system=None), []

    reply = chat.ask("What is it?", clips=sounds(25, 25), on_text=pieces.append)

    assert reply.text == "[0:00–0:25] answer 1\n[0:25–0:52] answer 2"
    assert "".join(pieces).strip() == reply.text
    assert len(pieces) == 2
    assert sum(lasting(chat)) == pytest.approx(52)
    assert chat.clips[0].duration_s == 52


def test_a_follow_up_is_put_to_every_window_with_its_own_past():
    chat = Conversation(Parrot(), system=None)
    chat.ask("Hello?")
    chat.ask("What is it?", clips=[sounds(1), sounds(25, 25)])
    chat.model.asked.clear()

    reply = chat.ask("Sure?")

    assert reply.text == "[0:00–0:25] answer 1\n[0:25–0:52] answer 2"
    for number, asked in enumerate(chat.model.asked):
        roles, texts, clips = zip(*asked, strict=True)
        assert roles == ("user", "assistant") * 2 + ("user",)
        assert texts == ("Hello?", "answer 1", "What is it?", f"answer {number + 2}", "Sure?")
        assert clips[2] == (2.0, pytest.approx((25.5, 26.5)[number], abs=0.1)) or len(clips[2]) == 2


def test_silence_is_passed_over_and_a_silent_recording_is_answered_once():
    chat = Conversation(Parrot(), system=None)

    first = chat.ask("What?", clips=sounds(20, 0, 0, 20))
    chat.clear()
    second = chat.ask("What?", clips=sounds(0, 0))

    assert [line.split("]")[0] for line in first.text.splitlines()] == ["[0:00–0:25", "[1:18–1:42"]
    assert len(second.text.splitlines()) == 1


def test_a_stopped_reply_keeps_the_lines_that_came_and_a_follow_up_goes_on():
    chat = Conversation(Parrot(), system=None)

    stopped = chat.ask("What?", clips=sounds(25, 25, 25), on_text=lambda _: chat.stop())
    chat.model.asked.clear()
    whole = chat.ask("And now?")

    assert stopped.ended_by == "user"
    assert len(stopped.text.splitlines()) == 1
    assert len(whole.text.splitlines()) == 3
    assert [asked[1][1] for asked in chat.model.asked] == ["answer 1", "…", "…"]


def test_times_count_from_the_start_of_the_recording_and_are_saved(tmp_path):
    class Finds(Parrot):
        def reply_to(self, messages, *, settings):
            reply = super().reply_to(messages, settings=settings)
            return Reply(text=reply.text, spans=(Span(1.0, 2.5, "bang"),))

    chat = Conversation(Finds(), system=None)
    reply = chat.ask("When?", clips=sounds(25, 25))

    chat.save(tmp_path / "talk.json")
    again = Conversation.load(tmp_path / "talk.json", Finds())

    second_s = reply.spans[1].start_s
    assert reply.spans[0] == Span(1.0, 2.5, "bang")
    assert second_s == pytest.approx(26.5, abs=0.6)
    assert again.turns[0].reply == reply
    assert again.ask("Sure?").spans == reply.spans


def test_time_stamps_of_a_window_become_seconds_of_the_recording():
    chat = Conversation(Parrot(), system=None)
    chat.ask("What?", clips=sounds(25, 25))
    window = _window(chat)
    answer = (Text("from "), Text(timestamp_token(2.0), is_trusted=True), Text(" on"))

    line = line_of(window, answer, ())

    assert line.text == f"from {window.start_s + 2:.2f} on"


def _window(chat):
    from qwen_audio.inference.windowed import audible_windows

    return list(audible_windows(chat.clips[0], max_seconds=30))[1]


def test_two_long_recordings_or_one_without_an_end_are_refused():
    chat = Conversation(Parrot(), system=None)
    endless = np.broadcast_to(np.float32(0.1), (int(LONGEST_S + 2) * 1000,)), 1000

    with pytest.raises(GenerationError, match="2 recordings of more than 30 s"):
        chat.ask("Which?", clips=[sounds(31), sounds(20, 20)])
    with pytest.raises(AudioError, match="longer than 10800 s"):
        chat.ask("What?", clips=endless)
    assert chat.turns == ()


def test_a_turn_about_a_long_recording_can_be_edited_and_undone():
    chat = Conversation(Parrot(), system=None)
    chat.ask("What?", clips=sounds(25, 25))

    edited = chat.edit(0, "Where?")
    chat.undo()

    assert len(edited.text.splitlines()) == 2
    assert chat.turns == ()
