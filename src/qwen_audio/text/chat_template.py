"""The released chat form as a template for other tools that read a saved processor.

Our own code renders conversations in `prompt.py`. A template cannot tell a user's text from a
control token that it spells, so do not serve strangers with it.
"""

from qwen_audio.text import vocab
from qwen_audio.text.draft import AUDIO_LABEL
from qwen_audio.text.messages import ASSISTANT, SYSTEM
from qwen_audio.text.prompt import DEFAULT_SYSTEM

_CLIP = f"{AUDIO_LABEL.format(number='{{ count.clips }}')}{vocab.AUDIO_SLOT}{{{{ '\\n' }}}}"

_TEMPLATE = """\
{%- set count = namespace(clips=0) -%}
{%- if not messages or messages[0].role != 'SYSTEM' -%}
BEGINSYSTEM{{ '\\n' }}DEFAULTEND{{ '\\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if not loop.first -%}{{ '\\n' }}{%- endif -%}
BEGIN{{ message.role }}{{ '\\n' }}
{%- if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == 'audio' -%}
{%- set count.clips = count.clips + 1 -%}
CLIP
{%- else -%}
{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
END
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '\\n' }}BEGINASSISTANT{{ '\\n' }}{%- endif -%}
"""

CHAT_TEMPLATE = (
    _TEMPLATE.replace("BEGIN", vocab.CHAT_BEGIN)
    .replace("END", vocab.CHAT_END)
    .replace("SYSTEM", SYSTEM)
    .replace("ASSISTANT", ASSISTANT)
    .replace("DEFAULT", DEFAULT_SYSTEM)
    .replace("CLIP", _CLIP)
)
"""Jinja text for `chat_template.jinja`; each clip is `Audio N:<audio></audio>` and a newline."""
