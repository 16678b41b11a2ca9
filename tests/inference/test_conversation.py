"""Conversations: every reply is that of a run without caches, whatever was edited before."""

import copy
import json
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import qwen_audio
from qwen_audio.audio.sources import load_clip
from qwen_audio.checkpoints.assemble import assemble
from qwen_audio.errors import AudioError, DataError, GenerationError
from qwen_audio.inference.answers import QwenAudio, Reply
from qwen_audio.inference.conversation import Conversation
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.turns import answer_parts, asked
from qwen_audio.text.messages import Text
from qwen_audio.text.tokenizers import encode, token_id
from qwen_audio.text.vocab import CHAT_END, timestamp_token

RATE = 16_000
SHORT = Generation(max_new_tokens=6)


def tone(seconds, hertz=440.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), RATE


@pytest.fixture(scope="module")
def qa(parts, tmp_path_factory):
    out = tmp_path_factory.mktemp("assembled") / "model"
    assemble(*parts, out, pool=4, pooling="stack", projector="mlp")
    return qwen_audio.load(out)


@pytest.fixture(scope="module")
def stretching(qa):
    """Give a model whose rotary base grows past 96 tokens, and that scales queries there."""
    model = copy.deepcopy(qa.model)
    for config in (model.config.text_config, model.language_model.config):
        config.dynamic_ntk = config.logn_attention = True
        config.train_length = 96
    return QwenAudio(model, qa.processor)


@pytest.fixture(scope="module")
def reading(qa):
    """Give a model with a reader, which hides blank audio tokens from the decoder."""
    pytest.importorskip("qwen_audio.model.reading")
    config = copy.deepcopy(qa.model.config)
    config.reader = True
    torch.manual_seed(0)
    model = type(qa.model)(config).eval()
    model.load_state_dict(qa.model.state_dict(), strict=False)
    model.reader.allow([1, 2, 3])
    with torch.no_grad():
        model.reader.bias.fill_(100.0)
    return QwenAudio(model, qa.processor)


def plain_ids(chat):
    """Return what the model says in the last turn without any cache."""
    *before, last = chat.turns
    history = [message for turn in before for message in turn.messages]
    question = asked(last.question, last.clips)
    reply = chat.model.reply_to([*history, question], system=chat.system, settings=chat.settings)
    return reply.ids


def reused(chat):
    return chat._replier.prefix.num_reused


@pytest.mark.parametrize("kind", ["qa", "stretching", "reading"])
def test_replies_equal_those_without_a_cache(request, kind):
    chat = Conversation(request.getfixturevalue(kind), settings=SHORT)

    for step in (
        lambda: chat.ask("What is it?", clips=tone(1.0)),
        lambda: chat.ask("Is it high?"),
        lambda: chat.ask("And this?", clips=[tone(0.6, 880.0), tone(2.0, 220.0)]),
        lambda: chat.edit(1, "Is it loud?"),
        lambda: chat.ask("Which is the longest of them all?"),
        lambda: chat.regenerate(),
        lambda: chat.edit(0, "What?", clips=tone(1.0, 300.0)),
        lambda: chat.ask("Sure?"),
    ):
        assert step().ids == plain_ids(chat)


@pytest.mark.slow
def test_replies_of_the_released_layout_equal_those_without_a_cache(released, released_clips):
    folder, _ = released(96)  # dynamic NTK and log-n act past 96 tokens
    chat = Conversation(qwen_audio.load(folder, dtype="float32"), settings=SHORT)
    clips = sorted(released_clips("x").parent.glob("*.*"))[:2]

    for question, clip in (("What?", clips[0]), ("And?", None), ("This?", clips[1]), ("So?", None)):
        assert chat.ask(question, clips=clip).ids == plain_ids(chat)


def test_a_cut_window_gives_the_reply_of_a_run_without_a_cache(qa):
    chat = Conversation(qa, settings=SHORT, max_window=120)

    replies = [chat.ask("x" * 40, clips=tone(0.5, hertz)) for hertz in (200.0, 300.0, 400.0, 500.0)]
    *before, last = chat.turns
    kept = [m for turn in before[replies[-1].dropped_turns :] for m in turn.messages]
    plain = qa.reply_to([*kept, asked(last.question, last.clips)], settings=SHORT)

    assert replies[-1].dropped_turns > 0
    assert replies[-1].ids == plain.ids


def test_a_second_turn_computes_only_what_is_new(qa):
    chat = Conversation(qa, settings=SHORT)
    chat.ask("What is it?", clips=tone(4.0))
    chat.ask("Is it high?")

    assert chat._replier.prefix.heard.num_encoded == 1
    assert reused(chat) > 50  # 12.5 tokens a second, and the text around them


def test_what_a_reader_hides_takes_no_position(reading):
    chat = Conversation(reading, settings=SHORT)
    chat.ask("What is it?", clips=tone(4.0))
    heard = chat._replier.prefix.heard

    (clip,) = heard.hear(chat.clips, heard.keys(chat.clips))

    assert len(clip.is_seen) == 50
    assert len(clip.tokens) == sum(clip.is_seen) == 6  # all blank: one in eight is kept


def test_the_same_sound_is_encoded_once_whatever_its_source(qa):
    chat = Conversation(qa, settings=SHORT)
    chat.ask("What is it?", clips=tone(1.0))
    chat.ask("And this?", clips=[load_clip(tone(1.0)), tone(1.0)])

    assert chat._replier.prefix.heard.num_encoded == 1
    assert len(chat.clips) == 3


def test_an_undone_turn_is_as_if_never_asked(qa):
    chat = Conversation(qa, settings=SHORT)
    chat.ask("What is it?", clips=tone(1.0))
    second = chat.ask("Is it high?")
    chat.undo()

    assert len(chat.turns) == 1
    assert chat.ask("Is it high?").ids == second.ids


