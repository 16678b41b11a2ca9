"""`qwen-audio chat`: a conversation about clips in the terminal."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer

import qwen_audio
from qwen_audio.cli.options import Device, Dtype, Model, given, open_model
from qwen_audio.cli.output import print_error
from qwen_audio.errors import AudioError, QwenAudioError, unknown_name

EXAMPLE = "qwen-audio chat dog.wav street.mp3"

PROMPT = "> "
FREER = {"temperature": 0.7, "top_p": 0.8}  # for another answer, where replies are the likeliest


def chat(
    clips: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLIP]...", help="Heard with your first question."),
    ] = None,
    *,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with a conversation that /save wrote.")
    ] = None,
    model: Model = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest reply, in tokens.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0 for the likeliest reply, 1 for a free one.")
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Talk with the model about clips; /help tells what else you can write.

    Ctrl-C ends a reply, Ctrl-D the conversation.
    """
    qa = open_model(model, device=device, dtype=dtype)
    settings = qwen_audio.Generation(
        **given(max_new_tokens=max_new_tokens, temperature=temperature)
    )
    options = {"settings": settings, **given(system=system)}
    if resume is None:
        conversation = qwen_audio.Conversation(qa, **options)
    else:
        conversation = qwen_audio.Conversation.load(resume, qa, **options)
    talk = Talk(conversation)
    for clip in clips or []:
        talk.add(clip)
    while talk.is_open:
        try:
            line = input(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        talk.take(line)


@dataclass
class Talk:
    """A conversation at the terminal.

    Attributes:
        conversation: what was said so far.
        waiting: the clips that the next question will bring along.
        paths: the files that this person named, by what is in them; edits are made on these.
        is_open: whether to go on.
    """

    conversation: Any
    waiting: list[Any] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    is_open: bool = True

    def take(self, line: str) -> None:
        """Do what a line says: a command after a slash, else a question."""
        name, _, rest = line.partition(" ")
        try:
            if not line:
                return
            if not name.startswith("/"):
                self._show(self.conversation.stream(line, clips=list(self.waiting)))
                self.waiting.clear()
            elif name[1:] in COMMANDS:
                COMMANDS[name[1:]][1](self, rest.strip())
            else:
                print_error(unknown_name("command", name[1:], COMMANDS))
        except (QwenAudioError, OSError) as error:
            print_error(error)

    def add(self, path: str) -> None:
        """Let a clip wait for the next question."""
        from qwen_audio.inference.windowed import LONGEST_S

        clip = qwen_audio.load_clip(path, max_seconds=LONGEST_S)
        self.waiting.append(clip)
        self.paths[clip.fingerprint] = path
        number = len(self.conversation.clips) + len(self.waiting)
        print(f"Audio {number}: {clip.name} ({clip.duration_s:.1f} s)")

    def edit(self, instruction: str) -> None:
        """Edit the last clip as told, save the result, and let it wait for the next question."""
        from qwen_audio.audio.edits import Edits
        from qwen_audio.audio.sound import load_sound
        from qwen_audio.inference.instructed import edit_as_told, words_of

        clips = [*self.conversation.clips, *self.waiting]
        if not clips:
            raise AudioError("there is no clip to edit; /add one first")
        clip = clips[-1]
        edits = Edits(load_sound(self.paths.get(clip.fingerprint, clip)))
        edit_as_told(edits, instruction, hear_words=words_of(self.conversation.model))
        path = _free_name(Path(clip.name or "clip").stem + "-edited")
        edits.save(path)
        print(f"saved {path}")
        self.add(str(path))

    def undo(self, _rest: str) -> None:
        """Take the last turn back; its clips wait for the next question again."""
        turn = self.conversation.undo()
        self.waiting[:0] = turn.clips
        print(f"taken back: {turn.question}")

    def again(self, _rest: str) -> None:
        """Answer the last question anew, freely where replies are the likeliest otherwise."""
        settings = self.conversation.settings
        if settings.temperature == 0:
            settings = replace(settings, **FREER)
        last = len(self.conversation.turns) - 1
        if last < 0:
            self.conversation.undo()  # says that there is no turn
        turn = self.conversation.turns[last]
        options = {"clips": list(turn.clips), "settings": settings, "turn": last}
        self._show(self.conversation.stream(turn.question, **options))

    def save(self, path: str) -> None:
        """Write the conversation."""
        path = path or "conversation.json"
        self.conversation.save(path)
        print(f"saved {path}")

    def close(self, _rest: str) -> None:
        """End the conversation."""
        self.is_open = False

    def help(self, _rest: str) -> None:
        """List the commands."""
        for name, (summary, _) in COMMANDS.items():
            print(f"/{name:<12}{summary}")

    def _show(self, pieces: Any) -> None:
        """Print a reply while it comes; Ctrl-C ends it."""
        try:
            for piece in pieces:
                print(piece, end="", flush=True)
        except KeyboardInterrupt:
            pieces.close()
            print(" …", end="")
        print(flush=True)
        self._show_spans()

    def _show_spans(self) -> None:
        for span in self.conversation.turns[-1].reply.spans:
            print(f"  [{span.start_s:.2f} to {span.end_s:.2f} s] {span.text or ''}".rstrip())


COMMANDS: dict[str, tuple[str, Callable[[Talk, str], None]]] = {
    "add": ("PATH: a clip for the next question", Talk.add),
    "edit": ("INSTRUCTION: such as cut out the word 'joyful', on the last clip", Talk.edit),
    "undo": ("take the last question back", Talk.undo),
    "again": ("answer the last question anew", Talk.again),
    "save": ("[PATH]: write the conversation as JSON, its clips beside it", Talk.save),
    "help": ("this list", Talk.help),
    "quit": ("end the conversation", Talk.close),
}
"""What may stand after a slash."""


def _free_name(stem: str) -> Path:
    """Return the name of a FLAC file in this folder that is not there yet."""
    names = (Path(f"{stem}{number or ''}.flac") for number in count())
    return next(name for name in names if not name.exists())
