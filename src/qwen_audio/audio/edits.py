"""A sound and what was done to it: every edit can be taken back, and the original is never lost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from qwen_audio.audio import editing
from qwen_audio.audio.sound import Sound, save_sound
from qwen_audio.audio.sources import Seconds
from qwen_audio.errors import AudioError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of a sound.

    Attributes:
        kind: one of `KINDS`.
        start_s: where it begins, in seconds of the sound before this edit; of "fade in" and
            "fade out" and "splice" not used.
        end_s: where it ends; of "fade in" and "fade out" how long they last.
        other: the sound that is put in.
    """

    kind: str
    start_s: Seconds = 0.0
    end_s: Seconds = 0.0
    other: Sound | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise AudioError(unknown_name("edit", self.kind, KINDS))
        if (self.other is not None) != (self.kind in _WITH_OTHER):
            needs = "needs another sound" if self.kind in _WITH_OTHER else "takes no other sound"
            raise AudioError(f"{self.kind} {needs}; see Edit.other")


KINDS: dict[str, Callable[[Sound, Edit], Sound]] = {
    "remove": lambda sound, edit: editing.remove(sound, edit.start_s, edit.end_s),
    "extract": lambda sound, edit: editing.extract(sound, edit.start_s, edit.end_s),
    "mute": lambda sound, edit: editing.mute(sound, edit.start_s, edit.end_s),
    "beep": lambda sound, edit: editing.beep(sound, edit.start_s, edit.end_s),
    "fade in": lambda sound, edit: editing.fade(sound, in_s=edit.end_s),
    "fade out": lambda sound, edit: editing.fade(sound, out_s=edit.end_s),
    "splice": lambda sound, edit: editing.splice(sound, edit.other),
    "insert": lambda sound, edit: editing.insert(sound, edit.other, at_s=edit.start_s),
    "replace": lambda sound, edit: editing.replace(
        sound, edit.other, start_s=edit.start_s, end_s=edit.end_s
    ),
}
"""Every kind of edit, and the function that makes it."""

_WITH_OTHER = ("splice", "insert", "replace")


class Edits:
    """A sound under edit.

    >>> edits = Edits(load_sound("talk.flac"))  # doctest: +SKIP
    >>> edits.apply(Edit(kind="remove", start_s=1.0, end_s=1.5))  # doctest: +SKIP
    >>> edits.undo()  # doctest: +SKIP
    >>> edits.save("shorter.flac")  # doctest: +SKIP

    Args:
        original: the sound before any edit.
    """

    def __init__(self, original: Sound) -> None:
        self.original = original
        self.done: tuple[tuple[Edit, ...], ...] = ()
        self._undone: tuple[tuple[Edit, ...], ...] = ()
        self._sound = original

    @property
    def sound(self) -> Sound:
        """The sound with every edit made."""
        return self._sound

    def apply(self, *step: Edit) -> Sound:
        """Make edits in order, as one step of undo, and return the new sound.

        Raises:
            AudioError: an edit outside the sound; nothing is changed then.
        """
        self._sound = _applied(self._sound, step)
        self.done, self._undone = (*self.done, step), ()
        return self._sound

    def undo(self) -> Sound:
        """Take the last step back.

        Raises:
            AudioError: nothing was done.
        """
        if not self.done:
            raise AudioError("there is no edit to take back; the sound is the original")
        self._undone = (*self._undone, self.done[-1])
        self.done = self.done[:-1]
        self._sound = reduce(_applied, self.done, self.original)  # no version is kept in memory
        return self._sound

    def redo(self) -> Sound:
        """Make the step that was taken back last once more.

        Raises:
            AudioError: nothing was taken back.
        """
        if not self._undone:
            raise AudioError("there is no edit to make again; undo one first")
        *rest, step = self._undone
        self._sound = _applied(self._sound, step)
        self.done, self._undone = (*self.done, step), tuple(rest)
        return self._sound

    def save(self, path: str | Path) -> None:
        """Write the sound as FLAC or WAV, by the file's ending."""
        save_sound(self._sound, path)


def _applied(sound: Sound, step: tuple[Edit, ...]) -> Sound:
    return reduce(lambda now, edit: KINDS[edit.kind](now, edit), step, sound)
