"""Metrics of captions, by the COCO caption tools (pycocoevalcap).

Two of them are Java programs. CIDEr, ROUGE-L and BLEU are not, but the tools' own splitting into
words is; without Java, words are split by nltk's tokenizer of the same (Penn Treebank) kind.
"""

import contextlib
import io
import os
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from qwen_audio.evaluation.scoring import without_tags

_NOTHING = "."  # the tools fail on an empty caption; a lone full stop has no words

Captions = dict[int, list[str]]


def cider(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    """Return CIDEr-D of each reply."""
    from pycocoevalcap.cider.cider import Cider

    return _scores(Cider(), references, replies)


def rouge_l(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    """Return ROUGE-L of each reply."""
    from pycocoevalcap.rouge.rouge import Rouge

    return _scores(Rouge(), references, replies)


def meteor(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    """Return METEOR of each reply; a Java program."""
    from pycocoevalcap.meteor.meteor import Meteor

    return _scores(Meteor(), references, replies)


def spice(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    """Return SPICE of each reply; a Java program."""
    from pycocoevalcap.spice.spice import Spice

    found, said = _split(references, replies)
    with contextlib.redirect_stdout(io.StringIO()):
        _, parts = Spice().compute_score(found, said)
    return [part["All"]["f"] for part in parts]


def bleu_4(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[list[int]]:
    """Return the counts of corpus BLEU over the same words, by sacreBLEU; see `speech.bleu`."""
    from sacrebleu.metrics import BLEU

    tool = BLEU(tokenize="none", effective_order=True, force=True)
    found, said = _split(references, replies)
    scores = [tool.sentence_score(said[place][0], found[place]) for place in said]
    return [[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores]


def lacks_tools() -> str:
    """Return what is missing for any metric of captions, or nothing."""
    try:
        import pycocoevalcap.cider.cider  # noqa: F401
    except ImportError:
        return "needs pycocoevalcap; install qwen-audio[eval]"
    return ""


def lacks_java() -> str:
    """Return what is missing for METEOR, or nothing."""
    return lacks_tools() or ("" if shutil.which("java") else "needs Java, which is not here")


def lacks_spice() -> str:
    """Return what is missing for SPICE, or nothing; its parser is never fetched unasked."""
    if lacks_java():
        return lacks_java()
    import pycocoevalcap.spice

    library = Path(pycocoevalcap.spice.__file__).parent / "lib"
    if not list(library.glob("stanford-corenlp-*-models.jar")):
        return (
            "needs Stanford CoreNLP 3.6.0; run `python -m pycocoevalcap.spice.get_stanford_models`"
        )
    return ""


def splitter() -> str:
    """Return which tokenizer splits captions into words here."""
    return "PTB tokenizer (Java)" if _has_ptb() else "nltk's Treebank tokenizer"


def _has_ptb() -> bool:
    """Return whether the tools' own tokenizer runs: Java, and a package folder it may write to."""
    if lacks_java():
        return False
    import pycocoevalcap.tokenizer

    return os.access(Path(next(iter(pycocoevalcap.tokenizer.__path__))), os.W_OK)


def _scores(tool: Any, references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    found, said = _split(references, replies)
    _, scores = tool.compute_score(found, said)
    return [float(score) for score in scores]


def _split(
    references: Sequence[Sequence[str]], replies: Sequence[str]
) -> tuple[Captions, Captions]:
    """Return references and replies by place, as words in lower case without punctuation."""
    return _split_once(tuple(map(tuple, references)), tuple(replies))


@lru_cache(maxsize=1)
def _split_once(
    references: tuple[tuple[str, ...], ...], replies: tuple[str, ...]
) -> tuple[Captions, Captions]:
    """Split once for all metrics: each call starts a Java program."""
    found = {place: [t or _NOTHING for t in texts] for place, texts in enumerate(references)}
    said = {place: [_one_line(reply) or _NOTHING] for place, reply in enumerate(replies)}
    return _words(found), _words(said)


def _one_line(reply: str) -> str:
    return " ".join(without_tags(reply).split())


def _words(captions: Captions) -> Captions:
    if not _has_ptb():
        split = _treebank()
        return {place: [split(text) for text in texts] for place, texts in captions.items()}
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    asked = {place: [{"caption": t} for t in texts] for place, texts in captions.items()}
    return PTBTokenizer().tokenize(asked)


@lru_cache(maxsize=1)
def _treebank() -> Any:
    from nltk.tokenize import TreebankWordTokenizer

    tool = TreebankWordTokenizer()
    # the COCO tools mean to drop brackets too, but look for them in upper case
    silent = {"''", "'", "``", "`", *".?!,:;", "-", "--", "..."}

    def split(text: str) -> str:
        words = tool.tokenize(text, convert_parentheses=True)
        return " ".join(word.lower() for word in words if word not in silent)

    return split
