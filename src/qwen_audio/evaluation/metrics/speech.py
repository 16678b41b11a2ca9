"""Metrics of speech on strings: word and character errors, BLEU, times of words."""

from functools import lru_cache
from typing import Any

import numpy as np

from qwen_audio.evaluation.metrics.normalisers import Normalise
from qwen_audio.evaluation.metrics.records import Sums, Values
from qwen_audio.evaluation.scoring import milliseconds_off, without_tags, words_in_common
from qwen_audio.tasks.transcripts import UNSPACED

_ORDER = 4  # the longest n-grams of BLEU


def errors(reference: str, reply: str, language: str | None, *, normalise: Normalise) -> list[int]:
    """Return the errors and the units of the reference, by jiwer.

    Units are words, or characters where words have no spaces.

    >>> from qwen_audio.evaluation.metrics.normalisers import paper
    >>> errors("the cat sat", "The cat sat down", "en", normalise=paper)
    [1, 3]
    """
    import jiwer

    expected, got = normalise(reference, language), normalise(reply, language)
    by_unit = jiwer.process_characters if language in UNSPACED else jiwer.process_words
    found = by_unit(expected, got)
    wrong = found.substitutions + found.deletions + found.insertions
    return [wrong, found.hits + found.substitutions + found.deletions]


def bleu_counts(reference: str, reply: str, *, tokenizer: str) -> list[int]:
    """Return the n-grams that are right, those there are, and both lengths, by sacreBLEU."""
    found = _bleu(tokenizer).sentence_score(without_tags(reply), [reference])
    return [*found.counts, *found.totals, found.sys_len, found.ref_len]


def bleu(sums: Sums) -> Values:
    """Return corpus BLEU of added counts."""
    from sacrebleu.metrics import BLEU

    flat = sums.reshape(-1, sums.shape[-1])
    values = [
        BLEU.compute_bleu(
            correct=row[:_ORDER].tolist(),
            total=row[_ORDER : 2 * _ORDER].tolist(),
            sys_len=int(row[-2]),
            ref_len=int(row[-1]),
        ).score
        if row[-1]
        else np.nan
        for row in flat
    ]
    return np.array(values).reshape(sums.shape[:-1])


def times_off(reference: str, reply: str, language: str | None) -> list[float]:
    """Return how far starts and ends are off in ms, over the words in common, and their number."""
    off = milliseconds_off(reference, reply, language)
    return [float(off.part), off.whole / 2]


def words_found(reference: str, reply: str, language: str | None) -> list[float]:
    """Return how many words of the reference the reply has in order, and how many there are."""
    return [float(number) for number in words_in_common(reference, reply, language)]


@lru_cache(maxsize=4)
def _bleu(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    # effective_order changes a sentence's own score, which is not used, and no count
    return BLEU(tokenize=tokenizer, effective_order=True)
