"""Whether a caption mentions a sound: the words that people use for each."""

import re

# canonical sound -> beginnings of words that mention it; a word of a place ("in a crowded bar",
# "by a campfire") must not pass for a sound
_WORDS: dict[str, tuple[str, ...]] = {
    "air conditioner": ("air condition", "aircon"),
    "baby crying": ("baby", "babies", "infant"),
    "birds singing": ("bird", "chirp"),
    "car horn": ("horn", "honk"),
    "cat meowing": ("cat ", "cats ", "meow"),
    "chainsaw": ("chainsaw", "chain saw"),
    "children playing": ("child", "kids"),
    "clock ticking": ("clock", "tick"),
    "cow mooing": ("cow", "moo "),
    "crickets chirping": ("cricket",),
    "dog barking": ("dog", "bark"),
    "drilling": ("drill",),
    "engine idling": ("engine", "motor ", "idling", "idles"),
    "fire crackling": ("crackl", "fire burn", "fire is burn", "burning fire"),
    "frog croaking": ("frog", "croak"),
    "gunshot": ("gun", "shot"),
    "helicopter": ("helicopter", "chopper"),
    "jackhammer": ("jackhammer", "jack hammer"),
    "morse code": ("morse",),
    "rain": ("rain ", "rains ", "raining", "rainfall", "raindrop"),
    "rooster crowing": ("rooster", "cock ", "crowing"),
    "sea waves": ("wave", "sea ", "ocean", "surf "),
    "seagulls calling": ("seagull", "gull"),
    "siren": ("siren",),
    "sneezing": ("sneez",),
    "street music": ("street music", "music"),
    "thunder": ("thunder",),
    "wind chimes": ("chime",),
}


def is_mentioned(sound: str, caption: str) -> bool:
    """Return whether a caption mentions a sound.

    >>> is_mentioned("dog barking", "A dog barks."), is_mentioned("rain", "A train passes.")
    (True, False)
    """
    words = f" {re.sub(r'[^0-9a-z]+', ' ', caption.lower())} "
    return any(f" {beginning}" in words for beginning in _WORDS.get(sound, (sound,)))
