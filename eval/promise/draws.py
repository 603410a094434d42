"""How often a contract is broken over many calibrations, and what it costs.

Every draw calibrates on n prompts drawn with replacement; the population's own mean loss at the
threshold it ends with is the truth. Nothing is estimated but the share of broken draws.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.promise.populations import Population
from router.promise.bounds import binomial_tail_table
from router.promise.contract import DEFAULT_GRID, rejected_in_sequence
from router.promise.rule import Covers, lowest_permitted

ALWAYS_TOP = -1
DELTA = 0.10  # allowed share of broken contracts


@dataclass(frozen=True, slots=True)
class Truth:
    """Exact means of a population at each threshold of ``DEFAULT_GRID``, always top last.

    The last entry stands at index -1, which is ``ALWAYS_TOP``.

    Attributes:
        losses: (n, g) per prompt, as the contract covers them.
        risk: (g + 1,) mean of ``losses``.
        chosen_risk: (g + 1,) mean loss when the lowest permitted tier answers.
        below_top: (g + 1,) share of prompts that go below the top tier.
        cost_share: (g + 1,) cost as a share of always top.
    """

    losses: FloatArray
    risk: FloatArray
    chosen_risk: FloatArray
    below_top: FloatArray
    cost_share: FloatArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What many calibrations led to; means over draws.

    Attributes:
        broken: Share of draws whose risk, as covered, is above alpha.
        risk: Mean loss when the lowest permitted tier answers.
        always_top: Share of draws that vouch for nothing.
        below_top: Share of prompts below the top tier.
        cost_share: Cost as a share of always top.
    """

    broken: float
    risk: float
    always_top: float
    below_top: float
    cost_share: float


def truth_of(population: Population, covers: Covers) -> Truth:
    """Compute a population's exact means."""
    losses = population.losses(DEFAULT_GRID, covers)
    lowest = population.losses(DEFAULT_GRID, "lowest")
    tiers = tiers_by_threshold(population.adequacy)
    top = population.adequacy.shape[1] - 1
    cost = np.take_along_axis(population.cost_usd, tiers, axis=1).mean(axis=0)
    return Truth(
        losses=losses,
        risk=np.append(losses.mean(axis=0), 0.0),
        chosen_risk=np.append(lowest.mean(axis=0), 0.0),
        below_top=np.append((tiers < top).mean(axis=0), 0.0),
        cost_share=np.append(cost / population.cost_usd[:, top].mean(), 1.0),
    )


def tiers_by_threshold(adequacy: FloatArray) -> IntArray:
    """Return the lowest permitted tier of (n, tiers) prompts at each threshold, (n, g)."""
    columns = [lowest_permitted(adequacy, threshold) for threshold in DEFAULT_GRID]
    tiers: IntArray = np.column_stack(columns)
    return tiers


def draw_totals(truth: Truth, n: int, draws: int, rng: np.random.Generator) -> IntArray:
    """Draw calibrations: (draws, g) total losses of n prompts each."""
    size = len(truth.losses)
    counts = rng.multinomial(n, np.full(size, 1 / size), size=draws)
    totals: IntArray = np.rint(counts @ truth.losses).astype(np.int64)
    return totals


def learn_then_test(totals: IntArray, n: int, alpha: float, delta: float) -> IntArray:
    """Return (draws,) the threshold's place in the grid by the contract, or ``ALWAYS_TOP``."""
    return rejected_in_sequence(binomial_tail_table(n, alpha)[totals], delta) - 1


def tuned(totals: IntArray, n: int, alpha: float) -> IntArray:
    """Return (draws,) the greatest threshold whose calibration risk looks kept: no guarantee."""
    kept = totals <= alpha * n
    last = kept.shape[1] - 1 - np.argmax(kept[:, ::-1], axis=1)
    place: IntArray = np.where(kept.any(axis=1), last, ALWAYS_TOP).astype(np.int64)
    return place


def outcome(truth: Truth, places: IntArray, alpha: float) -> Outcome:
    """Hold what was chosen against the truth."""
    return Outcome(
        broken=float((truth.risk[places] > alpha).mean()),
        risk=float(truth.chosen_risk[places].mean()),
        always_top=float((places == ALWAYS_TOP).mean()),
        below_top=float(truth.below_top[places].mean()),
        cost_share=float(truth.cost_share[places].mean()),
    )


def with_interval(value: float, resampled: FloatArray, sign: str = "") -> str:
    """Write a figure with the middle 95 % of its resamples; ``sign`` "+" shows a plus."""
    low, high = np.quantile(resampled, (0.025, 0.975))
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
