"""Routers to be compared with: those anybody can build, and those nobody can.

Each gives a ``Sweep`` over the same held-out prompts. Baselines that learn see only the rows
outside the held-out part; the bounds (oracle, verifier) see the held-out answers themselves.
"""

from itertools import combinations

import numpy as np

from eval.arrays import FloatArray, IntArray, StrArray
from eval.outcomes import OutcomeTable
from eval.recorded import Kind, Recorded, Sweep, sweep_of_tiers
from router.errors import DataError

WILLINGNESS_TO_PAY_USD: tuple[float, ...] = tuple(np.logspace(-6, 2, 81).tolist())
NEIGHBOURS = 100
LENGTH_BINS = 10
MIX_STEPS = 20
_CHUNK_ROWS = 1024


def trade_off_choices(predicted_quality: FloatArray, predicted_cost_usd: FloatArray) -> IntArray:
    """Choose argmax of quality - cost / willingness to pay, the cheaper one on a tie.

    Args:
        predicted_quality: (n, tiers).
        predicted_cost_usd: (n, tiers) USD.

    Returns:
        (n, settings) positions of tiers, one setting per value of ``WILLINGNESS_TO_PAY_USD``.
    """
    by_cost = np.argsort(predicted_cost_usd, axis=1, kind="stable")
    quality = np.take_along_axis(predicted_quality, by_cost, axis=1)
    cost_usd = np.take_along_axis(predicted_cost_usd, by_cost, axis=1)
    picks = [np.argmax(quality - cost_usd / pay, axis=1) for pay in WILLINGNESS_TO_PAY_USD]
    choices: IntArray = np.take_along_axis(by_cost, np.column_stack(picks), axis=1)
    return choices


def zero_router(recorded: Recorded) -> Sweep:
    """Never look at the prompt: single tiers, mixed at random along their hull (RouterBench)."""
    rows = len(recorded.quality)
    choices = np.tile(np.arange(len(recorded.tiers)), (rows, 1))
    return sweep_of_tiers(
        recorded,
        choices,
        recorded.tiers,
        name="zero_router",
        title="zero router (mix of single tiers)",
        kind="baseline",
    )


def random_mix(recorded: Recorded) -> Sweep:
    """Send a share of prompts, picked by lot, to the highest tier and the rest to the lowest."""
    share = np.linspace(0, 1, MIX_STEPS + 1)

    def mixed(values: FloatArray) -> FloatArray:
        return values[:, :1] * (1 - share) + values[:, -1:] * share

    return Sweep(
        name="random_mix",
        title=f"random mix of {recorded.tiers[0]} and {recorded.tiers[-1]}",
        kind="baseline",
        labels=tuple(f"{part:.0%} {recorded.tiers[-1]}" for part in share),
        cost_usd=mixed(recorded.cost_usd),
        quality=mixed(recorded.quality),
    )


def best_single_tier(recorded: Recorded, known: OutcomeTable) -> Sweep:
    """Send everything to the tier that was best on the rows outside the held-out part."""
    best = int(np.argmax(known.quality.mean(axis=0)))
    choices = np.full((len(recorded.quality), 1), best, dtype=np.int64)
    return sweep_of_tiers(
        recorded,
        choices,
        (recorded.tiers[best],),
        name="best_single_tier",
        title=f"best single tier ({recorded.tiers[best]})",
        kind="baseline",
    )


def task_mean(recorded: Recorded, known: OutcomeTable, held_out: OutcomeTable) -> Sweep:
    """Told only the task's name: mean quality and length of the task's known rows."""
    return by_category(
        recorded, known, held_out, known.task, held_out.task, name="task_mean", title="task mean"
    )


def prompt_length(recorded: Recorded, known: OutcomeTable, held_out: OutcomeTable) -> Sweep:
    """Told only the prompt's length: thresholds on input tokens cut ten equally filled bins."""
    edges = np.quantile(known.input_tokens, np.linspace(0, 1, LENGTH_BINS + 1)[1:-1])
    return by_category(
        recorded,
        known,
        held_out,
        np.searchsorted(edges, known.input_tokens, side="right").astype(np.str_),
        np.searchsorted(edges, held_out.input_tokens, side="right").astype(np.str_),
        name="prompt_length",
        title="prompt length",
    )


