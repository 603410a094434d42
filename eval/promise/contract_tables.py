"""Tables of contracts on traffic like that of their calibration, as Markdown lines.

What they cost and how often they are broken. Topics are ``eval.promise.topic_tables``, shifts
``eval.promise.shift_tables``.
"""

from collections.abc import Sequence

import numpy as np

from eval.promise.draws import (
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
