"""RouteLLM's evaluation, done again on its own outcomes: GPT-4-1106 against Mixtral-8x7B.

Here are its eleven-point procedure with all its habits (arXiv 2406.18665 and the code beside it),
the routers that need no training (random, oracle, verifier), and how a benchmark is built from
outcome arrays. The exact metrics live in ``eval.metrics``, the comparison with the published
figures in ``eval.routellm_table``.
"""

import random
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from eval.metrics import StrongShareCurve
from router.errors import DataError

STRONG_MODEL = "gpt-4-1106-preview"
WEAK_MODEL = "mixtral-8x7b-instruct-v0.1"
BINS = 10
RANDOM_ITERATIONS = 10


@dataclass(frozen=True, slots=True)
class PairBenchmark:
    """What two models scored on the same prompts.

    Attributes:
        name: ``mmlu``, ``gsm8k`` or ``mt_bench``.
        weak: (n,) the weak model's quality per routed prompt; a question with two turns is one
            routed prompt (the first turn decides) with the mean of its turns.
        strong: (n,) the strong model's.
        whole_calls: The oracle's budget counts whole calls only (RouteLLM does so on MT-Bench).
    """

    name: str
    weak: FloatArray
    strong: FloatArray
    whole_calls: bool = False


def quantile_thresholds(scores: FloatArray, bins: int = BINS) -> FloatArray:
    """Find the edges that ``pandas.qcut(scores, bins, retbins=True)`` returns.

    Args:
        scores: (n,) a router's scores.
        bins: Number of bins.

    Returns:
        (bins + 1,) rising thresholds, from the least score to the greatest.

    Raises:
        DataError: Two edges are equal (too many ties), where pandas refuses as well.
    """
    edges: FloatArray = np.quantile(scores, np.linspace(0, 1, bins + 1))
    if np.any(np.diff(edges) <= 0):
        raise DataError(
            f"the scores have too many ties for {bins} equally filled bins, so RouteLLM's "
            "procedure is undefined for them; use eval.metrics.strong_share_curve, which moves "
            "ties together"
        )
    return edges


def eleven_point_curve(bench: PairBenchmark, scores: FloatArray) -> StrongShareCurve:
    """Trace a router at RouteLLM's eleven thresholds.

    A prompt goes to the strong model when its score is at or above the edge; at the last edge only
    when it is above, so nobody does.

    Args:
        bench: The outcomes.
        scores: (n,) the router's P(strong wins); higher goes strong.
    """
    edges = quantile_thresholds(scores)
    to_strong = scores[:, None] >= edges[None, :]
    to_strong[:, -1] = scores > edges[-1]
    quality = np.where(to_strong, bench.strong[:, None], bench.weak[:, None]).mean(axis=0)
    return _by_share(to_strong.mean(axis=0), quality)


def random_curve(
    bench: PairBenchmark, seed: int = 0, iterations: int = RANDOM_ITERATIONS
) -> StrongShareCurve:
    """Trace RouteLLM's random router: uniform scores, averaged per distinct share of strong calls.

    The draws follow the order of the prompts, so another order of rows gives another sample.
    """
    draw = random.Random(seed)  # noqa: S311 - RouteLLM draws from Python's generator
    shares, qualities = [], []
    for _ in range(iterations):
        scores = np.array([draw.uniform(0, 1) for _ in range(bench.weak.size)])
        curve = eleven_point_curve(bench, scores)
        shares.append(curve.share)
        qualities.append(curve.quality)
    distinct, inverse = np.unique(np.concatenate(shares), return_inverse=True)
    totals = np.bincount(inverse, weights=np.concatenate(qualities))
    return StrongShareCurve(distinct, totals / np.bincount(inverse))


def budgeted_oracle_curve(bench: PairBenchmark, bins: int = BINS) -> StrongShareCurve:
    """Trace RouteLLM's optimal line: the greatest gains first, never paying for a tie or a loss.

    Flat once every gain is taken, so its last point is the best quality reachable, not that of
    always-strong.
    """
    gains = np.sort(np.clip(bench.strong - bench.weak, 0, None))[::-1]
    share = np.linspace(0, 1, bins + 1)
    calls = share * gains.size
    if bench.whole_calls:
        calls = np.floor(calls + 1e-9)
    gained = np.interp(calls, np.arange(gains.size + 1), np.concatenate(([0.0], np.cumsum(gains))))
    return StrongShareCurve(share, bench.weak.mean() + gained / gains.size)


def their_apgr(bench: PairBenchmark, curve: StrongShareCurve) -> float:
    """APGR as RouteLLM's code has it: trapezoids over the curve's own shares."""
    weak, strong = bench.weak.mean(), bench.strong.mean()
    width = np.ptp(curve.share)
    area = np.trapezoid(curve.quality, curve.share)
    return float((area - weak * width) / ((strong - weak) * width))


def their_cpt(bench: PairBenchmark, curve: StrongShareCurve, level: float) -> float:
    """CPT as RouteLLM's code has it.

    ``np.interp`` reads the share off the quality even where quality does not rise, where its result
    is undefined; kept to match the published tables. ``eval.metrics.cpt`` is the sound one.
    """
    weak, strong = bench.weak.mean(), bench.strong.mean()
    return float(np.interp(weak + level * (strong - weak), curve.quality, curve.share))


def oracle_scores(bench: PairBenchmark) -> FloatArray:
    """Score by the true gain: losses last."""
    return bench.strong - bench.weak


def verifier_scores(bench: PairBenchmark) -> FloatArray:
    """Score by the weak model's failure alone: the ceiling of a cascade that checks its answer."""
    return -bench.weak


def _by_share(share: FloatArray, quality: FloatArray) -> StrongShareCurve:
    order = np.argsort(share, kind="stable")
    return StrongShareCurve(share[order], quality[order])
