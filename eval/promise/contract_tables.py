"""Tables of contracts on traffic like that of their calibration, as Markdown lines.

What they cost, how often they are broken, and how one contract for all topics compares with one
per topic. Shifts are ``eval.promise.shift_tables``.
"""

from collections.abc import Sequence

import numpy as np

from eval.arrays import IntArray
from eval.promise.draws import (
    ALWAYS_TOP,
    DELTA,
    draw_totals,
    learn_then_test,
    outcome,
    truth_of,
    tuned,
)
from eval.promise.populations import Population
from router.promise.rule import COVERS

SIZES = (200, 500, 1000)
TOPIC_LABELS = 1000
_FIGURES = ("broken", "risk", "always_top", "below_top", "cost_share")


def contract_lines(
    populations: Sequence[Population],
    targets: Sequence[float],
    draws: int,
    seed: int,
    sizes: Sequence[int] = SIZES,
) -> list[str]:
    """How often the contract is broken: every target, size and cover, beside a tuned threshold.

    Draws are divided evenly among the populations (one per fit).
    """
    lines = [
        "| target | labels | rule | broken | risk | always top | below top | cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    each = draws // len(populations)
    for alpha in targets:
        for n in sizes:
            for covers in COVERS:
                rng = np.random.default_rng(seed)
                results = []
                for population in populations:
                    truth = truth_of(population, covers)
                    totals = draw_totals(truth, n, each, rng)
                    chosen = {"contract, " + covers: learn_then_test(totals, n, alpha, DELTA)}
                    if covers == "lowest":
                        chosen["tuned"] = tuned(totals, n, alpha)
                    results.append({k: outcome(truth, v, alpha) for k, v in chosen.items()})
                for rule in results[0]:
                    rows = [result[rule] for result in results]
                    cells = [np.mean([getattr(row, name) for row in rows]) for name in _FIGURES]
                    lines.append(
                        f"| {alpha:g} | {n} | {rule} | {cells[0]:.3f} | {cells[1]:.4f} "
                        f"| {cells[2]:.2f} | {cells[3]:.2f} | {cells[4]:.2f} |"
                    )
    return lines


def topic_lines(population: Population, alpha: float, draws: int, seed: int) -> list[str]:
    """Per topic: how often one contract for all and a contract of its own are broken there.

    ``TOPIC_LABELS`` prompts are drawn over all topics together; a topic's number varies by draw.
    """
    lines = [
        "| topic | prompts | broken: one for all | each | joint | below top: one | each | joint |",
        "|---|---|---|---|---|---|---|---|",
    ]
    whole = truth_of(population, "any")
    topics = np.unique(population.topic)
    truths = [truth_of(population.select(population.topic == topic), "any") for topic in topics]
    sizes = np.array([len(truth.losses) for truth in truths])
    rng = np.random.default_rng(seed)
    rows = len(whole.losses)
    counts = rng.multinomial(TOPIC_LABELS, np.full(rows, 1 / rows), size=draws)
    everywhere = np.rint(counts @ whole.losses).astype(np.int64)
    one_for_all = learn_then_test(everywhere, TOPIC_LABELS, alpha, DELTA)
    shares = np.zeros(3)
    for topic, truth, size in zip(topics, truths, sizes, strict=True):
        inside = counts[:, population.topic == topic]
        totals = np.rint(inside @ truth.losses).astype(np.int64)
        labels = inside.sum(axis=1)
        each, joint = (
            _by_size(totals, labels, alpha, level) for level in (DELTA, DELTA / len(topics))
        )
        kinds = [outcome(truth, places, alpha) for places in (one_for_all, each, joint)]
        shares += np.array([kind.below_top for kind in kinds]) * size / rows
        broken = " | ".join(f"{kind.broken:.2f}" for kind in kinds)
        below = " | ".join(f"{kind.below_top:.2f}" for kind in kinds)
        lines.append(f"| {topic} | {size} | {broken} | {below} |")
    lines.append(f"| all | {rows} | | | | {' | '.join(f'{share:.2f}' for share in shares)} |")
    return lines


def _by_size(totals: IntArray, labels: IntArray, alpha: float, level: float) -> IntArray:
    """Apply the contract to draws whose number of labels differs."""
    places = np.full(len(labels), ALWAYS_TOP, dtype=np.int64)
    for n in np.unique(labels):
        here = labels == n
        if n > 0:
            places[here] = learn_then_test(totals[here], int(n), alpha, level)
    return places
