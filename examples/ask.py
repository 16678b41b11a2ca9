"""Three questions about one clip: what is said, when, and by whom.

python examples/ask.py examples/clips/sentence.flac
"""

import sys

import qwen_audio


def main(path: str, model: str | None = None) -> None:
    """Print a transcript, its words with times, and an answer."""
    qa = qwen_audio.load(model)
    print(qa.transcribe(path, language="en").text)
    for word in qa.transcribe(path, language="en", words=True).words:
        print(f"{word.start_s:6.2f}-{word.end_s:5.2f}  {word.text}")
    print(qa.ask(path, "Is the speaker a man or a woman?").text)


if __name__ == "__main__":
    main(*sys.argv[1:])
