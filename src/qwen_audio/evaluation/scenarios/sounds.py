"""Where the clips of the scenarios come from: a user's folder, a local voice, packaged examples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources import as_file
from pathlib import Path

from qwen_audio.audio.sound import Sound
from qwen_audio.audio.sources import Clip, load_clip
from qwen_audio.errors import DataError
from qwen_audio.evaluation.scenarios.records import NeededClip

ORIGINAL = "given"  # the original's own clip, or one that the user gives for it
SPOKEN = "spoken"  # the same words, by a local voice
STAND_IN = "stand-in"  # something else, of the same kind at best

_EXAMPLES = ("serving", "page", "clips")
Speak = Callable[[str], Sound]


@dataclass(frozen=True, kw_only=True)
class HeardClip:
    """A clip that is heard in a scenario, and how near it is to the one that is meant."""

    name: str
    clip: Clip
    kind: str


def find_sounds(
    needed: Iterable[NeededClip], folders: Sequence[Path] = (), *, speak: Speak | None = None
) -> Mapping[str, HeardClip]:
    """Return what is heard for each clip that is needed.

    Args:
        needed: the clips.
        folders: of a user: files named as the clip or as the original's file, any ending.
        speak: a local voice for words that have to be said, if there is one.

    Raises:
        DataError: a folder that is none.
        AudioError: a file that cannot be heard.
    """
    files = _files(folders)
    return {clip.name: _heard(clip, files, speak) for clip in needed}


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder; give one with clips, such as glass.wav")
    found = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.stem: path for path in reversed(found)}


def _heard(needed: NeededClip, files: Mapping[str, Path], speak: Speak | None) -> HeardClip:
    path = files.get(needed.name) or files.get(needed.original)
    if path is not None:
        return HeardClip(name=needed.name, clip=load_clip(path), kind=ORIGINAL)
    if needed.says is not None and speak is not None:
        return HeardClip(name=needed.name, clip=speak(needed.says).as_clip(), kind=SPOKEN)
    # The page's examples are read as files; nothing of the server is imported.
    example = resources.files("qwen_audio").joinpath(*_EXAMPLES, needed.stand_in)
    with as_file(example) as file:
        return HeardClip(name=needed.name, clip=load_clip(file), kind=STAND_IN)
