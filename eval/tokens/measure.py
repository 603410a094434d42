"""Errors of the token estimate by kind of text, before and after a ratio is learnt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.arrays import FloatArray
from eval.tokens.texts import CountedText
from router.cost.ratio import RatioWindow, ratios_of
from router.cost.tokens import TextKind, kind_of, tokens_of
from router.predict.reading import read

REPORTS = 1000
DEALS = 20
_FOLDS = 2


@dataclass(frozen=True, slots=True)
class KindError:
    """Relative errors of one kind of text, against one vocabulary.

    Attributes:
        kind: Of text; "all" for all of them.
        texts: How many.
        mean: Signed mean of the error before anything is learnt.
        before: 90th percentile of the absolute error then.
        after: The same once a deployment's ratios were learnt on the other half of the texts: mean
            over ``DEALS`` deals of the texts to halves.
        quarter: The same of a quarter of the characters.
    """

    kind: str
    texts: int
    mean: float
    before: float
    after: float
    quarter: float


def kind_errors(texts: Sequence[CountedText], vocabulary: int, seed: int) -> list[KindError]:
    """Return the errors of each kind, then of all, for a column of ``VOCABULARIES``.

    Ratios are learnt as a server learns them, from ``REPORTS`` reports on one half of the texts,
    drawn with replacement, and judged on the other half; then the other way round. Which text falls
    to which half moves the result by half a point, so they are dealt ``DEALS`` times.
    """
    readings = [read(one.text) for one in texts]
    estimates = np.array([tokens_of(reading) for reading in readings])
    kinds = [kind_of(reading) for reading in readings]
    true = np.array([one.tokens[vocabulary] for one in texts], dtype=np.float64)
    quarters = np.array([len(one.text) / 4.0 for one in texts])
    rng = np.random.default_rng(seed)
    deals = [_learnt(texts, estimates, kinds, true, rng) for _ in range(DEALS)]
    names = [one.kind for one in texts]
    rows = []
    for name in (*dict.fromkeys(names), "all"):
        chosen = np.array([name in (one, "all") for one in names])

        def p90(guess: FloatArray, chosen: npt.NDArray[np.bool_] = chosen) -> float:
            return float(np.quantile(np.abs(guess[chosen] / true[chosen] - 1.0), 0.9))

        signed = float(np.mean(estimates[chosen] / true[chosen] - 1.0))
        after = float(np.mean([p90(learnt) for learnt in deals]))
        rows.append(
            KindError(name, int(chosen.sum()), signed, p90(estimates), after, p90(quarters))
        )
    return rows


def _learnt(
    texts: Sequence[CountedText],
    estimates: FloatArray,
    kinds: list[TextKind],
    true: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the estimate of each text times the ratio learnt from the half it is not in."""
    fold_of = _folds(texts, rng)
    learnt = np.empty(len(texts))
    for fold in range(_FOLDS):
        window = RatioWindow()
        for place in rng.choice(np.flatnonzero(fold_of != fold), REPORTS):
            window = window.with_report(kinds[place], math.log(true[place] / estimates[place]))
        ratios = ratios_of(window)
        for place in np.flatnonzero(fold_of == fold):
            learnt[place] = estimates[place] * ratios[kinds[place]]
    return learnt


def _folds(texts: Sequence[CountedText], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal the texts of each kind to the folds by lot."""
    fold_of = np.empty(len(texts), dtype=np.int64)
    for name in dict.fromkeys(one.kind for one in texts):
        places = [place for place, one in enumerate(texts) if one.kind == name]
        fold_of[rng.permutation(places)] = np.arange(len(places)) % _FOLDS
    return fold_of
