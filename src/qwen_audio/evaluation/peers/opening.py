"""Opens a peer from "KIND:WHERE", such as "whisper:models/whisper-base"."""

from qwen_audio.errors import EvaluationError, unknown_name
from qwen_audio.evaluation.peers.records import Listener

KINDS = {
    "whisper": "folder of a transformers Whisper",
    "qwen2-audio": "folder of a Qwen2-Audio",
    "openai": "URL of an OpenAI-compatible server, then #MODEL if it has several",
}


def open_peer(
    text: str, *, device: str | None = None, dtype: str | None = None, key: str | None = None
) -> Listener:
    """Return the listener that "KIND:WHERE" names.

    Args:
        text: the kind and where it is.
        device: where to run it.
        dtype: of the weights.
        key: for a server.

    Raises:
        EvaluationError: an unknown kind, or nothing there.
    """
    kind, _, where = text.partition(":")
    if kind not in KINDS:
        raise EvaluationError(unknown_name("kind of peer", kind, KINDS))
    if not where:
        raise EvaluationError(f"{text!r} says no place; write {kind}:WHERE ({KINDS[kind]})")
    if kind == "openai":
        from qwen_audio.evaluation.peers.served import open_served

        return open_served(where, key=key)
    if kind == "whisper":
        from qwen_audio.evaluation.peers.whisper import open_whisper

        return open_whisper(where, device=device, dtype=dtype)
    from qwen_audio.evaluation.peers.ours import listener_of
    from qwen_audio.inference.loading import load

    given = {name: value for name, value in (("device", device), ("dtype", dtype)) if value}
    return listener_of(load(where, **given), name=where.rstrip("/").rpartition("/")[2])
