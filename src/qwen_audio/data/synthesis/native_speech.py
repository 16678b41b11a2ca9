"""Speak one sentence with the C library of flite or eSpeak NG; run as a script in its own process.

`voices.py` starts this file with a time limit, so that a library that hangs or crashes takes only
the child with it. It uses the standard library alone and imports nothing of the package, so it
starts in some 30 ms. The request is JSON on standard input; the answer is one JSON line
(`rate`, `marks`) followed by the 16-bit samples. A mark is a list `first_char, last_char, start_s,
end_s`: the stretch of text a word came from and when it was spoken (`end_s` null: unknown).
"""

import ctypes
import json
import sys

ESPEAK_LIBRARY = "libespeak-ng.so.1"
FLITE_LIBRARY = "libflite.so.1"
SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: the callback gets every sample before the call returns
CHARS_UTF8 = 1
WORD_EVENT = 1
LIST_END = 0
RATE, PITCH, RANGE = 1, 3, 4  # espeak_PARAMETER


class EspeakEvent(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h; the last field is a union of a pointer and eight bytes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class FliteWave(ctypes.Structure):
    """`cst_wave` of cst_wave.h."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class FliteVoice(ctypes.Structure):
    """The first two fields of `cst_voice` of cst_voice.h."""

    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


def speak_espeak(request: dict) -> tuple[int, list, bytes]:
    """Return the rate, the words' marks and the samples that eSpeak NG gives."""
    library = ctypes.CDLL(ESPEAK_LIBRARY)
    rate = library.espeak_Initialize(SYNCHRONOUS, 500, None, 0)
    if rate <= 0 or library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        raise ValueError(f"eSpeak NG has no voice {request['voice']!r}")
    for parameter in (RATE, PITCH, RANGE):
        library.espeak_SetParameter(parameter, int(request["parameters"][str(parameter)]), 0)
    samples, marks = bytearray(), []

    def collect(wave: int, num_samples: int, events: "ctypes._Pointer[EspeakEvent]") -> int:
        if wave and num_samples > 0:
            samples.extend(ctypes.string_at(wave, num_samples * 2))
        index = 0
        while events[index].type != LIST_END:
            event = events[index]
            if event.type == WORD_EVENT:
                first = event.text_position - 1
                marks.append([first, first + event.length, event.audio_position_ms / 1000, None])
            index += 1
        return 0

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(EspeakEvent)
    )
    callback = kind(collect)
    library.espeak_SetSynthCallback(callback)
    text = request["text"].encode()
    library.espeak_Synth(text, len(text) + 1, 0, 1, 0, CHARS_UTF8, None, None)
    library.espeak_Synchronize()
    return rate, marks, bytes(samples)


def declare_flite(library: ctypes.CDLL) -> None:
    """Tell ctypes which flite functions give pointers and floats."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures = {
        "flite_synth_text": (pointer, (text, pointer)),
        "utt_wave": (ctypes.POINTER(FliteWave), (pointer,)),
        "utt_relation": (pointer, (pointer, text)),
        "relation_head": (pointer, (pointer,)),
        "item_next": (pointer, (pointer,)),
        "item_daughter": (pointer, (pointer,)),
        "item_last_daughter": (pointer, (pointer,)),
        "item_feat_string": (text, (pointer, text)),
        "ffeature_float": (ctypes.c_float, (pointer, text)),
        "feat_set_float": (None, (pointer, text, ctypes.c_float)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def speak_flite(request: dict) -> tuple[int, list, bytes]:
    """Return the rate, the words' marks and the samples that flite gives."""
    library = ctypes.CDLL(FLITE_LIBRARY, mode=ctypes.RTLD_GLOBAL)
    declare_flite(library)
    library.flite_init()
    shared_object = ctypes.CDLL(f"libflite_{request['voice']}.so.1")
    register = getattr(shared_object, f"register_{request['voice']}")
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
    voice = register(None)
    features = ctypes.cast(voice, ctypes.POINTER(FliteVoice)).contents.features
    for name, value in request["parameters"].items():
        library.feat_set_float(features, name.encode(), value)
    utterance = library.flite_synth_text(request["text"].encode(), voice)
    wave = library.utt_wave(utterance).contents
    samples = ctypes.string_at(wave.samples, wave.num_samples * 2)
    return wave.sample_rate, flite_marks(library, utterance, request["text"]), samples


def flite_marks(library: ctypes.CDLL, utterance: int, text: str) -> list:
    """Return a mark for every token of flite that was spoken, found again in the text."""
    first_segment = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
    last_segment = b"R:SylStructure.daughtern.daughtern.R:Segment.end"
    marks, cursor = [], 0
    token = library.relation_head(library.utt_relation(utterance, b"Token"))
    while token:
        name = library.item_feat_string(token, b"name").decode()
        found = text.find(name, cursor)
        first = library.item_daughter(token)
        if first and found >= 0:
            start_s = library.ffeature_float(first, first_segment)
            end_s = library.ffeature_float(library.item_last_daughter(token), last_segment)
            marks.append([found, found + len(name), start_s, end_s])
            cursor = found + len(name)
        token = library.item_next(token)
    return marks


def main() -> None:
    """Answer the one request on standard input."""
    request = json.load(sys.stdin)
    speak = {"espeak": speak_espeak, "flite": speak_flite}[request["engine"]]
    rate, marks, samples = speak(request)
    sys.stdout.buffer.write(json.dumps({"rate": rate, "marks": marks}).encode() + b"\n" + samples)


if __name__ == "__main__":
    main()
