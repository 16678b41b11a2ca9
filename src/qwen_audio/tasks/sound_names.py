"""One spelling for every sound: data sets say "dog bark", "dog_barking" or "Dog".

`canonical_sound` is used wherever a label of a sound is read. A spelling that is not in the table
is only tidied (lower case, spaces), so a new data set works before anybody adds its names here.
"""

import re

# canonical name -> its other spellings, as `_tidy` leaves them; those of the corpora
# ESC-50, UrbanSound8K, VocalSound, Moodist and AudioSet are all here
_SPELLINGS: dict[str, tuple[str, ...]] = {
    # people
    "baby crying": ("crying baby", "baby cry", "infant cry", "baby cry infant cry", "baby"),
    "children playing": ("children", "kids playing"),
    "sneezing": ("person sneezing", "sneeze"),
    "coughing": ("cough", "person coughing"),
    "laughter": ("laughing", "laugh"),
    "sighing": ("sigh",),
    "sniffing": ("sniff",),
    "throat clearing": ("throatclearing", "clearing throat", "clears throat"),
    "breathing": ("breath",),
    "snoring": ("snore",),
    "clapping": ("clap", "applause", "hand clapping"),
    "footsteps": ("footstep", "walking", "walk"),
    "crowd talking": ("crowd", "crowded bar", "chatter", "babble"),
    # animals
    "dog barking": ("dog", "dog bark", "bark", "barking"),
    "rooster crowing": ("rooster", "cock crowing", "rooster crow"),
    "birds singing": ("birds", "bird", "chirping birds", "bird song", "birdsong"),
    "cat purring": ("purring",),
    "cat meowing": ("cat", "meow"),
    "cow mooing": ("cow", "cows", "moo"),
    "crickets chirping": ("crickets", "cricket"),
    "crow cawing": ("crow", "crows"),
    "frog croaking": ("frog", "frogs"),
    "hen clucking": ("hen",),
    "horse galloping": ("horse gallop",),
    "insects buzzing": ("insects", "insect", "flying insects"),
    "bees buzzing": ("beehive", "bees", "bee"),
    "owl hooting": ("owl",),
    "pig grunting": ("pig",),
    "seagulls calling": ("seagulls", "seagull"),
    "sheep bleating": ("sheep",),
    "whale singing": ("whale", "whales"),
    "wolf howling": ("wolf", "wolves"),
    "woodpecker drumming": ("woodpecker",),
    # nature
    "rain": (
        "heavy rain",
        "light rain",
        "rain on leaves",
        "rain on car roof",
        "rain on tent",
        "rain on umbrella",
        "rain on window",
    ),
    "thunder": ("thunderstorm", "thunder storm"),
    "wind": ("howling wind", "wind in trees"),
    "sea waves": ("waves", "sea", "ocean waves", "ocean"),
    "fire crackling": ("campfire", "crackling fire", "fire", "fireplace"),
    "stream flowing": ("river", "stream", "water stream"),
    "waterfall": (),
    "water dripping": ("droplets", "water drops", "dripping"),
    "bubbles": (),
    "jungle ambience": ("jungle",),
    "footsteps on gravel": ("walk on gravel",),
    "footsteps on leaves": ("walk on leaves",),
    "footsteps in snow": ("walk in snow",),
    # machines and things
    "air conditioner": ("air conditioning", "aircon"),
    "car horn": ("honking", "horn", "car honking"),
    "chainsaw": ("chain saw",),
    "church bells": ("church bell",),
    "clock ticking": ("clock", "clock tick", "ticking clock"),
    "clock alarm": ("alarm clock",),
    "door knock": ("door wood knock", "knock", "knocking"),
    "drilling": ("drill",),
    "engine idling": ("engine", "idling"),
    "fireworks": ("firework",),
    "glass breaking": ("glass break",),
    "gunshot": ("gun shot", "gunshots", "gunfire"),
    "helicopter": (),
    "jackhammer": ("jack hammer",),
    "keyboard typing": ("typing", "keyboard"),
    "morse code": (),
    "mouse click": (),
    "paper rustling": ("paper",),
    "singing bowl": (),
    "siren": ("ambulance siren", "police siren", "sirens"),
    "slide projector": (),
    "street music": (),
    "tumble dryer": ("dryer",),
    "radio tuning": ("tuning radio",),
    "typewriter": (),
    "vinyl crackle": ("vinyl effect", "vinyl"),
    "washing machine": (),
    "wind chimes": ("wind chime",),
    "windshield wipers": ("windshield wiper",),
    "airplane": ("aeroplane", "plane"),
    "train": (),
    "train ride": ("inside a train",),
    "rowing boat": (),
    "sailboat": (),
    "submarine": (),
    "traffic": ("road", "highway", "busy street"),
    "white noise": (),
    "brown noise": (),
    "binaural tone": (
        "binaural",
        "binaural alpha",
        "binaural beta",
        "binaural delta",
        "binaural gamma",
        "binaural theta",
    ),
    # places: their sound is the place itself
    "cafe ambience": ("cafe",),
    "carousel music": ("carousel",),
    "church ambience": ("church",),
    "construction site": (),
    "laboratory ambience": ("laboratory",),
    "laundry room": (),
    "library ambience": ("library",),
    "night village": (),
    "office ambience": ("office",),
    "restaurant ambience": ("restaurant",),
    "subway station": (),
    "supermarket ambience": ("supermarket",),
    "temple ambience": ("temple",),
    "underwater ambience": ("underwater",),
    # groups of sounds
    "animal sounds": ("animals",),
    "nature sounds": ("nature",),
    "noise": (),
    "place ambience": ("places",),
    "sounds of objects": ("things",),
    "vehicle": ("transport",),
    "city sounds": ("urban",),
}

