"""The table of music and song tasks: notes, instruments, captions, genre, tempo, key, questions."""

import re

from qwen_audio.tasks.forms import analysis_tags, question_of, question_tags
from qwen_audio.tasks.label_files import note_name
from qwen_audio.tasks.labels import Labels, Question
from qwen_audio.tasks.records import (
    Task,
    attribute_task,
    list_task,
    split_list,
    spoken_list,
    with_article,
)
from qwen_audio.tasks.speakers import EMOTION_ANSWERS, EMOTION_PROMPTS
from qwen_audio.tasks.speech_targets import emotion_of, parse_emotion_of
from qwen_audio.text.vocab import (
    INSTRUMENT,
    PITCH,
    SONIC,
    VELOCITY,
    midi_pitch_token,
    midi_velocity_token,
)

_MIDI_NUMBER = re.compile(r"midi_(pitch|velocity)_(\d+)")


def note_target(labels: Labels) -> str | None:
    """Return what is known of a single note: pitch, velocity, instrument, sonic qualities."""
    if labels.pitch is None and labels.velocity is None and not labels.qualities:
        return None
    parts = []
    if labels.pitch is not None:
        parts.append(PITCH + midi_pitch_token(labels.pitch))
    if labels.velocity is not None:
        parts.append(VELOCITY + midi_velocity_token(labels.velocity))
    if labels.instrument:
        parts.append(INSTRUMENT + ", ".join(labels.instrument))
    if labels.qualities:
        parts.append(SONIC + ", ".join(labels.qualities))
    return "".join(parts)


def parse_note(text: str) -> Labels:
    """Return the parts of a note that a reply states."""
    numbers = {kind: int(number) for kind, number in _MIDI_NUMBER.findall(text)}
    head, _, sonic = text.partition(SONIC)
    _, _, instrument = head.partition(INSTRUMENT)
    return Labels(
        pitch=numbers.get("pitch"),
        velocity=numbers.get("velocity"),
        instrument=split_list(instrument),
        qualities=split_list(sonic),
    )


def say_note(labels: Labels) -> str | None:
    """Return the note's name and MIDI number for a sentence."""
    if labels.pitch is None:
        return None
    return f"{note_name(labels.pitch)} (MIDI {labels.pitch})"


def music_caption(labels: Labels) -> str | None:
    """Return the caption of a piece of music."""
    return labels.captions[0] if labels.captions and labels.is_music else None


def music_answer(labels: Labels) -> str | None:
    """Return the answer to the first question about a piece of music."""
    return labels.qa[0].answer if labels.qa and labels.is_music else None


def say_instruments(labels: Labels) -> str | None:
    """Return the instruments as a sentence says them."""
    return spoken_list(tuple(map(with_article, labels.instrument))) or None


def _song(field: str) -> object:
    return analysis_tags("keyword", "song_meta", field=field)


def _parse_tempo(text: str) -> Labels:
    found = re.search(r"\d+", text)
    return Labels(tempo=int(found.group()) if found else None)


def _tempo(labels: Labels) -> str | None:
    return None if labels.tempo is None else str(labels.tempo)


