"""A checkpoint in another layout or number type."""

from pathlib import Path

from qwen_audio.checkpoints.folder import VOCABULARY_FILE, as_dtype, family_of, save_released
from qwen_audio.checkpoints.load import find_folder, load_folder
from qwen_audio.errors import CheckpointError, unknown_name

LAYOUTS = ("qwen_audio", "released")


def convert(
    source: Path | str, target: Path | str, *, layout: str = "released", dtype: str = "auto"
) -> None:
    """Write a model in another layout: "released" as Qwen/Qwen-Audio, "qwen_audio" as ours.

    Args:
        source: folder or hub name of a Qwen-Audio of either layout.
        target: folder to write; it must not be the source.
        layout: which of the two.
        dtype: of the weights written; "auto" as stored.

    Raises:
        CheckpointError: an unknown layout, or a model that it cannot express.
    """
    if layout not in LAYOUTS:
        raise CheckpointError(unknown_name("layout", layout, LAYOUTS))
    folder, target = find_folder(source), Path(target)
    if target.resolve() == folder.resolve():
        raise CheckpointError(f"{target} is the source itself; give another folder to write")
    if family_of(folder) == "qwen2_audio":
        raise CheckpointError("a Qwen2-Audio has another network; only Qwen-Audio is converted")
    as_dtype(dtype)
    loaded = load_folder(folder, dtype=dtype)
    if layout == "released":
        save_released(loaded.model, target, vocabulary=folder / VOCABULARY_FILE)
    else:
        loaded.model.save_pretrained(target)
        loaded.processor.save_pretrained(target)
        vocabulary = folder / VOCABULARY_FILE
        if vocabulary.is_file():  # so that the way back stays open
            (target / VOCABULARY_FILE).write_bytes(vocabulary.read_bytes())
