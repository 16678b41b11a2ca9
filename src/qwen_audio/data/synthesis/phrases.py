"""How each sound and each background is said in English: subject, verb, participle, place."""

import random
import re
from dataclasses import dataclass

from qwen_audio.tasks.sound_names import canonical_sound, scene_name

# canonical sound -> "subject|verb|verb with a singular subject|participle"; for a plural subject
# the second and the third are the same word
_PHRASES: dict[str, str] = {
    "air conditioner": "an air conditioner|hum|hums|humming",
    "airplane": "an airplane|fly|flies|flying",
    "baby crying": "a baby|cry|cries|crying",
    "bees buzzing": "bees|buzz|buzz|buzzing",
    "birds singing": "birds|sing|sing|singing",
    "car horn": "a car horn|honk|honks|honking",
    "cat meowing": "a cat|meow|meows|meowing",
    "cat purring": "a cat|purr|purrs|purring",
    "chainsaw": "a chainsaw|buzz|buzzes|buzzing",
    "children playing": "children|play|play|playing",
    "church bells": "church bells|ring|ring|ringing",
    "clapping": "people|clap|clap|clapping",
    "clock alarm": "an alarm clock|ring|rings|ringing",
    "clock ticking": "a clock|tick|ticks|ticking",
    "coughing": "a person|cough|coughs|coughing",
    "cow mooing": "a cow|moo|moos|mooing",
    "crickets chirping": "crickets|chirp|chirp|chirping",
    "crow cawing": "a crow|caw|caws|cawing",
    "dog barking": "a dog|bark|barks|barking",
    "door knock": "someone|knock on a door|knocks on a door|knocking on a door",
    "drilling": "a drill|run|runs|running",
    "engine idling": "an engine|idle|idles|idling",
    "fire crackling": "a fire|crackle|crackles|crackling",
    "fireworks": "fireworks|go off|go off|going off",
    "footsteps": "a person|walk|walks|walking",
    "frog croaking": "a frog|croak|croaks|croaking",
    "glass breaking": "glass|break|breaks|breaking",
    "gunshot": "a gun|fire|fires|firing",
    "helicopter": "a helicopter|fly|flies|flying",
    "horse galloping": "a horse|gallop|gallops|galloping",
    "jackhammer": "a jackhammer|hammer|hammers|hammering",
    "keyboard typing": "someone|type on a keyboard|types on a keyboard|typing on a keyboard",
    "laughter": "a person|laugh|laughs|laughing",
    "morse code": "morse code|beep|beeps|beeping",
    "owl hooting": "an owl|hoot|hoots|hooting",
    "rain": "rain|fall|falls|falling",
    "rooster crowing": "a rooster|crow|crows|crowing",
    "sea waves": "sea waves|roll in|roll in|rolling in",
    "seagulls calling": "seagulls|call|call|calling",
    "sheep bleating": "a sheep|bleat|bleats|bleating",
    "sighing": "a person|sigh|sighs|sighing",
    "singing bowl": "a singing bowl|ring|rings|ringing",
    "siren": "a siren|wail|wails|wailing",
    "sneezing": "a person|sneeze|sneezes|sneezing",
    "snoring": "a person|snore|snores|snoring",
    "street music": "street music|play|plays|playing",
    "thunder": "thunder|rumble|rumbles|rumbling",
    "train": "a train|pass by|passes by|passing by",
    "typewriter": "a typewriter|clatter|clatters|clattering",
    "washing machine": "a washing machine|run|runs|running",
    "whale singing": "a whale|sing|sings|singing",
    "wind": "the wind|blow|blows|blowing",
    "wind chimes": "wind chimes|tinkle|tinkle|tinkling",
    "wolf howling": "a wolf|howl|howls|howling",
    "woodpecker drumming": "a woodpecker|drum|drums|drumming",
}

