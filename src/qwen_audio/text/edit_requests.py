"""A person's instruction to edit sound, such as "cut out the word 'joyful'", as a record.

A small grammar, not a model: what it does not know it says, so that no edit is a guess.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_audio.errors import PromptError
from qwen_audio.text.vocab import Seconds

WHICH = ("first", "last", "every")
EXAMPLES = (
    "cut out the word 'joyful'",
    "beep every 'damn'",
    "extract from 1.5 to 3 s",
    "replace 'joyful' with 'interesting'",
    "insert 'very' before 'happy'",
    "fade out over 2 s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What part of the sound is meant: a phrase that is said, or times.

    Attributes:
        phrase: what is said there.
        which: "first", "last" or "every" where it is said more than once; None if not told.
        start_s: where the part begins, in seconds; counted from the end if below 0.
        end_s: where it ends; None for the end of the sound.
    """

    phrase: str | None = None
    which: str | None = None
    start_s: Seconds = 0.0
    end_s: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """What to do with which part.

    Attributes:
        action: "remove", "extract", "mute", "beep", "replace", "insert", "fade in" or "fade out".
        target: the part it is about; of a fade, how long it lasts is `end_s`.
        text: new words to be spoken, for "replace" and "insert".
        side: "before" or "after" the target, for "insert".
    """

    action: str
    target: Target
    text: str | None = None
    side: str | None = None


QUOTES = "\"'`‘’“”„«»「」"
_QUOTED = re.compile(
    r"\"([^\"]+)\"|'((?:[^']|'(?=\w))+)'|`([^`]+)`|“([^”]+)”|‘([^’]+)’|「([^」]+)」"
)
_TIME = r"(\d+(?::\d\d){0,2}(?:\.\d+)?)\s*(?:s|sec|secs|seconds?)?"
_RANGE = re.compile(rf"(?:from|between)\s+{_TIME}\s*(?:to|till|until|and|-|–)\s*{_TIME}$")
_EDGE = re.compile(rf"(?:the\s+)?(first|last)\s+{_TIME}$")
_FADE = re.compile(rf"fade\s+(?:it\s+)?(in|out)(?:\s+(?:over|for|in|within)?\s*{_TIME})?$")
_WHICH = re.compile(
    r"^(?:(?:the\s+)?(first|last)|(every|each|all))(?:\s+(?:of\s+)?(?:the\s+)?)?", re.I
)
_NOUN = re.compile(
    r"^(?:the\s+)?(?:words?|phrases?|sentences?|names?|occurrences?\s+of|part\s+where\s+\w+\s+says?)"
    r"\s*(?:the\s+words?\s+)?",
    re.I,
)
_VERBS = {
    "remove": r"cut\s+out|take\s+out|remove|delete|erase|drop|cut",
    "extract": r"cut\s+a\s+clip\s+(?:of|with)|clip\s+out|extract|keep(?:\s+only)?|crop\s+to",
    "mute": r"mute|silence",
    "beep": r"beep(?:\s+out)?|bleep(?:\s+out)?|censor",
    "replace": r"replace|change|swap",
    "insert": r"insert|add|say",
}
_DEFAULT_FADE_S = 1.0


def parse_edit(instruction: str) -> EditRequest:
    """Return what an instruction asks for.

    >>> parse_edit("Cut out the word 'joyful'.").target.phrase
    'joyful'

    Raises:
        PromptError: an instruction that is not understood, with examples of some that are.
    """
    text = re.sub(r"^(?:please|can you|could you|now)\s+", "", instruction.strip(), flags=re.I)
    text = text.rstrip(" .!?")
    if fade := _FADE.match(text.lower()):
        seconds = _DEFAULT_FADE_S if fade[2] is None else _seconds(fade[2])
        return EditRequest(action=f"fade {fade[1]}", target=Target(end_s=seconds))
    verbs = sorted(_VERBS.items(), key=lambda row: row[0] != "extract")  # "cut a clip" before "cut"
    for action, pattern in verbs:
        if found := re.match(rf"(?:{pattern})\s+(.+)$", text, re.I | re.S):
            return _request(action, found[1], instruction)
    raise _not_understood(instruction)


def _request(action: str, rest: str, instruction: str) -> EditRequest:
    if action == "replace":
        target, text = _split(rest, r"with|to|by|into|for", instruction)
        return EditRequest(action=action, target=_target(target), text=_unquoted(text))
    if action == "insert":
        text, target = _split(rest, r"before|after", instruction)
        side = re.search(r"\s(before|after)\s", _without_quotes(rest), re.I)[1].lower()
        return EditRequest(
            action=action, target=_target(target), text=_unquoted(_NOUN.sub("", text)), side=side
        )
    return EditRequest(action=action, target=_target(rest))


def _target(text: str) -> Target:
    """Return what part a piece of an instruction names."""
    text = text.strip()
    lowered = text.lower()
    if stretch := _RANGE.search(lowered):
        return Target(start_s=_seconds(stretch[1]), end_s=_seconds(stretch[2]))
    if edge := _EDGE.fullmatch(lowered):
        seconds = _seconds(edge[2])
        return Target(end_s=seconds) if edge[1] == "first" else Target(start_s=-seconds)
    which = None
    if (found := _WHICH.match(text)) and found.end() < len(text):
        which = "every" if found[2] else found[1].lower()
        text = text[found.end() :].strip()
    return Target(phrase=_unquoted(_NOUN.sub("", text)), which=which)


def _split(text: str, words: str, instruction: str) -> tuple[str, str]:
    """Return what stands before and after the last of the words that is outside of quotes."""
    places = list(re.finditer(rf"\s(?:{words})\s", _without_quotes(text), re.I))
    if not places:
        raise _not_understood(instruction)
    last = places[-1]
    return text[: last.start()], text[last.end() :]


def _without_quotes(text: str) -> str:
    """Return the text with what is in quotes blanked, at the same places."""
    return _QUOTED.sub(lambda found: "_" * len(found[0]), text)


def _unquoted(text: str) -> str:
    """Return what is in quotes, or all of it."""
    found = _QUOTED.search(text)
    words = next(filter(None, found.groups())) if found else text
    return words.strip().strip(QUOTES).strip()


def _seconds(clock: str) -> float:
    """Return the seconds of a time such as 2.5, 1:30 or 1:02:03."""
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total


def _not_understood(instruction: str, examples: Sequence[str] = EXAMPLES) -> PromptError:
    return PromptError(
        f"cannot tell what to edit from {instruction[:80]!r}; write for example: "
        f"{'; '.join(examples)}"
    )