TASKS: tuple[Task, ...] = (
    attribute_task(
        "SID",
        "music",
        "singer identification",
        field="singer",
        tags=_song("singer"),
        prompts=("Who is the singer?", "Who sings this?"),
        answers=("The singer is {answer}.", "{answer}."),
    ),
    Task(
        name="SMER",
        group="music",
        title="singer and music emotion recognition",
        tags=_song("emotion"),
        render=emotion_of("song"),
        parse=parse_emotion_of("song"),
        say=emotion_of("song"),
        prompts=(
            *EMOTION_PROMPTS[3:11],
            "How does the singer sound?",
            "What is the mood of the song?",
        ),
        answers=("The singer sounds {answer}.", "The song sounds {answer}.", *EMOTION_ANSWERS[4:]),
        metrics=("accuracy",),
    ),
    Task(
        name="MC",
        group="music",
        title="music captioning",
        tags=analysis_tags("caption", "music_description"),
        render=music_caption,
        parse=lambda text: Labels(captions=(text.strip(),), domain="music"),
        say=music_caption,
        prompts=(
            "Describe this music.",
            "Describe what you hear.",
            "What kind of music is this?",
            "Give me a caption for this music.",
            "What can you say about this piece?",
            "Tell me about the music.",
            "Please describe the piece in a sentence.",
            "What do you hear?",
        ),
        metrics=("CIDEr", "SPICE", "SPIDEr"),
    ),
    list_task(
        "MIC",
        "music",
        "music instruments classification",
        field="instrument",
        tags=_song("instrument"),
        say=say_instruments,
        prompts=(
            "Which instrument is playing?",
            "What instrument is this?",
            "Which instrument do you hear?",
            "What musical instrument plays here?",
            "Name the instrument.",
            "Can you recognize the instrument?",
            "What is being played?",
            "On which instrument is this played?",
            "Tell me the instrument.",
            "Identify the instruments in this clip.",
        ),
        answers=(
            "The instrument is {answer}.",
            "I hear {answer}.",
            "It is played on {answer}.",
            "This is {answer}.",
            "You can hear {answer}.",
            "{answer}.",
        ),
    ),
    Task(
        name="MNA",
        group="music",
        title="music note analysis: pitch, velocity, instrument, sonic qualities",
        tags=analysis_tags("keyword", "note_analysis"),
        render=note_target,
        parse=parse_note,
        say=say_note,
        prompts=(
            "Which note is played?",
            "What note is this?",
            "What is the pitch of this note?",
            "Which pitch do you hear?",
            "Name the note.",
            "Tell me the note and its MIDI number.",
            "Can you tell which note that was?",
            "Which tone is being played?",
            "What is the MIDI pitch?",
            "Identify the pitch.",
        ),
        answers=(
            "The note is {answer}.",
            "It is {answer}.",
            "This is the note {answer}.",
            "The pitch is {answer}.",
            "I hear the note {answer}.",
            "{answer}.",
        ),
        metrics=("accuracy", "mean average precision"),
    ),
    attribute_task(
        "MGR",
        "music",
        "music genre recognition",
        field="genre",
        tags=_song("genre"),
        prompts=(
            "What is the genre of this music?",
            "Which style of music is this?",
            "What style is this?",
            "Name the genre.",
            "How would you classify this music?",
        ),
        answers=(
            "The style is {answer}.",
            "The genre is {answer}.",
            "This is {answer}.",
            "{answer}.",
        ),
    ),
    attribute_task(
        "MR",
        "music",
        "music recognition",
        field="title",
        tags=_song("title"),
        prompts=("Which piece of music is this?", "What is the title of this song?"),
        answers=('This is "{answer}".', 'The title is "{answer}".'),
    ),
    Task(
        name="MQA",
        group="music",
        title="music question answering",
        tags=question_tags(question_of),
        render=music_answer,
        parse=lambda text: Labels(qa=(Question("", text.strip()),), domain="music"),
        say=lambda _labels: None,
        metrics=("accuracy",),
    ),
    Task(
        name="Tempo",
        group="music",
        title="tempo in beats a minute",
        tags=_song("tempo"),
        render=_tempo,
        parse=_parse_tempo,
        say=_tempo,
        prompts=(
            "How fast is this music?",
            "What is the tempo?",
            "How many beats a minute does it have?",
            "Estimate the tempo in BPM.",
            "What is the speed of this piece?",
        ),
        answers=(
            "The tempo is about {answer} beats a minute.",
            "About {answer} BPM.",
            "It has some {answer} beats per minute.",
        ),
        metrics=("accuracy within 4 %",),
    ),
    attribute_task(
        "Key",
        "music",
        "musical key",
        field="key",
        tags=_song("key"),
        prompts=(
            "In which key is this music?",
            "What key is this?",
            "Name the key.",
            "Is the key major or minor, and which one?",
        ),
        answers=("The key is {answer}.", "It is in {answer}.", "{answer}."),
    ),
    attribute_task(
        "Chord",
        "music",
        "chord recognition",
        field="chord",
        tags=_song("chord"),
        prompts=(
            "Which chord is this?",
            "What chord is played?",
            "Name the chord.",
            "Is it a major or minor chord, and which one?",
        ),
        answers=("The chord is {answer}.", "It is {answer}.", "This is {answer}.", "{answer}."),
    ),
)
