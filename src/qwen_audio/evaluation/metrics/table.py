"""The table of metrics."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from qwen_audio.evaluation.benchmarks.air_bench import CHAT, FOUNDATION
from qwen_audio.evaluation.metrics import captions, domains, judged, labels, notes, speech
from qwen_audio.evaluation.metrics.normalisers import NORMALISERS
from qwen_audio.evaluation.metrics.records import Counts, Exchange, Metric, share

_UNITS = "of characters in Chinese and Japanese"
_PERCENT = partial(share, scale=100.0)


def _each(count: Callable[[Exchange], Sequence[float]]) -> Callable[[Sequence[Exchange]], Counts]:
    return lambda exchanges: np.array([count(exchange) for exchange in exchanges], dtype=float)


def _right(is_right: Callable[[str, str], bool]) -> Callable[[Sequence[Exchange]], Counts]:
    return _each(lambda e: [int(is_right(e.reference, e.reply)), 1])


def _timed(count: Callable[..., Sequence[float]]) -> Callable[[Sequence[Exchange]], Counts]:
    return _each(lambda e: count(e.reference, e.reply, e.language))


def _wer(name: str, note: str) -> Metric:
    normalise = NORMALISERS[name]
    return Metric(
        name=f"wer-{name}",
        title=f"WER, {name} normalisation",
        unit="%",
        digits=2,
        is_error=True,
        counts=_each(
            lambda e: speech.errors(e.reference, e.reply, e.language, normalise=normalise)
        ),
        total=_PERCENT,
        note=note,
    )


def _bleu(name: str, tokenizer: str) -> Metric:
    return Metric(
        name=name,
        title=f"BLEU ({tokenizer})",
        digits=1,
        counts=_each(lambda e: speech.bleu_counts(e.reference, e.reply, tokenizer=tokenizer)),
        total=speech.bleu,
    )


def _accuracy(name: str, title: str, is_right: Callable[[str, str], bool]) -> Metric:
    return Metric(name=name, title=title, counts=_right(is_right), total=share)


def _any_wording(exchanges: Sequence[Exchange]) -> Counts:
    classes = sorted({e.reference for e in exchanges})
    right = [[labels.is_same_class(e.reference, e.reply, classes), 1] for e in exchanges]
    return np.array(right, dtype=float)


def _caption(
    name: str,
    title: str,
    score: Callable[..., list[float]],
    *,
    lacks: Callable[[], str] = captions.lacks_tools,
) -> Metric:
    def counts(exchanges: Sequence[Exchange]) -> Counts:
        scores = score([e.references for e in exchanges], [e.reply for e in exchanges])
        return np.array([[s, 1] for s in scores], dtype=float)

    return Metric(name=name, title=title, counts=counts, total=share, lacks=lacks)


def _rated(whose: int) -> Callable[[Sequence[Exchange]], Counts]:
    def count(exchange: Exchange) -> list[float]:
        scores = [pair[whose] for pair in judged.read_ratings(exchange.ratings)]
        return domains.placed(exchange.part, sum(scores), len(scores), domains=CHAT)

    return _each(count)


def _spider(references: Sequence[Sequence[str]], replies: Sequence[str]) -> list[float]:
    pairs = zip(captions.cider(references, replies), captions.spice(references, replies))  # noqa: B905
    return [(a + b) / 2 for a, b in pairs]


_ALL = (
    _wer("paper", f"lower case and no tags; numbers and punctuation count; {_UNITS}"),
    _wer("whisper", f"numbers, spellings, punctuation as Whisper's normaliser does; {_UNITS}"),
    _bleu("bleu", "13a"),
    _bleu("bleu-zh", "zh"),
    Metric(
        name="aas",
        title="AAS",
        unit="ms",
        digits=1,
        is_error=True,
        counts=_timed(speech.times_off),
        total=share,
        note="shifts of start and end added, over words in common, as the original's script does",
    ),
    Metric(
        name="border-error",
        title="mean error of a start or end",
        unit="ms",
        digits=1,
        is_error=True,
        counts=_timed(speech.times_off),
        total=partial(share, scale=0.5),
        note="half of AAS",
    ),
    Metric(
        name="words-found",
        title="words found",
        counts=_timed(speech.words_found),
        total=share,
    ),
    _accuracy("accuracy", "accuracy", labels.is_same),
    Metric(
        name="accuracy-any-wording",
        title="accuracy, any wording",
        counts=_any_wording,
        total=share,
        note="right if the reply names the class, in any spelling or sentence, and no other",
    ),
    Metric(
        name="accuracy-binary",
        title="accuracy, yes or no",
        counts=_each(lambda e: labels.binary_accuracy(e.reference, e.reply)),
        total=share,
    ),
    Metric(
        name="choice",
        title="accuracy of the option",
        counts=_each(lambda e: [labels.is_chosen(e.reference, e.reply, e.choices), 1]),
        total=share,
        note="a letter, or the text of one option; anything else is wrong",
    ),
    Metric(
        name="choice-by-domain",
        title="accuracy of the option, mean of domains",
        counts=_each(
            lambda e: domains.placed(
                e.part,
                labels.is_chosen(e.reference, e.reply, e.choices),
                1,
                domains=FOUNDATION,
            )
        ),
        total=partial(domains.mean_of_domains, domains=FOUNDATION),
        note="as AIR-Bench averages: over the tasks of speech, sound and music, then over these",
    ),
    Metric(
        name="judge",
        title="judge's score of the reply, 1 to 10",
        digits=2,
        counts=_rated(judged.REPLY),
        total=partial(domains.mean_of_domains, domains=CHAT),
        note="mean of speech, sound, music and mixed; each answer is rated twice, beside the right "
        "one, in both orders; the judge and the prompt's wording move it",
    ),
    Metric(
        name="judge-reference",
        title="judge's score of the right answer, 1 to 10",
        digits=2,
        counts=_rated(judged.REFERENCE),
        total=partial(domains.mean_of_domains, domains=CHAT),
    ),
    Metric(
        name="judge-read",
        title="ratings that can be read",
        counts=_each(lambda e: [len(judged.read_ratings(e.ratings)), 2]),
        total=share,
        note="the judge's score is over these",
    ),
    Metric(
        name="qualities-map",
        title="qualities, mAP",
        counts=_each(lambda e: notes.quality_counts(e.reference, e.reply)),
        total=notes.mean_average_precision,
    ),
    _accuracy("instrument", "instrument, accuracy", notes.same_instrument),
    _accuracy("pitch", "pitch, accuracy", notes.same_pitch),
    _accuracy("chroma", "pitch in any octave, accuracy", notes.same_chroma),
    _accuracy("velocity", "velocity, accuracy", notes.same_velocity),
    _caption("cider", "CIDEr", captions.cider),
    _caption("spice", "SPICE", captions.spice, lacks=captions.lacks_spice),
    _caption("spider", "SPIDEr", _spider, lacks=captions.lacks_spice),
    _caption("meteor", "METEOR", captions.meteor, lacks=captions.lacks_java),
    _caption("rouge-l", "ROUGE-L", captions.rouge_l),
    Metric(
        name="bleu-4",
        title="BLEU-4 of captions",
        digits=1,
        counts=lambda exchanges: np.array(
            captions.bleu_4([e.references for e in exchanges], [e.reply for e in exchanges]),
            dtype=float,
        ),
        total=speech.bleu,
        lacks=captions.lacks_tools,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