def test_pieces_of_a_stream_join_to_the_reply(qa):
    chat = Conversation(qa, settings=SHORT)

    pieces = list(chat.stream("What is it?", clips=tone(1.0)))

    assert "".join(pieces).strip() == chat.turns[-1].reply.text
    assert chat.turns[-1].reply.ended_by == "length"


def test_a_closed_stream_stops_the_reply_and_keeps_what_came(qa):
    chat = Conversation(qa, settings=Generation(max_new_tokens=200))
    stream = chat.stream("What is it?", clips=tone(1.0))

    next(stream)
    stream.close()

    assert chat.turns[-1].reply.ended_by == "user"
    assert len(chat.turns[-1].reply.ids) < 200


def test_an_error_in_a_stream_reaches_the_reader_and_changes_nothing(qa):
    chat = Conversation(qa)

    with pytest.raises(AudioError, match="holds 1 samples that are NaN"):
        list(chat.stream("What is it?", clips=(np.array([0.1, np.nan] * 1), RATE)))

    assert chat.turns == ()


def test_a_reply_ends_when_its_time_is_over(qa):
    chat = Conversation(qa, settings=Generation(max_new_tokens=200), max_seconds=0.0)

    assert chat.ask("What is it?").ended_by == "time"


def test_two_questions_at_once_are_refused(qa):
    chat = Conversation(qa, settings=SHORT)
    errors = []

    def ask_again(_piece):
        def other():
            try:
                chat.ask("And?")
            except GenerationError as error:
                errors.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    chat.ask("What is it?", on_text=ask_again)

    assert "still answering" in errors[0]
    assert len(chat.turns) == 1


def test_a_turn_cannot_be_taken_back_while_it_is_answered(qa):
    chat = Conversation(qa, settings=SHORT)
    errors = []

    def take_back(_piece):
        for change in (chat.undo, chat.clear):
            with pytest.raises(GenerationError, match="still answering") as error:
                change()
            errors.append(error)

    chat.ask("What is it?", on_text=take_back)

    assert errors
    assert len(chat.turns) == 1


def test_a_turn_that_is_not_there_is_named(qa):
    with pytest.raises(GenerationError, match="has 0 turns, and -1 is none of them"):
        Conversation(qa).undo()


def test_beams_are_refused_in_a_conversation(qa):
    with pytest.raises(GenerationError, match="without beams"):
        Conversation(qa).ask("Hello", settings=Generation(num_beams=2))


def test_times_in_an_answer_stay_tokens_and_spelt_tags_stay_text(qa):
    tokenizer = qa.processor.tokenizer
    spelt = encode(tokenizer, f"from {CHAT_END} ", trusted=False)
    stamp, end = (token_id(tokenizer, t) for t in (timestamp_token(2.33), CHAT_END))

    parts = answer_parts(tokenizer, [*spelt, stamp, end])

    assert parts == (Text(f"from {CHAT_END} "), Text(timestamp_token(2.33), is_trusted=True))


def test_a_saved_conversation_goes_on_as_before(qa, tmp_path):
    chat = Conversation(qa, system="Be brief.", settings=SHORT)
    exact = np.round(tone(1.0)[0] * 32767).astype(np.int16), RATE
    chat.ask("Was ist das – 你好?", clips=[exact, tone(0.5, 333.3)])
    chat.save(tmp_path / "talk.json")

    again = Conversation.load(tmp_path / "talk.json", qa, settings=SHORT)

    assert again.system == "Be brief."
    assert again.messages == chat.messages or [m.text for m in again.messages] == [
        m.text for m in chat.messages
    ]
    assert [c.fingerprint for c in again.clips] == [c.fingerprint for c in chat.clips]
    assert {p.suffix for p in (tmp_path / "talk.clips").iterdir()} == {".flac", ".wav"}
    assert again.ask("And?").ids == chat.ask("And?").ids


def test_a_saved_file_can_name_no_other_file(qa, tmp_path):
    chat = Conversation(qa, settings=SHORT)
    chat.ask("What?", clips=tone(0.5))
    path = tmp_path / "talk.json"
    chat.save(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    record["turns"][0]["clips"][0]["sha256"] = "../../etc/passwd"
    path.write_text(json.dumps(record), encoding="utf-8")

    with pytest.raises(DataError, match="names no clip"):
        Conversation.load(path, qa)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "is not a saved conversation"),
        ("{}", "not a saved conversation"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")

    with pytest.raises(DataError, match=message):
        Conversation.load(tmp_path / "x.json", None)


def test_a_clip_that_is_missing_is_named(qa, tmp_path):
    chat = Conversation(qa, settings=SHORT)
    chat.ask("What?", clips=tone(0.5))
    chat.save(tmp_path / "talk.json")
    for file in (tmp_path / "talk.clips").iterdir():
        file.unlink()

    with pytest.raises(DataError, match="keep the folder beside the JSON file"):
        Conversation.load(tmp_path / "talk.json", qa)


@dataclass
class Parrot:
    """Any model with `reply_to`."""

    heard: list = field(default_factory=list)

    def reply_to(self, messages, *, settings):
        self.heard.append((messages, settings))
        return Reply(text=messages[-1].text.upper())


def test_any_model_with_reply_to_can_converse():
    parrot = Parrot()
    chat = Conversation(parrot, system=None)

    assert list(chat.stream("hello")) == ["HELLO"]
    assert chat.ask("bye", clips=tone(0.5)).text == "BYE"
    assert [message.text for message in parrot.heard[-1][0]] == ["hello", "HELLO", "bye"]
