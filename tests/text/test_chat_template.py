import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_audio.text.chat_template import CHAT_TEMPLATE
from qwen_audio.text.messages import from_dicts
from qwen_audio.text.prompt import render_chat

WORDS = st.text("ab \n{}%'é", max_size=8)


def by_template(tokenizer, messages: list[dict], *, add_generation_prompt: bool) -> str:
    return tokenizer.apply_chat_template(
        messages,
        chat_template=CHAT_TEMPLATE,
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
    )


@given(st.lists(st.tuples(WORDS, WORDS), max_size=3), WORDS, st.one_of(st.none(), WORDS))
def test_the_template_gives_what_the_renderer_gives(tokenizer, turns, last, system) -> None:
    messages = [] if system is None else [{"role": "system", "content": system}]
    for asked, answered in turns:
        messages.append({"role": "user", "content": [{"type": "text", "text": asked}]})
        messages.append({"role": "assistant", "content": answered})
    messages.append({"role": "user", "content": last})

    prompt = render_chat(from_dicts(messages), tokenizer=tokenizer).prompt

    text = by_template(tokenizer, messages, add_generation_prompt=True)
    assert text == tokenizer.decode(prompt.ids)


@pytest.mark.parametrize("end", ["hello", ""])
def test_a_finished_conversation_ends_without_a_newline(tokenizer, end: str) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": end}]
    prompt = render_chat(
        from_dicts(messages), tokenizer=tokenizer, add_generation_prompt=False
    ).prompt

    text = by_template(tokenizer, messages, add_generation_prompt=False)

    assert text == tokenizer.decode(prompt.ids)


def test_clips_are_counted_over_the_conversation(tokenizer) -> None:
    clip = {"type": "audio", "path": "never_opened.wav"}
    messages = [
        {"role": "user", "content": [clip, {"type": "text", "text": "Who?"}]},
        {"role": "user", "content": [{"type": "text", "text": "And "}, clip, clip]},
    ]

    text = by_template(tokenizer, messages, add_generation_prompt=False)

    assert "user\nAudio 1:<audio></audio>\nWho?<|im_end|>" in text
    assert "user\nAnd Audio 2:<audio></audio>\nAudio 3:<audio></audio>\n<|im_end|>" in text