def nearest_neighbours(recorded: Recorded, known: OutcomeTable, held_out: OutcomeTable) -> Sweep:
    """Mean of the 100 known prompts with the most similar vectors (arXiv 2505.12601)."""
    neighbours = min(NEIGHBOURS, len(known))
    quality = np.empty(held_out.quality.shape)
    output_tokens = np.empty(held_out.quality.shape)
    for start in range(0, len(held_out), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        similarity = held_out.vectors[rows] @ known.vectors.T
        nearest = np.argpartition(-similarity, neighbours - 1, axis=1)[:, :neighbours]
        quality[rows] = known.quality[nearest].mean(axis=1)
        output_tokens[rows] = known.output_tokens[nearest].mean(axis=1)
    return _predicted(
        recorded,
        held_out,
        quality,
        output_tokens,
        name="knn",
        title=f"nearest neighbours (k = {neighbours})",
        kind="baseline",
    )


def oracle(recorded: Recorded) -> Sweep:
    """Know every answer and every bill beforehand: the best any router can do with these tiers."""
    choices = trade_off_choices(recorded.quality, recorded.cost_usd)
    return sweep_of_tiers(
        recorded, choices, _pay_labels(), name="oracle", title="oracle", kind="bound"
    )


def perfect_verifier(recorded: Recorded, adequate_quality: float) -> Sweep:
    """Ask tiers from the lowest up until an answer is adequate, and pay for every answer asked.

    The check itself is free and never errs: the ceiling of any cascade. One setting for every
    choice of tiers to ask; where none is adequate the best answer seen is kept.
    """
    tiers = len(recorded.tiers)
    chains = [chain for size in range(1, tiers + 1) for chain in combinations(range(tiers), size)]
    columns = [_cascade(recorded, chain, adequate_quality) for chain in chains]
    return Sweep(
        name="perfect_verifier",
        title="perfect verifier (cascade)",
        kind="bound",
        labels=tuple(" then ".join(recorded.tiers[tier] for tier in chain) for chain in chains),
        cost_usd=np.column_stack([cost_usd for cost_usd, _ in columns]),
        quality=np.column_stack([quality for _, quality in columns]),
    )


def task_means(values: FloatArray, categories: StrArray, wanted: StrArray) -> FloatArray:
    """Look up per-category means, the overall mean for a category never seen.

    Args:
        values: (m, tiers) known values.
        categories: (m,) their categories.
        wanted: (n,) categories to look up.

    Returns:
        (n, tiers).
    """
    names, inverse = np.unique(categories, return_inverse=True)
    sums = np.zeros((names.size + 1, values.shape[1]))
    np.add.at(sums, inverse, values)
    means = sums / np.append(np.bincount(inverse), 1)[:, None]
    means[-1] = values.mean(axis=0)
    place = np.searchsorted(names, wanted)
    seen = names[np.minimum(place, names.size - 1)] == wanted
    found: FloatArray = means[np.where(seen, place, names.size)]
    return found


def by_category(
    recorded: Recorded,
    known: OutcomeTable,
    held_out: OutcomeTable,
    known_categories: StrArray,
    categories: StrArray,
    *,
    name: str,
    title: str,
    kind: Kind = "baseline",
) -> Sweep:
    """Told only a category of each prompt: mean quality and length of its known rows."""
    quality = task_means(known.quality.astype(np.float64), known_categories, categories)
    output_tokens = task_means(known.output_tokens.astype(np.float64), known_categories, categories)
    return _predicted(recorded, held_out, quality, output_tokens, name=name, title=title, kind=kind)


def _predicted(
    recorded: Recorded,
    held_out: OutcomeTable,
    quality: FloatArray,
    output_tokens: FloatArray,
    *,
    name: str,
    title: str,
    kind: Kind,
) -> Sweep:
    if not np.isfinite(output_tokens).all():
        raise DataError(
            f"baseline {name!r} needs output tokens of every known row; some are missing: "
            "leave those rows out"
        )
    cost_usd = recorded.prices.tier_cost_usd(held_out.input_tokens, output_tokens)
    choices = trade_off_choices(quality, cost_usd)
    return sweep_of_tiers(recorded, choices, _pay_labels(), name=name, title=title, kind=kind)


def _cascade(
    recorded: Recorded, chain: tuple[int, ...], adequate_quality: float
) -> tuple[FloatArray, FloatArray]:
    asked = np.ones(len(recorded.quality), dtype=np.bool_)
    cost_usd = np.zeros(len(recorded.quality))
    best = np.zeros(len(recorded.quality))
    for tier in chain:
        cost_usd += asked * recorded.cost_usd[:, tier]
        best = np.where(asked, np.maximum(best, recorded.quality[:, tier]), best)
        asked &= recorded.quality[:, tier] < adequate_quality
    return cost_usd, best


def _pay_labels() -> list[str]:
    return [f"willingness to pay ${pay:.3g}" for pay in WILLINGNESS_TO_PAY_USD]
