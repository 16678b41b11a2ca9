"""A Whisper beside the model: what is about speech, asked of it in its own way.

It writes, times words by its alignment heads, and tells which of our languages is the most likely.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import WhisperFeatureExtractor

from qwen_audio.audio.lengths import SAMPLE_RATE
from qwen_audio.audio.sources import Clip
from qwen_audio.data.whisper_labels import Listener, load_listener, time_words, transcribe
from qwen_audio.errors import DataError
from qwen_audio.evaluation.asking import fingerprint
from qwen_audio.evaluation.records import Question
from qwen_audio.tasks.speech_targets import plain_words
from qwen_audio.text.timestamps import render_words
from qwen_audio.text.vocab import LANGUAGES, tag

_WRITES, _TIMES, _TELLS_LANGUAGE = "ASR", "SRWT-en", "LID"


@dataclass(frozen=True)
class Whisper:
    """A Whisper that answers questions about speech."""

    listener: Listener
    name: str

    @property
    def weights(self) -> str:
        """What tells its weights from any other's."""
        return fingerprint(self.listener.model)

    def reply(self, group: Sequence[Question]) -> list[str]:
        """Return the replies to questions of one task, in the form in which a Qwen-Audio's are."""
        clips = [question.audio.load() for question in group]
        if group[0].task == _TELLS_LANGUAGE:
            return [tag(code) for code in self._languages(clips)]
        replies: dict[int, str] = {}
        for language in {question.language or "en" for question in group}:
            places = [i for i, q in enumerate(group) if (q.language or "en") == language]
            said = self._write(
                [clips[place] for place in places], language, with_times=group[0].task == _TIMES
            )
            replies |= dict(zip(places, said, strict=True))
        return [replies[place] for place in range(len(group))]

    def _write(self, clips: Sequence[Clip], language: str, *, with_times: bool) -> Sequence[str]:
        texts = transcribe(self.listener, clips, language=language)
        if not with_times:
            return texts
        rows = time_words(self.listener, clips, texts, language=language)
        return [render_words(plain_words(words, language), language) for words in rows]

    @torch.inference_mode()
    def _languages(self, clips: Sequence[Clip]) -> list[str]:
        model = self.listener.model
        extract = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
        waveforms = [clip.waveform for clip in clips]
        mel = extract(waveforms, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        start = torch.full((len(clips), 1), model.config.decoder_start_token_id)
        logits = model(mel.to(model.dtype), decoder_input_ids=start).logits[:, -1]
        known = model.generation_config.lang_to_id
        codes = [code for code in LANGUAGES if tag(code) in known]
        ids = [known[tag(code)] for code in codes]
        return [codes[best] for best in logits[:, ids].argmax(dim=-1).tolist()]


def open_whisper(folder: Path) -> Whisper:
    """Return the Whisper of a transformers folder.

    Raises:
        DataError: nothing there, or something else.
    """
    try:
        return Whisper(load_listener(folder), folder.resolve().name)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{folder} holds no Whisper of transformers ({reason}); give the folder of one"
        ) from error


def can_be_asked(question: Question) -> bool:
    """Return whether a Whisper can be asked this.

    Times that come from a side file may be Whisper's own: only those of the set say anything.
    """
    if question.task == _TIMES:
        return question.part.endswith("times of the set")
    return question.task in (_WRITES, _TELLS_LANGUAGE)
