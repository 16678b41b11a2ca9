"""Every shape in which people keep conversations gives the same turns."""

import json
from pathlib import Path

import pytest

from qwen_audio.errors import DataError
from qwen_audio.training.finetuning.rows import Turn, read_conversations

ONE = (Turn(role="user", parts=(Path("a.wav"), "What?")), Turn(role="assistant", parts=("A dog.",)))
ANSWER = {"role": "assistant", "content": "A dog."}
CHATML = (
    "<|im_start|>user\nAudio 1: <audio>a.wav</audio>\nWhat?<|im_end|>\n"
    "<|im_start|>assistant\nA dog.<|im_end|>"
)
SHAPES = {
    "ms-swift": {
        "messages": [{"role": "user", "content": "<audio>What?"}, ANSWER],
        "audios": ["a.wav"],
    },
    "no place": {"messages": [{"role": "user", "content": "What?"}, ANSWER], "audios": "a.wav"},
    "transformers": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "audio", "audio_url": "a.wav"},
                    {"type": "text", "text": "What?"},
                ],
            },
            ANSWER,
        ]
    },
    "conversations": {
        "conversations": [
            {"from": "human", "value": "Audio 1: <audio>a.wav</audio>\nWhat?"},
            {"from": "gpt", "value": "A dog."},
        ]
    },
    "query": {"query": "Audio 1:<audio>a.wav</audio>\nWhat?", "response": "A dog."},
    "chatml": {"text": CHATML},
}


def read(tmp_path, *rows):
    path = tmp_path / "my.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read_conversations(path)


def turns(conversation, root):
    """Return the turns with paths relative to the file again."""
    return tuple(
        Turn(
            role=turn.role,
            parts=tuple(p.relative_to(root) if isinstance(p, Path) else p for p in turn.parts),
        )
        for turn in conversation.turns
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_turns(shape, tmp_path):
    (one,) = read(tmp_path, SHAPES[shape])

    assert turns(one, tmp_path) == ONE


def test_chatml_lines_with_newlines_spelt_out_and_ends_missing_are_read(tmp_path):
    path = tmp_path / "sft_sample.txt"
    spelt = CHATML.replace("\n", "\\n")
    whole = f"<|im_start|>system\\nYou help.<|im_end|>\\n{spelt}"
    lacking = f"<|im_start|>systemYou help.<|im_end|>\\n{spelt.removesuffix('<|im_end|>')}"
    path.write_text(f"{whole}\n\n{lacking}\n", encoding="utf-8")

    first, second = read_conversations(path)

    assert turns(first, tmp_path) == turns(second, tmp_path)
    assert turns(first, tmp_path) == (Turn(role="system", parts=("You help.",)), *ONE)


def test_several_turns_and_clips_keep_their_order(tmp_path):
    row = {
        "query": "<audio><audio>Same?",
        "response": "No.",
        "history": [["<audio>Who?", "Ann"]],
        "system": "Be short.",
        "audios": ["a.wav", "b.wav", "/c.wav"],
    }

    (one,) = read(tmp_path, row)

    assert one.clips == (tmp_path / "a.wav", tmp_path / "b.wav", Path("/c.wav"))
    assert [turn.role for turn in one.turns] == ["system", *("user", "assistant") * 2]


def test_a_path_in_a_reply_stays_text(tmp_path):
    answer = {"role": "assistant", "content": "<audio>/etc/passwd</audio>"}

    (one,) = read(tmp_path, {"messages": [{"role": "user", "content": "Hi"}, answer]})

    assert one.clips == ()
    assert one.turns[-1].parts == ("<audio>/etc/passwd</audio>",)


def test_a_tagged_prompt_is_read(tmp_path):
    (one,) = read(tmp_path, {"audio": "a.wav", "prompt": "tags", "gt": "hello", "source": "x"})

    assert (one.clip, one.prompt, one.target) == (tmp_path / "a.wav", "tags", "hello")


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"foo": 1}, r"my.jsonl:1: no conversation here.*got foo"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "ends with what the assistant says"),
        ({"messages": [{"role": "bot2", "content": "Hi"}]}, "the roles are"),
        ({"messages": [{"role": "user"}]}, "needs 'content'"),
        (
            {"messages": [{"role": "user", "content": "<audio>"}, ANSWER]},
            "more <audio> places than audios",
        ),
        (
            {
                "messages": [{"role": "user", "content": "<audio>"}, ANSWER],
                "audios": ["a.wav", "b.wav"],
            },
            "1 audios have no <audio> place",
        ),
        (
            {"messages": [{"role": "user", "content": "x"}, ANSWER], "audios": ["https://x/a.wav"]},
            "a URL is never opened",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, match):
    with pytest.raises(DataError, match=match):
        read(tmp_path, row)


def test_an_empty_or_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no conversations"):
        read(tmp_path)
    with pytest.raises(DataError, match="there is no file"):
        read_conversations(tmp_path / "no.txt")
