"""The model as the engine uses it: replies to conversations, and texts of spoken clips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from qwen_audio.audio.sources import Clip
from qwen_audio.inference.answers import MAX_WINDOW, QwenAudio
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.limits import most_tokens
from qwen_audio.inference.long_audio import transcribe_windows
from qwen_audio.inference.prefix import PrefixCache
from qwen_audio.inference.windowed import at_window, audible_windows, find_long, label
from qwen_audio.serving.errors import LEFT, ApiError
from qwen_audio.serving.work import (
    ENDED,
    TOO_LONG,
    TRANSLATE,
    ChatAnswer,
    ChatWork,
    Choice,
    Piece,
    SpeechAnswer,
    SpeechWork,
)
from qwen_audio.serving.writing import ReplyWriter
from qwen_audio.text import vocab
from qwen_audio.text.messages import Message
from qwen_audio.text.prompt import Prompt, decode_reply, render_chat
from qwen_audio.text.segments import Segment, join_segments
from qwen_audio.text.tags import Tags
from qwen_audio.text.timestamps import Word, find_spans
from qwen_audio.text.tokenizers import token_id

OnPiece = Callable[[Piece], None]
ShouldStop = Callable[[], bool]
ENGLISH = "en"
LONG_BATCH = 4  # windows of a long recording heard at once
_SEEDS = 1 << 32


@runtime_checkable
class Voice(Protocol):
    """What the engine needs of a model. It is called from one thread only.

    Attributes:
        max_clip_s: the longest clip that it hears at once.
        hears_long: whether it hears longer recordings window by window.
    """

    max_clip_s: float
    hears_long: bool

    def chat(self, work: ChatWork, *, on_piece: OnPiece, should_stop: ShouldStop) -> ChatAnswer:
        """Return the replies to a conversation; `on_piece` gets their text as it comes."""
        ...

    def speak(
        self, works: Sequence[SpeechWork], *, on_piece: OnPiece, should_stop: ShouldStop
    ) -> list[SpeechAnswer]:
        """Return the texts of clips that share a batch key; a streamed one comes alone."""
        ...


@dataclass(frozen=True)
class _Wish:
    """How a reply is made, who gets its text, and whether it is still wanted."""

    settings: Generation
    on_text: Callable[[str], None]
    should_stop: ShouldStop


@dataclass(frozen=True)
class _Reply:
    writer: ReplyWriter
    ids: tuple[int, ...]


class QwenVoice:
    """Qwen-Audio's voice. The keys and values of the last conversation are kept for its next turn.

    Args:
        qa: a loaded model.
        max_prompt_tokens: refuse longer conversations.
    """

    def __init__(self, qa: QwenAudio, *, max_prompt_tokens: int) -> None:
        self.qa = qa
        self.tokenizer = qa.processor.tokenizer
        self.max_prompt_tokens = max_prompt_tokens
        self.max_clip_s = qa.max_seconds
        self.hears_long = True
        self._prefix = PrefixCache(qa.model, qa.processor)

    def chat(self, work: ChatWork, *, on_piece: OnPiece, should_stop: ShouldStop) -> ChatAnswer:
        """Return the replies to a conversation; `on_piece` gets their text as it comes."""
        long = find_long(work.messages, max_seconds=self.max_clip_s)
        found: list[ChatAnswer] = []
        for number in range(work.choices):
            wish = _Wish(
                nth_settings(work.settings, number),
                on_text=lambda text, number=number: on_piece(Piece(number, text)),
                should_stop=should_stop,
            )
            if long is None:
                found.append(self._answer(work.messages, wish))
            else:
                found.append(self._answer_long(work.messages, long, wish))
        return replace(found[0], choices=tuple(answer.choices[0] for answer in found))

    def _answer(
        self, messages: Sequence[Message], wish: _Wish, *, start_s: float = 0.0
    ) -> ChatAnswer:
        """Return one reply; its times count from `start_s`."""
        rendered = render_chat(
            messages,
            tokenizer=self.tokenizer,
            max_window=MAX_WINDOW,
            pool=self.qa.processor.pool,
        )
        prompt = rendered.prompt
        if len(prompt) > self.max_prompt_tokens:
            raise ApiError(
                f"the conversation takes {len(prompt)} tokens and the limit is "
                f"{self.max_prompt_tokens}; leave out some turns or clips",
                code="context_length_exceeded",
                param="messages",
            )
        reply = self._write(prompt, wish, start_s=start_s)
        return ChatAnswer(
            choices=(self._choice(reply, wish.settings, start_s),),
            prompt_tokens=len(prompt),
            cached_tokens=self._prefix.num_reused,
            audio_tokens=prompt.ids.count(token_id(self.tokenizer, vocab.AUDIO_PAD)),
            dropped_turns=rendered.dropped_turns,
        )

    def _answer_long(self, messages: Sequence[Message], long: Clip, wish: _Wish) -> ChatAnswer:
        """Return one reply about a long recording, with a line for each window."""
        answers: list[ChatAnswer] = []
        for window in audible_windows(long, max_seconds=self.max_clip_s):
            name = label(window.start_s, window.end_s)
            wish.on_text(f"\n{name}" if answers else name)
            said = self._answer(at_window(messages, long, window), wish, start_s=window.start_s)
            line = replace(said.choices[0], text=f"{name}{said.choices[0].text}")
            answers.append(replace(said, choices=(line,)))
            if wish.should_stop():
                break
        return _joined(answers)

    def speak(
        self, works: Sequence[SpeechWork], *, on_piece: OnPiece, should_stop: ShouldStop
    ) -> list[SpeechAnswer]:
        """Return the texts of clips that share a batch key; a streamed one comes alone."""
        first = works[0]
        if first.is_long:
            return [self._speak_long(first, on_piece, should_stop)]
        if first.is_streamed:
            return [self._speak_slowly(first, on_piece, should_stop)]
        clips = [work.clip for work in works]
        if first.task == TRANSLATE:
            return self._translate(clips, first)
        said = self.qa.transcribe_batch(
            clips, language=first.language, words=first.words, settings=first.settings
        )
        return [
            _one_segment(each.text, clip, each.language, words=each.words)
            for each, clip in zip(said, clips, strict=True)
        ]

    def _translate(self, clips: Sequence[Clip], work: SpeechWork) -> list[SpeechAnswer]:
        languages = self._languages(clips, work.language)
        prompts = [
            self.qa.tagged(_tags(spoken, task=TRANSLATE), [clip])
            for clip, spoken in zip(clips, languages, strict=True)
        ]
        replies = self.qa.generate(prompts, settings=work.settings)
        return [
            _one_segment(decode_reply(self.tokenizer, ids).strip(), clip, spoken)
            for ids, spoken, clip in zip(replies, languages, clips, strict=True)
        ]

    def _speak_slowly(
        self, work: SpeechWork, on_piece: OnPiece, should_stop: ShouldStop
    ) -> SpeechAnswer:
        """Write down one clip piece by piece."""
        (spoken,) = self._languages([work.clip], work.language)
        most = min(work.settings.max_new_tokens, most_tokens(work.clip.duration_s, spoken))
        reply = self._write(
            self.qa.tagged(_tags(spoken, task=work.task), [work.clip]),
            _Wish(
                replace(work.settings, max_new_tokens=most),
                on_text=lambda text: on_piece(Piece(0, text)),
                should_stop=should_stop,
            ),
        )
        return _one_segment(reply.writer.text, work.clip, spoken)

    def _speak_long(
        self, work: SpeechWork, on_piece: OnPiece, should_stop: ShouldStop
    ) -> SpeechAnswer:
        """Write down a recording window by window, each a piece."""
        segments: list[Segment] = []
        text = ""
        found = transcribe_windows(
            self.qa,
            work.clip,
            language=work.language,
            words=work.words,
            batch_size=LONG_BATCH,
            on_progress=lambda _: _raise_if(should_stop()),
        )
        for segment in found:
            segments.append(segment)
            longer = join_segments(segments)
            on_piece(Piece(0, longer.removeprefix(text)))
            text = longer
        spoken = next((s.language for s in segments if s.language), work.language or "unknown")
        duration_s = float(work.clip.duration_s)
        return SpeechAnswer(language=spoken, duration_s=duration_s, segments=tuple(segments))

    def _languages(self, clips: Sequence[Clip], language: str | None) -> list[str]:
        return [language] * len(clips) if language else self.qa.hear_languages(clips)

    def _write(self, prompt: Prompt, wish: _Wish, *, start_s: float = 0.0) -> _Reply:
        writer = ReplyWriter(
            self.tokenizer, stops=wish.settings.stop, on_text=wish.on_text, start_s=start_s
        )
        ids = self._prefix.generate(
            prompt,
            settings=replace(wish.settings, stop=()),
            on_token=writer.push,
            should_stop=lambda: writer.is_over or wish.should_stop(),
        )
        writer.finish()
        return _Reply(writer, ids)

    def _choice(self, reply: _Reply, settings: Generation, start_s: float) -> Choice:
        is_full = len(reply.ids) >= settings.max_new_tokens and not reply.writer.is_over
        spans = find_spans(decode_reply(self.tokenizer, reply.ids, skip_special=False))
        return Choice(
            text=reply.writer.text,
            spans=tuple(span.moved(start_s) for span in spans),
            finish_reason=TOO_LONG if is_full else ENDED,
            num_tokens=len(reply.ids),
        )


def _joined(answers: Sequence[ChatAnswer]) -> ChatAnswer:
    """Return the answers about the windows of a recording as one, a line for each."""
    lines = [answer.choices[0] for answer in answers]
    is_full = any(line.finish_reason == TOO_LONG for line in lines)
    whole = Choice(
        text="\n".join(line.text for line in lines),
        spans=tuple(span for line in lines for span in line.spans),
        finish_reason=TOO_LONG if is_full else ENDED,
        num_tokens=sum(line.num_tokens for line in lines),
    )
    return ChatAnswer(
        choices=(whole,),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        cached_tokens=sum(answer.cached_tokens for answer in answers),
        audio_tokens=sum(answer.audio_tokens for answer in answers),
        dropped_turns=max(answer.dropped_turns for answer in answers),
    )


def _raise_if(is_unwanted: bool) -> None:  # noqa: FBT001 - the condition is all it takes
    """End a long transcription that nobody waits for."""
    if is_unwanted:
        raise ApiError("the transcription was given up", status=LEFT)


def _one_segment(
    text: str, clip: Clip, language: str, *, words: tuple[Word, ...] = ()
) -> SpeechAnswer:
    duration_s = float(clip.duration_s)
    whole = Segment(text=text, start_s=0.0, end_s=duration_s, language=language, words=words)
    return SpeechAnswer(language=language, duration_s=duration_s, segments=(whole,))


def nth_settings(settings: Generation, number: int) -> Generation:
    """Return the settings of one of several replies: each has a seed of its own."""
    if settings.seed is None:
        return settings
    return replace(settings, seed=(settings.seed + number) % _SEEDS)


def _tags(spoken: str, *, task: str) -> str:
    """Return what asks for the words of a clip; English needs no translation into English."""
    is_translated = task == TRANSLATE and spoken != ENGLISH
    return Tags(
        start="transcript",
        audio_language=spoken,
        action="translate" if is_translated else "transcribe",
        text_language=ENGLISH if is_translated else spoken,
        instruction="itn" if is_translated else "wo_itn",
    ).render()
