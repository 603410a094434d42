"""One contract for all topics beside one per topic, as Markdown lines.

How often each is broken over all traffic, in some topic and in each; what each costs; and what a
contract per topic does for the tasks that its topics mix. Every draw calibrates on
``TOPIC_LABELS`` prompts over all topics together, so a topic's number varies by draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from eval.promise.draws import (
    ALWAYS_TOP,
    DELTA,
    learn_then_test,
    tiers_by_threshold,
    with_interval,
)
from eval.promise.populations import Population
from router.promise.contract import DEFAULT_GRID

TOPIC_LABELS = 1000
RULES = ("one for all", "per topic, each", "per topic, joint")
RESAMPLES, DRAWS_EACH = 200, 25


@dataclass(frozen=True, slots=True)
class Rows:
    """Per prompt and threshold, always top last: what is lost, paid, and sent below the top tier.

    Prompts stand topic by topic.

    Attributes:
        loss: (n, g + 1) as the contract covers it.
        cost_usd: (n, g + 1) of the lowest permitted tier.
        below: (n, g + 1) 1 where that is not the top tier.
        order: (n,) where each prompt stood in its population.
        topics: Names of the topics.
        places: Rows of each topic.
    """

    loss: FloatArray
    cost_usd: FloatArray
    below: FloatArray
    order: IntArray
    topics: tuple[str, ...]
    places: tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Weighted sums over some prompts of each topic at each threshold, (topics, g + 1)."""

    size: float
    loss: FloatArray
    cost_usd: FloatArray
    below: FloatArray

    def risk(self, chosen: IntArray) -> FloatArray:
        """Return the mean loss of calibrations (draws, topics): (draws,)."""
        return _taken(self.loss, chosen) / self.size

    def below_top(self, chosen: IntArray) -> FloatArray:
        """Return the share of prompts below the top tier: (draws,)."""
        return _taken(self.below, chosen) / self.size

    def cost_share(self, chosen: IntArray) -> FloatArray:
        """Return the cost as a share of always top: (draws,)."""
        share: FloatArray = _taken(self.cost_usd, chosen) / self.cost_usd[:, ALWAYS_TOP].sum()
        return share


def rows_of(population: Population) -> Rows:
    """Look up every prompt at every threshold."""
    topics, place = np.unique(population.topic, return_inverse=True)
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(len(topics) + 1)).tolist()
    tiers = tiers_by_threshold(population.adequacy)
    top = population.adequacy.shape[1] - 1
    cost = np.take_along_axis(population.cost_usd, tiers, axis=1)
    nothing = np.zeros(len(place))
    return Rows(
        loss=np.column_stack((population.losses(DEFAULT_GRID, "any"), nothing))[order],
        cost_usd=np.column_stack((cost, population.cost_usd[:, top]))[order],
        below=np.column_stack((tiers < top, nothing))[order].astype(np.float64),
        order=order.astype(np.int64),
        topics=tuple(topics.tolist()),
        places=tuple(slice(*pair) for pair in pairwise(bounds)),
    )


def truth(rows: Rows, weight: FloatArray) -> Truth:
    """Sum up prompts of (n,) weights, in the order of ``rows``."""
    loss, cost_usd, below = (
        np.stack([weight[place] @ values[place] for place in rows.places])
        for values in (rows.loss, rows.cost_usd, rows.below)
    )
    return Truth(float(weight.sum()), loss, cost_usd, below)


def calibrations(
    rows: Rows, weight: FloatArray, alpha: float, draws: int, rng: np.random.Generator
) -> dict[str, IntArray]:
    """Calibrate by every rule: (draws, topics) places in the grid, ``ALWAYS_TOP`` is the last.

    Args:
        rows: Prompts.
        weight: (n,) probability that a labelled prompt is this one.
        alpha: Promised risk.
        draws: Calibrations.
        rng: Source of chance.
    """
    counts = rng.multinomial(TOPIC_LABELS, weight, size=draws)
    totals = np.stack(
        [counts[:, place] @ rows.loss[place, :ALWAYS_TOP] for place in rows.places], axis=1
    )
    whole: IntArray = np.rint(totals).astype(np.int64)
    labels = np.stack([counts[:, place].sum(axis=1) for place in rows.places], axis=1)
    for_all = learn_then_test(whole.sum(axis=1), TOPIC_LABELS, alpha, DELTA)
    many = len(rows.topics)
    each, joint = (
        np.column_stack(
            [_by_size(whole[:, topic], labels[:, topic], alpha, level) for topic in range(many)]
        )
        for level in (DELTA, DELTA / many)
    )
    return dict(zip(RULES, (np.tile(for_all[:, None], many), each, joint), strict=True))


