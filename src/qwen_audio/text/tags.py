"""The tags that tell a base model what to do with a clip: a record, and its string.

Six tags in a fixed order: `<|startoftranscript|>` or `<|startofanalysis|>`, the language of the
audio, the task, the language of the text, with or without time stamps, and how to write the
output. A question takes the place of the last four.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from qwen_audio.errors import PromptError, unknown_name
from qwen_audio.text import vocab

TRANSCRIPT = "transcript"
ANALYSIS = "analysis"

_START_TOKENS = {TRANSCRIPT: vocab.START_OF_TRANSCRIPT, ANALYSIS: vocab.START_OF_ANALYSIS}
_ACTIONS = {TRANSCRIPT: ("transcribe", "translate"), ANALYSIS: ("caption", "keyword")}
_AUDIO_LANGUAGES = (*vocab.LANGUAGES, vocab.UNKNOWN_LANGUAGE)
_TEXT_LANGUAGES = (*vocab.LANGUAGES, vocab.TRADITIONAL_CHINESE, vocab.UNKNOWN_LANGUAGE)
_CHINESE = ("zh", vocab.TRADITIONAL_CHINESE)

_ACTIONS_OF: dict[str, tuple[str, ...]] = {
    "itn": ("transcribe", "translate"),
    "wo_itn": ("transcribe", "translate"),
    "named_entity_recognition": ("transcribe", "keyword"),
    "speaker_meta": ("transcribe", "keyword"),
    "speech_edit": ("transcribe", "keyword"),
    "audio_grounding": ("caption", "keyword"),
    "audioset_ontology": ("caption", "keyword"),
    "music_description": ("caption", "keyword"),
    "caption_audiocaps": ("caption",),
    "caption_clotho": ("caption",),
    "caption_plain": ("caption",),
}
"""The tasks an output instruction goes with; those not listed go with `keyword`."""

_UNTIMED = ("scene", "emotion_recognition", "vocal_classification", "note_analysis", "song_meta")
_CONTROL = re.compile("|".join((vocab.TAG_PATTERN, *map(re.escape, vocab.CLIP_TOKENS))))


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What a base model is asked to do with the clip before.

    Only a combination that means something can be made; the error says what does not fit.

    >>> Tags(start="transcript", audio_language="de", action="translate", text_language="en",
    ...      instruction="itn").render()
    '<|startoftranscript|><|de|><|translate|><|en|><|notimestamps|><|itn|>'

    Attributes:
        start: "transcript" for words as they are spoken, "analysis" for anything else.
        audio_language: a language's code, or "unknown" where nobody speaks; `None` (and nothing
            after) to let the model say it.
        action: "transcribe", "translate", "caption" or "keyword".
        text_language: the language of the answer.
        timestamps: whether the answer has times. For words with times and no instruction, the
            released form goes on with `timestamps.FIRST_STAMP`.
        instruction: how to write the output, such as "wo_itn" or "scene".
        question: a question about the clip, in place of the four fields before.
    """

    start: str
    audio_language: str | None = None
    action: str | None = None
    text_language: str | None = None
    timestamps: bool = False
    instruction: str | None = None
    question: str | None = None

    def __post_init__(self) -> None:
        _check_name("start", self.start, _START_TOKENS)
        _check_name("audio language", self.audio_language, _AUDIO_LANGUAGES)
        if self.question is not None:
            self._check_question()
        elif self.action is None:
            self._check_nothing_follows("an action")
        elif self.audio_language is None:
            raise PromptError(
                f"the action {self.action!r} needs an audio language before it; give a code, or "
                f"{vocab.UNKNOWN_LANGUAGE!r} where nobody speaks"
            )
        else:
            self._check_action()
            self._check_text_language()
            self._check_instruction()

    def render(self) -> str:
        """Return the tags as a string for `render_tagged`."""
        text = _START_TOKENS[self.start]
        if self.audio_language is None:
            return text
        text += vocab.tag(self.audio_language)
        if self.question is not None:
            return f"{text}{vocab.QUESTION}{self.question}{vocab.ANSWER}"
        if self.action is None or self.text_language is None:
            return text
        text += vocab.tag(self.action) + vocab.tag(self.text_language)
        text += vocab.TIMESTAMPS if self.timestamps else vocab.NO_TIMESTAMPS
        return text if self.instruction is None else text + vocab.tag(self.instruction)

    def _check_question(self) -> None:
        if self.start != ANALYSIS or self.audio_language is None:
            raise PromptError(
                "a question needs start='analysis' and an audio language, got "
                f"start={self.start!r} and audio_language={self.audio_language!r}"
            )
        if self.action is not None:
            raise PromptError(f"give a question or the action {self.action!r}, not both")
        self._check_nothing_follows("a question")
        if not self.question or not self.question.strip():
            raise PromptError("the question is empty; leave it out or ask something")
        if found := _CONTROL.search(self.question):
            raise PromptError(f"a question is plain text, got {found[0]!r} in it; leave that out")

    def _check_nothing_follows(self, what: str) -> None:
        if self.text_language or self.timestamps or self.instruction:
            where = "besides" if what == "a question" else "without"
            raise PromptError(
                f"text_language, timestamps and instruction mean nothing {where} {what}; "
                "leave them out"
            )

    def _check_action(self) -> None:
        _check_name("action", self.action, vocab.ACTIONS)
        allowed = _ACTIONS[self.start]
        if self.action not in allowed:
            raise PromptError(
                f"start={self.start!r} goes with {' or '.join(allowed)}, not with {self.action!r}"
            )

    def _check_text_language(self) -> None:
        if self.text_language is None:
            raise PromptError(f"the action {self.action!r} needs a text language; give a code")
        _check_name("text language", self.text_language, _TEXT_LANGUAGES)
        audio, text = self.audio_language, self.text_language
        if self.start == TRANSCRIPT and text == vocab.UNKNOWN_LANGUAGE:
            raise PromptError(
                f"to {self.action} needs a known text language; leave the languages and the "
                "action out to let the model say them"
            )
        is_same = audio == text or (audio in _CHINESE and text in _CHINESE)
        if self.action == "transcribe" and not is_same and audio != vocab.UNKNOWN_LANGUAGE:
            raise PromptError(
                f"a transcript is in the language spoken ({audio}), not in {text}; "
                "use action='translate'"
            )
        if self.action == "translate" and audio == text:
            raise PromptError(f"a translation from {audio} to {text}; use action='transcribe'")

    def _check_instruction(self) -> None:
        if self.instruction is None:
            if self.action == "caption":
                raise PromptError("a caption needs an instruction that names its style")
            return
        _check_name("instruction", self.instruction, vocab.INSTRUCTIONS)
        allowed = _ACTIONS_OF.get(self.instruction, ("keyword",))
        if self.action not in allowed:
            raise PromptError(
                f"the instruction {self.instruction!r} goes with {' or '.join(allowed)}, "
                f"not with {self.action!r}"
            )
        if self.timestamps and self.instruction in _UNTIMED:
            raise PromptError(
                f"{self.instruction!r} says one thing about the whole clip, so it has no times; "
                "use timestamps=False"
            )