# scene -> where that is
_PLACES: dict[str, str] = {
    "airplane cabin": "in an airplane cabin",
    "beach": "at the beach",
    "cafe": "in a cafe",
    "campfire": "by a campfire",
    "church": "in a church",
    "construction site": "at a construction site",
    "crowded bar": "in a crowded bar",
    "fairground": "at a fairground",
    "jungle": "in the jungle",
    "laboratory": "in a laboratory",
    "laundry room": "in a laundry room",
    "library": "in a library",
    "meadow at night": "in a meadow at night",
    "office": "in an office",
    "park": "in a park",
    "rainy place": "in the rain",
    "restaurant": "in a restaurant",
    "riverside": "by a river",
    "rowing boat": "in a rowing boat",
    "sailboat": "on a sailboat",
    "street": "on a street",
    "submarine": "in a submarine",
    "subway station": "in a subway station",
    "supermarket": "in a supermarket",
    "temple": "in a temple",
    "thunderstorm": "during a thunderstorm",
    "train": "on a train",
    "underwater": "under water",
    "village at night": "in a village at night",
    "waterfall": "by a waterfall",
    "windy field": "in a windy field",
}
_NO_ARTICLE = ("the ", "someone", "people")


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """The words for one sound: who makes it and what that does."""

    subject: str
    verb: str
    verb_s: str
    participle: str

    @property
    def is_plural(self) -> bool:
        """Whether the subject takes the verb's plain form."""
        return self.verb == self.verb_s

    @property
    def do(self) -> str:
        """The word that begins a question: "Do" or "Does"."""
        return "Do" if self.is_plural else "Does"

    @property
    def clause(self) -> str:
        """A clause: "a dog barks"."""
        return f"{self.subject} {self.verb_s}"

    @property
    def noun(self) -> str:
        """A noun: "a dog barking"."""
        return f"{self.subject} {self.participle}"

    @property
    def definite(self) -> str:
        """The subject with "the": "the dog"."""
        if self.subject.startswith(_NO_ARTICLE):
            return self.subject
        return f"the {self.subject.removeprefix('a ').removeprefix('an ')}"

    @property
    def definite_clause(self) -> str:
        """A clause about the known subject: "the dog barks"."""
        return f"{self.definite} {self.verb_s}"


def sound_phrase(sound: str) -> Phrase:
    """Return the words for a sound; one without an entry is said as "the sound of …".

    >>> sound_phrase("dog bark").clause, sound_phrase("children playing").noun
    ('a dog barks', 'children playing')
    """
    name = canonical_sound(sound)
    row = _PHRASES.get(name)
    if row is None:
        row = f"the sound of {name}|start|starts|starting"
    subject, verb, verb_s, participle = row.split("|")
    return Phrase(subject=subject, verb=verb, verb_s=verb_s, participle=participle)


def is_mentioned(sound: str, text: str) -> bool:
    """Return whether a text speaks of a sound, by its name, by who makes it or by what that does.

    >>> is_mentioned("dog barking", "Two dogs, then a horn."), is_mentioned("siren", "A dog barks.")
    (True, False)
    """
    phrase, lowered = sound_phrase(sound), text.lower()
    if canonical_sound(sound) in lowered:
        return True
    if phrase.subject in ("a person", "someone", "people"):
        # everybody is a person: only the act tells which sound it was
        stem = phrase.verb.split()[0].rstrip("e")
        return re.search(rf"\b{stem}", lowered) is not None
    head = re.escape(re.sub(r"^(a|an|the) ", "", phrase.subject))
    return re.search(rf"\b{head}", lowered) is not None


def background_phrase(background: str, *, rng: random.Random) -> str:
    """Return how a caption ends: where it is, what is in the background, or nothing for silence.

    >>> background_phrase("highway", rng=random.Random(1))
    ' on a street'
    """
    if not background:
        return ""
    scene = scene_name(background)
    if scene is None:
        return f", with {canonical_sound(background)} in the background"
    place = _PLACES.get(scene, f"at a {scene}")
    forms = (f" {place}", f", {place}", f", recorded {place}")
    return rng.choice(forms)
