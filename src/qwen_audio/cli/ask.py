"""`qwen-audio ask`: a question about clips, answered."""

from pathlib import Path
from typing import Annotated, Any

import typer

import qwen_audio
from qwen_audio.cli.options import AsJson, Device, Dtype, Model, given, open_model
from qwen_audio.cli.output import for_each_clip, print_json

EXAMPLE = 'qwen-audio ask dog.wav street.mp3 "Which of the two is louder?"'


def ask(
    words: Annotated[
        list[str],
        typer.Argument(metavar="CLIP... QUESTION", help="Sound files, and last the question."),
    ],
    *,
    each: Annotated[
        bool, typer.Option("--each", help="Ask about each clip alone, not about all together.")
    ] = False,
    model: Model = None,
    as_json: AsJson = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the reply as it comes.")] = False,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest reply, in tokens.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0 for the likeliest reply, 1 for a free one.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Sample from the tokens that hold this probability.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the sampling.")] = None,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Answer a question about one or more clips; the last argument is the question."""
    clips, question = _split(words)
    if stream and as_json:
        raise typer.BadParameter("choose one of --stream and --json")
    qa = open_model(model, device=device, dtype=dtype)
    settings = given(max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed)
    options = {"settings": qwen_audio.Generation(**settings), **given(system=system)}

    def answer(source: str | list[str]) -> None:
        if stream:
            _stream(qa, source, question, options)
            return
        reply = qa.ask(source, question, **options)
        if as_json:
            print_json(_record(source, question, reply))
        else:
            print(f"{source}: {reply.text}" if each and len(clips) > 1 else reply.text, flush=True)

    if not each:
        answer(clips if len(clips) > 1 else clips[0])
    elif not for_each_clip(clips, answer, verb="ask"):
        raise typer.Exit(1)


def _split(words: list[str]) -> tuple[list[str], str]:
    *clips, question = words
    if not clips:
        raise typer.BadParameter("give at least one clip and, last, the question")
    if _is_file(question):
        raise typer.BadParameter(f"the last argument is the question, and {question} is a file")
    return clips, question


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # longer than a name can be: a question
        return False


def _stream(qa: Any, source: str | list[str], question: str, options: dict[str, Any]) -> None:
    """Print the reply to one question while it comes."""
    from qwen_audio.text.stream import TextStream  # brings torch, as the model did

    text = TextStream(qa.processor.tokenizer, skip_special=True)

    def show(token: int) -> None:
        print(text.push(token), end="", flush=True)

    qa.ask(source, question, on_token=show, **options)
    print(text.finish(), flush=True)


def _record(source: str | list[str], question: str, reply: Any) -> dict[str, Any]:
    record: dict[str, Any] = {"audio": source, "question": question, "text": reply.text}
    if reply.spans:
        record["spans"] = [
            {"text": span.text, "start": span.start_s, "end": span.end_s} for span in reply.spans
        ]
    return record
