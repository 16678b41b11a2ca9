"""Holds the written dialogues with a model: all first turns together, then all second ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qwen_audio.data.manifest import Record
from qwen_audio.evaluation.abilities import CHAT, DIALOGUES_RIGHT, TURNS_RIGHT
from qwen_audio.evaluation.answer_log import AnswerLog
from qwen_audio.evaluation.asking import OnDone
from qwen_audio.evaluation.dialogues import ClipName, Dialogue, UserTurn
from qwen_audio.evaluation.records import Answer, Ratio
from qwen_audio.evaluation.scoring import without_tags
from qwen_audio.inference.answers import MAX_WINDOW, QwenAudio
from qwen_audio.inference.generation import Generation
from qwen_audio.text.messages import ASSISTANT, USER, Audio, Message, Text
from qwen_audio.text.prompt import Prompt, decode_reply, render_chat

_SETTINGS = Generation(max_new_tokens=128)


@dataclass
class _Conversation:
    """A dialogue while it is held."""

    dialogue: Dialogue
    messages: list[Message] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    @property
    def turn(self) -> UserTurn:
        """The turn whose reply is not there yet."""
        return self.dialogue.turns[len(self.replies)]

    @property
    def key(self) -> str:
        """The name of that turn's answer."""
        return f"{self.dialogue.name}/{len(self.replies) + 1}"

    def hear(self, found: Mapping[ClipName, Record]) -> None:
        """Take the user's next message."""
        names = [self.dialogue.clips[place] for place in self.turn.clips]
        clips = [Audio(found[name].audio.load()) for name in names]
        self.messages.append(Message(USER, (*clips, Text(self.turn.say))))
        listed = "".join(f"[{name.dataset} {name.source}] " for name in names)
        self.written.append(f"user: {listed}{self.turn.say}")
        self.prompts.append("\n".join(self.written))

    def say(self, reply: str) -> None:
        """Take the model's reply; what it says is never read as a tag later on."""
        text = without_tags(reply)
        self.messages.append(Message(ASSISTANT, (Text(text),)))
        self.written.append(f"assistant: {text}")
        self.replies.append(reply)


def hold_dialogues(
    model: QwenAudio,
    dialogues: Sequence[Dialogue],
    found: Mapping[ClipName, Record],
    *,
    log: AnswerLog,
    batch: int,
    on_done: OnDone,
) -> list[Answer]:
    """Return one answer a turn; the model hears its own earlier replies.

    Args:
        model: who answers, greedily.
        dialogues: what the user says.
        found: the clip behind each name.
        log: keeps the answers; a turn after the same conversation is not asked again.
        batch: how many conversations go on at once.
        on_done: called with the number of answers that are new.
    """
    held = [_Conversation(dialogue) for dialogue in dialogues]
    while waiting := [c for c in held if len(c.replies) < len(c.dialogue.turns)]:
        unanswered = []
        for conversation in waiting:
            conversation.hear(found)
            reply = log.reply_to(CHAT, conversation.key, conversation.prompts[-1])
            if reply is None:
                unanswered.append(conversation)
            else:
                conversation.say(reply)
                on_done(1)
        for group in _batches(unanswered, batch):
            _answer(model, group, log)
            on_done(len(group))
    return [answer for conversation in held for answer in _judged(conversation)]


def _batches(conversations: list[_Conversation], size: int) -> list[list[_Conversation]]:
    def seconds(conversation: _Conversation) -> float:
        return sum(clip.duration_s for m in conversation.messages for clip in m.clips)

    ordered = sorted(conversations, key=seconds)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _answer(model: QwenAudio, group: Sequence[_Conversation], log: AnswerLog) -> None:
    prompts = [_prompt(model, conversation) for conversation in group]
    tokenizer = model.processor.tokenizer
    replies = [
        decode_reply(tokenizer, ids, skip_special=False)
        for ids in model.generate(prompts, settings=_SETTINGS)
    ]
    for conversation, reply in zip(group, replies, strict=True):
        number = len(conversation.replies)
        conversation.say(reply)
        log.add([_judge(conversation, number)])


def _prompt(model: QwenAudio, conversation: _Conversation) -> Prompt:
    return render_chat(
        conversation.messages,
        tokenizer=model.processor.tokenizer,
        max_window=MAX_WINDOW,
        pool=model.processor.pool,
    ).prompt


def _judged(conversation: _Conversation) -> list[Answer]:
    return [_judge(conversation, number) for number in range(len(conversation.replies))]


def _judge(conversation: _Conversation, number: int) -> Answer:
    """Return a turn with its verdict; the last turn also carries that of the dialogue."""
    turns = conversation.dialogue.turns
    verdicts = [
        turn.check.passes(reply)
        for turn, reply in zip(turns, conversation.replies[: number + 1], strict=False)
    ]
    is_last = number == len(turns) - 1
    whole = Ratio(int(all(verdicts)), 1) if is_last else Ratio(0, 0)
    return Answer(
        ability=CHAT,
        key=f"{conversation.dialogue.name}/{number + 1}",
        dataset="dialogues",
        part=conversation.dialogue.kind,
        prompt=conversation.prompts[number],
        reference=turns[number].expect,
        reply=conversation.replies[number],
        scores=((DIALOGUES_RIGHT, whole), (TURNS_RIGHT, Ratio(int(verdicts[-1]), 1))),
    )