# canonical sound -> the scene in which it is the background
_SCENES: dict[str, str] = {
    "birds singing": "park",
    "crickets chirping": "meadow at night",
    "jungle ambience": "jungle",
    "stream flowing": "riverside",
    "waterfall": "waterfall",
    "sea waves": "beach",
    "seagulls calling": "beach",
    "wind": "windy field",
    "rain": "rainy place",
    "thunder": "thunderstorm",
    "fire crackling": "campfire",
    "cafe ambience": "cafe",
    "carousel music": "fairground",
    "church ambience": "church",
    "construction site": "construction site",
    "crowd talking": "crowded bar",
    "laboratory ambience": "laboratory",
    "laundry room": "laundry room",
    "library ambience": "library",
    "night village": "village at night",
    "office ambience": "office",
    "restaurant ambience": "restaurant",
    "subway station": "subway station",
    "supermarket ambience": "supermarket",
    "temple ambience": "temple",
    "underwater ambience": "underwater",
    "airplane": "airplane cabin",
    "train ride": "train",
    "train": "train",
    "rowing boat": "rowing boat",
    "sailboat": "sailboat",
    "submarine": "submarine",
    "traffic": "street",
}

_CANONICAL: dict[str, str] = {
    spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)
}


def canonical_sound(name: str) -> str:
    """Return the one spelling of a sound's name.

    >>> canonical_sound("dog bark"), canonical_sound("Dog_barking"), canonical_sound("theremin")
    ('dog barking', 'dog barking', 'theremin')
    """
    tidied = _tidy(name)
    return _CANONICAL.get(tidied, tidied)


def scene_name(sound: str) -> str | None:
    """Return the scene whose background this sound is, or nothing if it is no background.

    >>> scene_name("highway"), scene_name("car horn")
    ('street', None)
    """
    return _SCENES.get(canonical_sound(sound))


def known_sounds() -> tuple[str, ...]:
    """Return every canonical name, in the order of the table."""
    return tuple(_SPELLINGS)


def _tidy(name: str) -> str:
    words = re.sub(r"[^0-9a-z]+", " ", name.lower())
    return words.strip()
