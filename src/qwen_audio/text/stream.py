"""Text as it is generated: each token adds only whole characters, at the same cost each."""

import codecs
from typing import TYPE_CHECKING

from tokenizers.decoders import ByteLevel

from qwen_audio.text.tokenizers import bytes_to_chars, fast_backend

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_BYTES = {char: byte for byte, char in bytes_to_chars().items()}
_BROKEN = "\N{REPLACEMENT CHARACTER}"
_LONGEST_CHARACTER = 4  # bytes in UTF-8, so tokens at most


class TextStream:
    """Turns ids into text one by one; all pieces together are what decoding all ids gives.

    A character that spans several tokens comes with its last one.

    Args:
        tokenizer: any fast tokenizer.
        skip_special: whether tags and time stamps are left out.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast", *, skip_special: bool = False) -> None:
        backend = fast_backend(tokenizer)
        kind = _ByteStream if isinstance(backend.decoder, ByteLevel) else _WindowStream
        self._stream = kind(tokenizer)
        self._skipped: frozenset[int] = frozenset()
        if skip_special:
            added = backend.get_added_tokens_decoder()
            self._skipped = frozenset(index for index, token in added.items() if token.special)

    def push(self, token: int) -> str:
        """Return the characters that this id completes, often none."""
        return "" if token in self._skipped else self._stream.push(token)

    def finish(self) -> str:
        """Return what is left when no more ids come: a mark for half a character, else nothing."""
        return self._stream.finish()


class _ByteStream:
    """For byte-level vocabularies, in which every token is some bytes."""

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        self._spelling = fast_backend(tokenizer).id_to_token
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        spelling = self._spelling(token)
        if spelling is None:  # a row of the model that names no token; decoding skips it too
            return ""
        return self._characters.decode(_to_bytes(spelling))

    def finish(self) -> str:
        return self._characters.decode(b"", final=True)


class _WindowStream:
    """For all others: decode the last few tokens again, and give what is new.

    Half a character and a replacement character that was meant look the same here, so the second
    may come wrong; byte-level vocabularies have no such doubt.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        self._decode = fast_backend(tokenizer).decode
        self._given: list[int] = []  # the tokens given last: a token's spaces depend on them
        self._waiting: list[int] = []

    def push(self, token: int) -> str:
        self._waiting.append(token)
        text = self._new_text()
        if text.endswith(_BROKEN) and len(self._waiting) < _LONGEST_CHARACTER:
            return ""
        # A token that gives nothing now, such as a first space, may still shape what follows.
        self._given = self._waiting if text else (self._given + self._waiting)[-_LONGEST_CHARACTER:]
        self._waiting = []
        return text

    def finish(self) -> str:
        text = self._new_text()
        self._waiting = []
        return text

    def _new_text(self) -> str:
        before = self._decode(self._given, skip_special_tokens=False)
        both = self._decode(self._given + self._waiting, skip_special_tokens=False)
        return both.removeprefix(before)


def _to_bytes(spelling: str) -> bytes:
    try:
        return bytes(map(_BYTES.__getitem__, spelling))
    except KeyError:  # an added token is spelt as it is
        return spelling.encode()
