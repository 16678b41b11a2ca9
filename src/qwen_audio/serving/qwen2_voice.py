"""Qwen2-Audio as the engine uses it: replies come in one piece, and words have no times."""

from collections.abc import Sequence
from dataclasses import replace

from qwen_audio.audio.lengths import MAX_SECONDS
from qwen_audio.inference.qwen2 import Qwen2Audio
from qwen_audio.serving.voice import OnPiece, ShouldStop, nth_settings
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
from qwen_audio.serving.writing import StopCutter
from qwen_audio.text.segments import Segment

ASK_TRANSLATION = "Translate what is said in the audio into English; give the translation only."


class Qwen2Voice:
    """A Qwen2-Audio's voice."""

    def __init__(self, qa: Qwen2Audio) -> None:
        self.qa = qa
        self.max_clip_s = float(MAX_SECONDS)
        self.hears_long = False

    def chat(self, work: ChatWork, *, on_piece: OnPiece, should_stop: ShouldStop) -> ChatAnswer:
        """Return the replies to a conversation; each comes as one piece."""
        choices = []
        for number in range(work.choices):
            if should_stop():  # nobody waits
                break
            settings = nth_settings(work.settings, number)
            reply = self.qa.reply_to(work.messages, settings=replace(settings, stop=()))
            cutter = StopCutter(settings.stop)
            text = (cutter.push(reply.text) + cutter.finish()).strip()
            is_full = len(reply.ids) >= settings.max_new_tokens and not cutter.is_over
            reason = TOO_LONG if is_full else ENDED
            choices.append(Choice(text=text, finish_reason=reason, num_tokens=len(reply.ids)))
            on_piece(Piece(number, text))
        return ChatAnswer(choices=tuple(choices))

    def speak(
        self,
        works: Sequence[SpeechWork],
        *,
        on_piece: OnPiece,
        should_stop: ShouldStop,  # noqa: ARG002 - a clip is short
    ) -> list[SpeechAnswer]:
        """Return the texts of clips, one after the other."""
        return [self._speak(work, on_piece) for work in works]

    def _speak(self, work: SpeechWork, on_piece: OnPiece) -> SpeechAnswer:
        language = work.language or "unknown"
        if work.task == TRANSLATE:
            text = self.qa.ask(work.clip, ASK_TRANSLATION, settings=work.settings).text
        else:
            text = self.qa.transcribe(work.clip, settings=work.settings).text
        on_piece(Piece(0, text))
        duration_s = float(work.clip.duration_s)
        whole = Segment(text=text, start_s=0.0, end_s=duration_s)
        return SpeechAnswer(language=language, duration_s=duration_s, segments=(whole,))