def parse_tags(text: str) -> Tags:
    """Return the tags that a string spells.

    >>> parse_tags("<|startofanalysis|><|en|><|question|>Is it raining?<|answer|>").question
    'Is it raining?'

    Raises:
        PromptError: for an unknown tag, a tag out of place, or a combination without meaning.
    """
    head, mark, rest = text.partition(vocab.QUESTION)
    names = _names(head)
    known = {token: start for start, token in _START_TOKENS.items()}
    start = known.get(vocab.tag(names[0])) if names else None
    if start is None:
        raise PromptError(
            f"tags begin with {' or '.join(_START_TOKENS.values())}, got {text[:40]!r}"
        )
    audio_language = names[1] if len(names) > 1 else None
    if mark:
        if len(names) > 2 or not rest.endswith(vocab.ANSWER):
            raise PromptError(
                f"a question is written {vocab.QUESTION}…{vocab.ANSWER} right after the audio "
                f"language, got {text[:80]!r}"
            )
        question = rest.removesuffix(vocab.ANSWER)
        return Tags(start=start, audio_language=audio_language, question=question)
    return Tags(start=start, audio_language=audio_language, **_parse_task(names[2:]))


def _names(text: str) -> list[str]:
    tags = re.findall(vocab.TAG_PATTERN, text)
    if "".join(tags) != text:
        raise PromptError(f"expected nothing but tags, got {text[:80]!r}")
    return [tag[2:-2] for tag in tags]


def _parse_task(names: list[str]) -> dict[str, str | bool | None]:
    """Return the fields that the tags after the audio language spell."""
    if not names:
        return {}
    timed = {vocab.TIMESTAMPS: True, vocab.NO_TIMESTAMPS: False}
    timestamps = timed.get(vocab.tag(names[2])) if len(names) > 2 else None
    if timestamps is None:
        raise PromptError(
            "after the audio language come a task, a text language and "
            f"{vocab.TIMESTAMPS} or {vocab.NO_TIMESTAMPS}, got {', '.join(names)}"
        )
    after = names[3:]
    if timestamps and after and vocab.tag(after[-1]) == vocab.timestamp_token(0):
        after = after[:-1]  # the first stamp, which the released form forces
    if len(after) > 1:
        raise PromptError(f"one instruction at most ends the tags, got {', '.join(after)}")
    return {
        "action": names[0],
        "text_language": names[1],
        "timestamps": timestamps,
        "instruction": after[0] if after else None,
    }


def _check_name(kind: str, name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        raise PromptError(unknown_name(kind, name, known))
