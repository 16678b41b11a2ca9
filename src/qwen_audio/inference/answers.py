"""A loaded model that answers: `ask` about clips, `transcribe` them, or give it any prompt."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.audio.sources import Clip, ClipSource, load_clip
from qwen_audio.errors import GenerationError, unknown_name
from qwen_audio.inference.generation import Generation, OnToken, generate_replies
from qwen_audio.inference.limits import most_tokens, without_loop
from qwen_audio.inference.long_audio import OnProgress, transcribe_windows
from qwen_audio.inference.long_questions import TimedReply, ask_windows, find_sound
from qwen_audio.inference.word_times import word_times
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text import vocab
from qwen_audio.text.grounding import find_phrase
from qwen_audio.text.messages import ASSISTANT, USER, Audio, Message, Text
from qwen_audio.text.prompt import DEFAULT_SYSTEM, Prompt, decode_reply, render_chat, render_tagged
from qwen_audio.text.segments import Segment, all_words, join_segments, move_words
from qwen_audio.text.tags import Tags
from qwen_audio.text.timestamps import (
    FIRST_STAMP,
    Span,
    Word,
    find_spans,
    join_words,
    parse_words,
)
from qwen_audio.text.tokenizers import token_id

MAX_WINDOW = 6144  # tokens of history that the released chat model keeps
GREEDY = Generation()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model answered.

    Attributes:
        text: the answer, time stamps left out.
        spans: the stretches of a clip that the answer names, in seconds.
        ids: the answer's tokens.
        dropped_turns: how many of the oldest turns the window had no room for.
        ended_by: "end" where the model had finished, else "length", "time" or "user".
    """

    text: str
    spans: tuple[Span, ...] = ()
    ids: tuple[int, ...] = ()
    dropped_turns: int = 0
    ended_by: str = "end"


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What was said in a clip: the text, its language, and the words' times if asked for.

    Attributes:
        text: all that was said.
        language: of the speech, as a code.
        words: each word's start and end in seconds, if asked for.
        ids: the reply's tokens; none for a recording of several windows.
        segments: the text in order of time; one segment for a short clip.
    """

    text: str
    language: str
    words: tuple[Word, ...] = ()
    ids: tuple[int, ...] = ()
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class QwenAudio:
    """A network with its processor, and what people do with them.

    >>> import qwen_audio  # doctest: +SKIP
    >>> qwen_audio.load().ask("clip.flac", "What does the person say?").text  # doctest: +SKIP
    """

    model: QwenAudioForConditionalGeneration
    processor: QwenAudioProcessor

    def ask(
        self,
        clips: ClipSource | Sequence[ClipSource] | None,
        question: str,
        *,
        system: str | None = DEFAULT_SYSTEM,
        history: Sequence[Message] = (),
        settings: Generation = GREEDY,
        on_token: OnToken | None = None,
    ) -> Reply:
        """Return the answer to a question about some clips.

        Args:
            clips: one clip or several: a path, bytes, a file object, or (samples, rate).
            question: text of the user; never read as a tag.
            system: the system prompt.
            history: earlier messages of the conversation.
            settings: how the reply is made.
            on_token: called with each token as it comes.

        Raises:
            AudioError: a clip that cannot be heard, or is longer than the encoder's window.
        """
        parts = (*(Audio(clip) for clip in self.load_clips(clips)), Text(question))
        return self.reply_to(
            (*history, Message(USER, parts)), system=system, settings=settings, on_token=on_token
        )

    def reply_to(
        self,
        messages: Sequence[Message],
        *,
        system: str | None = DEFAULT_SYSTEM,
        settings: Generation = GREEDY,
        on_token: OnToken | None = None,
    ) -> Reply:
        """Return the assistant's next message in a conversation that ends with the user's."""
        chat = render_chat(
            messages,
            tokenizer=self.processor.tokenizer,
            system=system,
            max_window=MAX_WINDOW,
            pool=self.processor.pool,
        )
        ids = self.generate([chat.prompt], settings=settings, on_token=on_token)[0]
        return self._reply(ids, dropped_turns=chat.dropped_turns)

    def transcribe(
        self,
        clip: ClipSource,
        *,
        language: str | None = None,
        words: bool = False,
        settings: Generation | None = None,
        on_progress: OnProgress | None = None,
    ) -> Transcript:
        """Return what is said in a clip of any length.

        What is longer than the encoder's window is heard in windows cut in pauses.

        Args:
            clip: a path, bytes, a file object, or (samples, rate).
            language: of the speech, as a code such as "en"; heard by the model if not given.
            words: give each word's start and end.
            settings: how the text of a short clip is made.
            on_progress: called with how many seconds of a long recording are done.

        Raises:
            AudioError: a clip that cannot be heard.
            GenerationError: a language without a tag.
        """
        heard = load_clip(clip, duration_s=self.max_seconds + 1)
        if heard.duration_s <= self.max_seconds:
            options = {"language": language, "words": words, "settings": settings}
            return self.transcribe_batch([heard], **options)[0]
        segments = list(
            self.transcribe_long(clip, language=language, words=words, on_progress=on_progress)
        )
        return Transcript(
            text=join_segments(segments),
            language=segments[0].language if segments else language or vocab.UNKNOWN_LANGUAGE,
            words=all_words(segments),
            segments=tuple(segments),
        )

    def transcribe_long(
        self,
        source: ClipSource,
        *,
        language: str | None = None,
        words: bool = False,
        batch_size: int = 1,
        on_progress: OnProgress | None = None,
    ) -> Iterator[Segment]:
        """Yield what is said in a recording of any length; see `long_audio.transcribe_windows`."""
        _check_language(language)
        return transcribe_windows(
            self,
            source,
            language=language,
            words=words,
            batch_size=batch_size,
            on_progress=on_progress,
        )

    def find(
        self, clip: ClipSource, phrase: str, *, language: str | None = None
    ) -> tuple[Span, ...]:
        """Return every place at which a phrase is said in a clip of any length.

        Raises:
            AudioError: a clip that cannot be heard.
        """
        said = self.transcribe(clip, language=language, words=True)
        return find_phrase(said.words, phrase)

    def find_sound(self, clip: ClipSource, phrase: str) -> tuple[Span, ...]:
        """Return every stretch of a clip of any length in which a sound is heard.

        Raises:
            AudioError: a clip that cannot be heard.
            PromptError: a phrase that is empty or spells a tag.
        """
        return find_sound(self, clip, phrase)

    def ask_long(self, source: ClipSource, question: str, **options: Any) -> Iterator[TimedReply]:
        """Yield the answer about each window of a recording; see `long_questions.ask_windows`."""
        return ask_windows(self, source, question, **options)

    def transcribe_batch(
        self,
        clips: Sequence[Clip],
        *,
        language: str | None = None,
        words: bool = False,
        settings: Generation | None = None,
    ) -> list[Transcript]:
        """Return what is said in each of several clips of at most 30 s, all at once.

        A transcript has no more tokens than speech of its clip's length can have, so that a model
        that falls into a loop soon ends; see `transcribe` for the rest.
        """
        _check_language(language)
        languages = [language] * len(clips) if language else self.hear_languages(clips)
        reads = words and self.model.reader is not None
        said = self._say(clips, languages, words=words and not reads, settings=settings)
        return (
            [self._timed(one, clip) for one, clip in zip(said, clips, strict=True)]
            if reads
            else said
        )

    @torch.inference_mode()
    def hear_languages(self, clips: Sequence[Clip]) -> list[str]:
        """Return the most likely language of the speech in each clip, as a code."""
        prompts = [self.tagged(vocab.START_OF_TRANSCRIPT, [clip]) for clip in clips]
        inputs = self.processor.collate(prompts).to(self.model.device)
        logits = self.model(**inputs, logits_to_keep=1).logits[:, -1]
        codes = list(vocab.LANGUAGES)
        ids = [token_id(self.processor.tokenizer, vocab.tag(code)) for code in codes]
        return [codes[best] for best in logits[:, ids].argmax(dim=-1).tolist()]

    def tagged(self, tags: str, clips: Sequence[Clip]) -> Prompt:
        """Return the prompt of clips followed by our own text, in which tags are tokens."""
        return render_tagged(
            vocab.AUDIO_SLOT * len(clips) + tags,
            clips,
            tokenizer=self.processor.tokenizer,
            pool=self.processor.pool,
        )

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        settings: Generation = GREEDY,
        on_token: OnToken | None = None,
    ) -> list[tuple[int, ...]]:
        """Return the tokens that follow each rendered prompt."""
        return generate_replies(
            self.model, self.processor, prompts, settings=settings, on_token=on_token
        )

    def load_clips(self, clips: ClipSource | Sequence[ClipSource] | None) -> list[Clip]:
        """Return clips ready to hear, none longer than the encoder's window.

        Raises:
            AudioError: a clip that cannot be heard, or is too long.
        """
        if clips is None:
            return []
        sources = clips if isinstance(clips, list) else [clips]
        return [load_clip(source, max_seconds=self.max_seconds) for source in sources]

    @property
    def max_seconds(self) -> float:
        """The longest clip that the encoder hears at once, in seconds."""
        return float(MAX_SECONDS)

    def _say(
        self,
        clips: Sequence[Clip],
        languages: Sequence[str],
        *,
        words: bool,
        settings: Generation | None = None,
    ) -> list[Transcript]:
        """Return what the model writes of each clip under the tags of a transcript."""
        prompts = [
            self.tagged(_transcript_tags(spoken, words=words), [clip])
            for clip, spoken in zip(clips, languages, strict=True)
        ]
        caps = [
            most_tokens(clip.duration_s, spoken, words=words)
            for clip, spoken in zip(clips, languages, strict=True)
        ]
        if settings is not None:
            caps = [min(cap, settings.max_new_tokens) for cap in caps]
        settings = replace(settings or GREEDY, max_new_tokens=max(caps))
        replies = self.generate(prompts, settings=settings)
        return [
            self._transcript(
                without_loop(ids[:cap], is_cut=len(ids) >= cap), clip, spoken, words=words
            )
            for ids, cap, clip, spoken in zip(replies, caps, clips, languages, strict=True)
        ]

    def _timed(self, said: Transcript, clip: Clip) -> Transcript:
        """Return a transcript with the times of its words, from the reader if that can tell."""
        words = word_times(self, clip, said.text, language=said.language)
        if words is None:
            return self._say([clip], [said.language], words=True)[0]
        segments = tuple(replace(segment, words=words) for segment in said.segments)
        return replace(said, words=words, segments=segments)

    def _reply(self, ids: tuple[int, ...], *, dropped_turns: int) -> Reply:
        tokenizer = self.processor.tokenizer
        spans = find_spans(decode_reply(tokenizer, ids, skip_special=False))
        text = decode_reply(tokenizer, ids).strip()
        return Reply(text=text, spans=spans, ids=ids, dropped_turns=dropped_turns)

    def _transcript(
        self, ids: tuple[int, ...], clip: Clip, language: str, *, words: bool
    ) -> Transcript:
        tokenizer = self.processor.tokenizer
        timed: tuple[Word, ...] = ()
        if words:
            raw = FIRST_STAMP + decode_reply(tokenizer, ids, skip_special=False)
            timed = move_words(parse_words(raw), 0, end_s=clip.duration_s)
            text = join_words(timed, language)
        else:
            text = decode_reply(tokenizer, ids).strip()
        segment = Segment(
            text=text, start_s=0.0, end_s=clip.duration_s, language=language, words=timed
        )
        return Transcript(text=text, language=language, words=timed, ids=ids, segments=(segment,))


def messages_of(exchanges: Iterable[tuple[str, str]]) -> tuple[Message, ...]:
    """Return text-only exchanges (question, answer) as messages."""
    return tuple(
        message
        for question, answer in exchanges
        for message in (Message(USER, (Text(question),)), Message(ASSISTANT, (Text(answer),)))
    )


def _transcript_tags(language: str, *, words: bool) -> str:
    tags = Tags(
        start="transcript",
        audio_language=language,
        action="transcribe",
        text_language=language,
        timestamps=words,
        instruction=None if words else "wo_itn",
    ).render()
    return tags + FIRST_STAMP if words else tags


def _check_language(language: str | None) -> None:
    if language is not None and language not in vocab.LANGUAGES:
        raise GenerationError(unknown_name("language", language, vocab.LANGUAGES))
