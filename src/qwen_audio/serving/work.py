"""What the engine is asked for and what it gives back: records between routes and model."""

from collections.abc import Hashable
from dataclasses import dataclass

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.audio.sources import Clip
from qwen_audio.inference.generation import Generation
from qwen_audio.text.messages import Message
from qwen_audio.text.segments import Segment, join_segments
from qwen_audio.text.timestamps import Span

TRANSCRIBE = "transcribe"
TRANSLATE = "translate"

ENDED = "stop"
TOO_LONG = "length"


@dataclass(frozen=True, kw_only=True)
class ChatWork:
    """A conversation that waits for its next message.

    Attributes:
        messages: the conversation so far.
        settings: how a reply is made; its `stop` texts are left out of the reply.
        choices: how many replies.
        is_streamed: whether the pieces are wanted as they come.
    """

    messages: tuple[Message, ...]
    settings: Generation
    choices: int = 1
    is_streamed: bool = False

    @property
    def batch_key(self) -> Hashable | None:
        """Work with an equal key is done together; `None` is done alone."""
        return None

    @property
    def audio_s(self) -> float:
        """Seconds of sound in it."""
        return float(sum(clip.duration_s for message in self.messages for clip in message.clips))


@dataclass(frozen=True, kw_only=True)
class SpeechWork:
    """A clip whose speech is to be written down, or translated into English.

    Attributes:
        clip: what to hear.
        task: TRANSCRIBE or TRANSLATE.
        language: of the speech, as a code; heard by the model if not given.
        words: whether the times of the words are wanted.
        settings: how the text is made.
        is_streamed: whether the pieces are wanted as they come.
    """

    clip: Clip
    task: str
    language: str | None
    words: bool
    settings: Generation
    is_streamed: bool = False

    @property
    def batch_key(self) -> Hashable | None:
        """Work with an equal key is done together; `None` is done alone."""
        if self.is_streamed or self.is_long:
            return None
        # A sampled batch would make one client's text depend on another's request.
        if self.settings.temperature > 0:
            return None
        return self.task, self.language, self.words, self.settings

    @property
    def is_long(self) -> bool:
        """Whether the clip is more than the model hears at once."""
        return self.clip.duration_s > MAX_SECONDS

    @property
    def audio_s(self) -> float:
        """Seconds of sound in it."""
        return float(self.clip.duration_s)


Work = ChatWork | SpeechWork


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more text of one of the replies."""

    choice: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One reply: its text, the stretches it names, why it ended, and its length in tokens."""

    text: str
    spans: tuple[Span, ...] = ()
    finish_reason: str = ENDED
    num_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ChatAnswer:
    """The replies to a conversation, and what it cost.

    Attributes:
        choices: one or more replies.
        prompt_tokens: of the conversation, audio included.
        audio_tokens: of its clips.
        cached_tokens: how many of the prompt's were still known from the request before.
        dropped_turns: how many of the oldest turns the model's window had no room for.
    """

    choices: tuple[Choice, ...]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    audio_tokens: int = 0
    dropped_turns: int = 0

    @property
    def completion_tokens(self) -> int:
        """Tokens of all replies."""
        return sum(choice.num_tokens for choice in self.choices)


@dataclass(frozen=True, kw_only=True)
class SpeechAnswer:
    """What is said in a clip, in the original or in English.

    Attributes:
        language: of the speech, as a code.
        duration_s: of the clip.
        segments: the text by stretches, with the times of the words where they were wanted.
    """

    language: str
    duration_s: float
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All that is said."""
        return join_segments(self.segments)


Answer = ChatAnswer | SpeechAnswer
