"""Qwen2-Audio behind the same functions: transformers' own class, our clips and records."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from qwen_audio.audio.lengths import MAX_SECONDS, SAMPLE_RATE
from qwen_audio.audio.sources import Clip, ClipSource, load_clip
from qwen_audio.errors import GenerationError
from qwen_audio.inference.answers import GREEDY, Reply, Transcript
from qwen_audio.inference.generation import Generation
from qwen_audio.inference.limits import most_tokens
from qwen_audio.inference.long_audio import OnProgress, transcribe_windows
from qwen_audio.text.messages import ASSISTANT, SYSTEM, USER, Audio, Message, Text
from qwen_audio.text.prompt import DEFAULT_SYSTEM
from qwen_audio.text.segments import Segment, join_segments
from qwen_audio.text.vocab import UNKNOWN_LANGUAGE

TRANSCRIBE = "Write down what is said in the audio, word for word and nothing else."


@dataclass(frozen=True)
class Qwen2Audio:
    """A Qwen2-Audio of transformers that answers `ask` and `transcribe`; it gives no word times."""

    model: Any
    processor: Any
    max_seconds: float = float(MAX_SECONDS)
    gives_words: bool = False

    def ask(
        self,
        clips: ClipSource | Sequence[ClipSource] | None,
        question: str,
        *,
        system: str | None = DEFAULT_SYSTEM,
        history: Sequence[Message] = (),
        settings: Generation = GREEDY,
    ) -> Reply:
        """Return the answer to a question about some clips; see `QwenAudio.ask`."""
        sources = [] if clips is None else clips if isinstance(clips, list) else [clips]
        heard = [load_clip(source, max_seconds=MAX_SECONDS) for source in sources]
        message = Message(USER, (*map(Audio, heard), Text(question)))
        opening = () if system is None else (Message(SYSTEM, (Text(system),)),)
        return self.reply_to((*opening, *history, message), settings=settings)

    @torch.inference_mode()
    def reply_to(self, messages: Sequence[Message], *, settings: Generation = GREEDY) -> Reply:
        """Return the assistant's next message."""
        inputs = self.processor.apply_chat_template(
            [_as_dict(message) for message in messages],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sampling_rate=SAMPLE_RATE,
            sanitize_control_tokens=True,  # what a user types stays text
        ).to(self.model.device)
        output = self.model.generate(**inputs, **settings.as_arguments())
        ids = tuple(output[0, inputs["input_ids"].shape[1] :].tolist())
        said = self.processor.tokenizer.decode(ids, skip_special_tokens=True)
        return Reply(text=said.strip(), ids=ids)

    def transcribe(
        self,
        clip: ClipSource,
        *,
        language: str | None = None,
        words: bool = False,
        settings: Generation = GREEDY,
        on_progress: OnProgress | None = None,
    ) -> Transcript:
        """Return what is said in a clip of any length; see `QwenAudio.transcribe`.

        Qwen2-Audio has no tag for it, so it is asked in words.

        Raises:
            GenerationError: words asked for with their times.
        """
        heard = load_clip(clip, duration_s=MAX_SECONDS + 1)
        if heard.duration_s <= MAX_SECONDS:
            options = {"language": language, "words": words, "settings": settings}
            return self.transcribe_batch([heard], **options)[0]
        options = {"language": language or UNKNOWN_LANGUAGE, "words": words}
        segments = tuple(transcribe_windows(self, clip, on_progress=on_progress, **options))
        text = join_segments(segments)
        return Transcript(text=text, language=options["language"], segments=segments)

    def transcribe_batch(
        self,
        clips: Sequence[Clip],
        *,
        language: str | None = None,
        words: bool = False,
        settings: Generation = GREEDY,
    ) -> list[Transcript]:
        """Return what is said in each of several clips of at most 30 s, one after another."""
        if words:
            raise GenerationError("Qwen2-Audio gives no times of words; ask for the text alone")
        language = language or UNKNOWN_LANGUAGE
        transcripts = []
        for clip in clips:
            cap = min(settings.max_new_tokens, most_tokens(clip.duration_s, language))
            reply = self.ask(clip, TRANSCRIBE, settings=replace(settings, max_new_tokens=cap))
            segment = Segment(
                text=reply.text, start_s=0.0, end_s=clip.duration_s, language=language
            )
            transcripts.append(
                Transcript(text=reply.text, language=language, ids=reply.ids, segments=(segment,))
            )
        return transcripts


def _as_dict(message: Message) -> dict[str, Any]:
    if message.role == ASSISTANT:
        return {"role": ASSISTANT, "content": message.text}
    parts = [
        {"type": "audio", "audio": part.clip.waveform}
        if isinstance(part, Audio)
        else {"type": "text", "text": part.text}
        for part in message.parts
    ]
    return {"role": message.role, "content": parts}