def summary_lines(
    population: Population, targets: Sequence[float], draws: int, seed: int
) -> list[str]:
    """Every target and rule: broken over all, in some topic, in the worst one; cost by prompt.

    Intervals are 95 %, over resamples of the prompts, each with calibrations of its own; the
    difference of cost is paired.
    """
    heads = "target|rule|broken over all|in some topic|worst topic|below top|cost|more than one"
    lines = ["| " + heads.replace("|", " | ") + " |", "|---" * 8 + "|"]
    rows = rows_of(population)
    flat = np.full(len(rows.order), 1 / len(rows.order))
    known = truth(rows, flat)
    for alpha in targets:
        rng = np.random.default_rng(seed)
        chosen = calibrations(rows, flat, alpha, draws, rng)
        resampled = _resampled_costs(rows, alpha, rng)
        first = known.cost_share(chosen[RULES[0]]).mean()
        for rule, places in chosen.items():
            broken = _broken_topics(rows, flat, places, alpha)
            worst = int(np.argmax(broken.mean(axis=0)))
            mean = float(known.cost_share(places).mean())
            cost = with_interval(mean, resampled[rule])
            extra = with_interval(mean - first, resampled[rule] - resampled[RULES[0]], sign="+")
            lines.append(
                f"| {alpha:g} | {rule} | {(known.risk(places) > alpha).mean():.3f} "
                f"| {broken.any(axis=1).mean():.3f} | {rows.topics[worst]}, "
                f"{broken[:, worst].mean():.3f} | {known.below_top(places).mean():.2f} | {cost} "
                f"| {extra if rule != RULES[0] else '-'} |"
            )
    return lines


def group_lines(
    population: Population, group: StrArray, alpha: float, draws: int, seed: int
) -> list[str]:
    """Per group of prompts, such as topics or tasks: how often each rule is broken there.

    Args:
        population: Prompts, each with its topic.
        group: (n,) name of each prompt's group.
        alpha: Promised risk.
        draws: Calibrations.
        seed: Of all draws.
    """
    wide = " | ".join(RULES)
    lines = [f"| group | prompts | broken: {wide} | below top: {wide} |", "|---" * 8 + "|"]
    rows = rows_of(population)
    names = group[rows.order]
    flat = np.full(len(names), 1 / len(names))
    chosen = calibrations(rows, flat, alpha, draws, np.random.default_rng(seed)).values()
    for name in np.unique(names).tolist():
        known = truth(rows, flat * (names == name))
        broken = " | ".join(f"{(known.risk(places) > alpha).mean():.3f}" for places in chosen)
        below = " | ".join(f"{known.below_top(places).mean():.2f}" for places in chosen)
        lines.append(f"| {name} | {(names == name).sum()} | {broken} | {below} |")
    return lines


def _taken(sums: FloatArray, chosen: IntArray) -> FloatArray:
    """Add up over topics what (draws, topics) thresholds take of (topics, g + 1): (draws,)."""
    total: FloatArray = sums[np.arange(len(sums)), chosen].sum(axis=1)
    return total


def _by_size(totals: IntArray, labels: IntArray, alpha: float, level: float) -> IntArray:
    """Apply the contract to draws whose number of labels differs."""
    places = np.full(len(labels), ALWAYS_TOP, dtype=np.int64)
    for n in np.unique(labels):
        here = labels == n
        if n > 0:
            places[here] = learn_then_test(totals[here], int(n), alpha, level)
    return places


def _broken_topics(rows: Rows, weight: FloatArray, places: IntArray, alpha: float) -> BoolArray:
    """Say which draws break the promise in which topic, (draws, topics)."""
    known = truth(rows, weight)
    risk = np.stack([known.loss[topic, places[:, topic]] for topic in range(len(rows.topics))])
    sizes = np.array([weight[place].sum() for place in rows.places])
    broken: BoolArray = (risk / sizes[:, None] > alpha).T
    return broken


def _resampled_costs(rows: Rows, alpha: float, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return the mean cost share of each rule on resampled prompts, (resamples,)."""
    size = len(rows.order)
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    for _ in range(RESAMPLES):
        weight = rng.multinomial(size, np.full(size, 1 / size)) / size
        known = truth(rows, weight)
        for rule, places in calibrations(rows, weight, alpha, DRAWS_EACH, rng).items():
            found[rule].append(float(known.cost_share(places).mean()))
    return {rule: np.array(values) for rule, values in found.items()}
