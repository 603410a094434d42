"""Why a watch goes by the order of draws: late reports in bulk, simulated, as a Markdown table."""

import numpy as np

from eval.arrays import BoolArray
from router.promise.wealth import after_loss, initial_wealth, total

CHEAP = 0.2  # share of requests that go below the top tier; the others are known to lose nothing
AUDITS = 2000
_ONE = np.ones(1)


def order_lines(alpha: float, delta: float, paths: int, seed: int) -> list[str]:
    """Contracts whose risk is exactly alpha: how often they are called broken.

    Cheaply routed audits are reported together after every so many draws, top-tier ones at once.
    By the order of reports each bulk comes behind the zeros of its time, at a mean loss of
    alpha / CHEAP; by the order of draws an open audit counts 0 until it is reported, which ends in
    the same evidence whatever the bulk.

    Args:
        alpha: Promised risk, and the true one.
        delta: Of the monitor.
        paths: Monitors.
        seed: Of all draws.
    """
    rng = np.random.default_rng(seed)
    is_cheap = rng.random((paths, AUDITS)) < CHEAP
    lost = is_cheap & (rng.random((paths, AUDITS)) < alpha / CHEAP)
    by_draw = f"{_rejected(lost, alpha, delta).mean():.3f}"
    lines = [
        "| reported after every | called broken, by reports | by draws |",
        "|---|---|---|",
    ]
    for bulk in (1, 20, 100, 500, 2000):
        bulks = np.broadcast_to(np.arange(AUDITS) // bulk, is_cheap.shape)
        order = np.lexsort((is_cheap, bulks), axis=1)
        by_report = _rejected(np.take_along_axis(lost, order, axis=1), alpha, delta).mean()
        lines.append(f"| {bulk:,} draws | {by_report:.3f} | {by_draw} |")
    return lines


def _rejected(lost: BoolArray, alpha: float, delta: float) -> BoolArray:
    """Say which rows of (paths, audits) losses are ever rejected."""
    wealth, found = initial_wealth((len(lost),)), np.zeros(len(lost), dtype=bool)
    for seen in range(lost.shape[1]):
        loss = lost[:, seen].astype(np.float64)
        wealth = after_loss(wealth, seen, loss, _ONE, np.array([alpha]))
        found |= total(wealth) >= 1 / delta
    return found
