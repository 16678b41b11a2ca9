"""How a benchmark asks: by the tags of the original's scripts, and in words."""

from qwen_audio.evaluation.benchmarks.records import Prompt, Sample
from qwen_audio.text.tags import ANALYSIS, TRANSCRIPT, Tags
from qwen_audio.text.vocab import LANGUAGES, UNKNOWN_LANGUAGE

NATURAL, TAGS = "natural", "tags"
PROMPT_STYLES = (TAGS, NATURAL)

LETTERS = "ABCDEFGH"

# From AIR-Bench's own instruction, in our words.
_CHOOSE = (
    "Choose the right answer from the options below. Reply with the letter of one option only."
)


def transcribe(sample: Sample) -> str:
    """Return the tags that ask for plain words."""
    return _transcript(sample, action="transcribe", target=sample.language, instruction="wo_itn")


def translate(sample: Sample) -> str:
    """Return the tags that ask for a translation."""
    return _transcript(sample, action="translate", target=sample.target, instruction="itn")


def words_with_times(sample: Sample) -> str:
    """Return the tags that ask for words with their times; no instruction ends them."""
    return _transcript(
        sample, action="transcribe", target=sample.language, instruction=None, timestamps=True
    )


def analysis(
    instruction: str, *, action: str = "keyword", language: str = UNKNOWN_LANGUAGE
) -> Prompt:
    """Return what makes the tags that ask for a class, a caption or a note.

    Args:
        instruction: the last tag.
        action: the third tag.
        language: of the audio; the original gives "en" for emotions and vocal sounds.
    """
    tags = Tags(
        start=ANALYSIS,
        audio_language=language,
        action=action,
        text_language="en",
        instruction=instruction,
    ).render()
    return lambda _sample: tags


def question(sample: Sample) -> str:
    """Return the tags of a question, with its options in words where there are some."""
    asked = asked_in_words(sample)
    return Tags(start=ANALYSIS, audio_language=sample.language or "en", question=asked).render()


def asked_in_words(sample: Sample) -> str:
    """Return the question, with its options in words where there are some.

    >>> from pathlib import Path
    >>> from qwen_audio.data.manifest import AudioReference
    >>> clip = AudioReference(path=Path("a.wav"))
    >>> asked_in_words(Sample(key="a", audio=clip, references=("yes",), question="Rain?"))
    'Rain?'
    """
    if not sample.choices:
        return sample.question or ""
    options = [f"{LETTERS[place]}. {choice}" for place, choice in enumerate(sample.choices)]
    return "\n".join([_CHOOSE, sample.question or "", *options])


def short_answer(sample: Sample) -> str:
    """Return the question with the request for one word."""
    return f"{sample.question} Answer with one word or number only."


def one_of(sentence: str, choices: tuple[str, ...]) -> Prompt:
    """Return what asks in words for one of the classes of a benchmark."""
    words = f"{sentence} Answer with one of these only: {', '.join(choices)}."
    return lambda _sample: words


def said(sentence: str) -> Prompt:
    """Return what asks in words; `{language}` and `{target}` stand for names of languages."""

    def make(sample: Sample) -> str:
        return sentence.format(
            language=LANGUAGES.get(sample.language or "", sample.language or "its language"),
            target=LANGUAGES.get(sample.target or "", sample.target or ""),
        )

    return make


def _transcript(
    sample: Sample,
    *,
    action: str,
    target: str | None,
    instruction: str | None,
    timestamps: bool = False,
) -> str:
    return Tags(
        start=TRANSCRIPT,
        audio_language=sample.language,
        action=action,
        text_language=target,
        timestamps=timestamps,
        instruction=instruction,
    ).render()
