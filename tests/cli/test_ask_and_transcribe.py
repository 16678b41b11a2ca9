"""The verbs that hear clips: what they pass on and what they print."""

import json
from collections.abc import Callable

import pytest


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


# ask


def test_the_last_argument_is_the_question(run: Callable, model: object) -> None:
    result = run("ask", "dog.wav", "What is it?")

    assert (result.code, result.out, result.err) == (0, "a dog – What is it?\n", "")
    assert model.calls == [(None, {}), ("dog.wav", "What is it?", {"settings": {}})]


def test_several_clips_are_one_question(run: Callable, model: object) -> None:
    result = run("ask", "a.wav", "b.wav", "Which is louder?", "--json")

    assert model.calls[1] == (["a.wav", "b.wav"], "Which is louder?", {"settings": {}})
    assert lines(result.out) == [
        {
            "audio": ["a.wav", "b.wav"],
            "question": "Which is louder?",
            "text": "a dog – Which is louder?",
        }
    ]


def test_the_settings_given_are_passed_on_and_no_others(run: Callable, model: object) -> None:
    options = [
        "--max-new-tokens",
        "9",
        "--temperature",
        "0.7",
        "--top-p",
        "0.5",
        "--seed",
        "3",
        "--system",
        "Kind",
    ]
    where = ["--model", "m", "--device", "cuda:1", "--dtype", "bfloat16"]

    run("ask", *options, *where, "a.wav", "Why?")

    settings = {"max_new_tokens": 9, "temperature": 0.7, "top_p": 0.5, "seed": 3}
    assert model.calls == [
        ("m", {"dtype": "bfloat16", "device": "cuda:1"}),
        ("a.wav", "Why?", {"settings": settings, "system": "Kind"}),
    ]


@pytest.mark.usefixtures("model")
def test_times_in_a_reply_are_printed_as_spans(run: Callable) -> None:
    (record,) = lines(run("ask", "dog.wav", "when?", "--json").out)

    assert record["audio"] == "dog.wav"
    assert record["spans"] == [{"text": "dog", "start": 2.33, "end": 3.26}]


@pytest.mark.usefixtures("model")
def test_a_reply_can_be_printed_as_it_comes(run: Callable) -> None:
    assert run("ask", "dog.wav", "What?", "--stream").out == "a dög\n"


@pytest.mark.usefixtures("model")
def test_each_clip_can_be_asked_alone_and_a_bad_one_stops_none(run: Callable) -> None:
    result = run("ask", "a.wav", "bad.wav", "b.wav", "What?", "--each", "--json")

    assert result.code == 1
    assert [record["audio"] for record in lines(result.out)] == ["a.wav", "b.wav"]
    assert result.err == "qwen-audio ask: cannot find bad.wav; check the path\n"


@pytest.mark.usefixtures("model")
def test_a_question_about_a_bad_clip_has_no_answer(run: Callable) -> None:
    result = run("ask", "a.wav", "bad.wav", "What?")

    assert (result.code, result.out) == (1, "")
    assert result.err == "qwen-audio ask: cannot find bad.wav; check the path\n"


@pytest.mark.usefixtures("model")
def test_a_long_question_is_no_file_name(run: Callable) -> None:
    assert run("ask", "a.wav", "why? " * 200).code == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "Missing argument"),
        (["a.wav"], "give at least one clip and, last, the question"),
        (["a.wav", __file__], "the last argument is the question, and"),
        (["a.wav", "What?", "--json", "--stream"], "choose one of --stream and --json"),
    ],
)
def test_wrong_usage_of_ask(run: Callable, model: object, argv: list[str], message: str) -> None:
    result = run("ask", *argv)

    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.split())
    assert model.calls == []


# transcribe


def test_one_clip_prints_its_text_only(run: Callable, model: object) -> None:
    result = run("transcribe", "de.wav", "--language", "de", "--model", "m")

    assert (result.code, result.out, result.err) == (0, "grüß dich\n", "")
    assert model.calls == [("m", {}), ("de.wav", {"language": "de", "words": False})]


@pytest.mark.usefixtures("model")
def test_a_clip_in_which_nothing_is_said_is_named(run: Callable) -> None:
    result = run("transcribe", "silent.wav")

    assert (result.code, result.out) == (0, "\n")
    assert "silent.wav: no speech was heard in it" in result.err


@pytest.mark.usefixtures("model")
def test_several_clips_print_their_names(run: Callable) -> None:
    assert run("transcribe", "a.wav", "b.wav").out == "a.wav: grüß dich\nb.wav: grüß dich\n"


@pytest.mark.usefixtures("model")
def test_words_are_printed_with_their_times(run: Callable) -> None:
    result = run("transcribe", "a.wav", "--words")

    assert result.out.splitlines() == [
        "grüß dich",
        "    0.00     0.30  grüß",
        "    0.30     0.75  dich",
    ]


@pytest.mark.usefixtures("model")
def test_json_is_one_object_a_line_and_clip(run: Callable) -> None:
    result = run("transcribe", "a.wav", "b.wav", "--words", "--json")

    words = [
        {"word": "grüß", "start": 0.0, "end": 0.3},
        {"word": "dich", "start": 0.3, "end": 0.75},
    ]
    assert lines(result.out) == [
        {"audio": name, "text": "grüß dich", "language": "de", "words": words}
        for name in ("a.wav", "b.wav")
    ]
    assert "words" not in lines(run("transcribe", "a.wav", "--json").out)[0]


@pytest.mark.usefixtures("model")
def test_a_bad_clip_stops_none_of_the_others(run: Callable) -> None:
    result = run("transcribe", "bad.wav", "a.wav", "worse.wav", "b.wav", "--json")

    assert result.code == 1
    assert [record["audio"] for record in lines(result.out)] == ["a.wav", "b.wav"]
    assert result.err.splitlines() == [
        "qwen-audio transcribe: cannot find bad.wav; check the path",
        "qwen-audio transcribe: worse.wav: too quiet",
    ]
