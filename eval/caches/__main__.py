"""``python -m eval.caches``: a router that knows of prompt caches against one that does not.

Drawn sessions of an agent through the engine that serves, in virtual time. What the figures mean is
docs/prices.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.arrays import FloatArray
from eval.caches.sessions import SCENARIOS
from eval.caches.simulate import Served, simulate
from eval.tables import aligned
from router.catalog import load_catalog
from router.defaults import default_artifact_directory
from router.engine import build_engine
from router.errors import RouterError
from router.predict.artifact import load_artifact
from router.types import Goal

CATALOG = Path("data/catalog.caches.toml")


GOALS = (
    Goal(quality_target=0.8),
    Goal(quality_target=0.9),
    Goal(willingness_to_pay_usd=0.1),
    Goal(willingness_to_pay_usd=0.3),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate and print; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.caches", description=__doc__)
    parser.add_argument("--catalog", type=Path, default=CATALOG, metavar="FILE")
    parser.add_argument("--sessions", type=int, default=1_000, help="of each kind")
    parser.add_argument("--true-hit-rate", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    try:
        engine = build_engine(
            load_artifact(default_artifact_directory()), load_catalog(arguments.catalog)
        )
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    rate, seed = arguments.true_hit_rate, arguments.seed
    rows = [HEAD]
    for name, scenario in SCENARIOS.items():
        for goal in GOALS:
            results = simulate(engine, goal, scenario, arguments.sessions, rate, seed)
            rows += rows_of(name, goal, results, seed)
    print(f"{arguments.sessions} sessions of each kind, true hit rate {rate:g}, seed {seed}\n")
    print(aligned(rows))
    return 0


HEAD = [
    "sessions", "goal", "policy", "USD a session", "cost against blind", "adequacy",
    "value less cost, against blind", "switches", "dearer than stay", "beyond the premium",
]  # fmt: skip


def rows_of(name: str, goal: Goal, results: dict[str, list[Served]], seed: int) -> list[list[str]]:
    """Return one row a policy; intervals are paired by session.

    The last columns: share of sessions that cost more than under "stay", and that did so by more
    than what the policy's own switches wrote again.
    """
    cost = {
        policy: np.array([one.cost_usd for one in served]) for policy, served in results.items()
    }
    picks = np.random.default_rng(seed).integers(0, len(cost["blind"]), (1000, len(cost["blind"])))
    blind, pay = cost["blind"], goal.willingness_to_pay_usd
    rows = []
    for policy, served in results.items():
        ours, turns = cost[policy], sum(one.turns for one in served)
        change = ours[picks].sum(1) / blind[picks].sum(1) - 1.0
        premium = np.array([one.rewritten_usd for one in served])
        rows.append(
            [
                name,
                f"target {goal.quality_target:g}" if pay is None else f"pays {pay:g}",
                policy,
                f"{ours.mean():.4f}",
                _with_interval(ours.sum() / blind.sum() - 1.0, change),
                f"{sum(one.adequacy for one in served) / turns:.3f}",
                "" if pay is None else _worth(served, results["blind"], pay, picks),
                f"{np.mean([one.switches for one in served]):.2f}",
                f"{np.mean(ours > cost['stay'] * (1.0 + 1e-9)):.1%}",
                f"{np.mean(ours > cost['stay'] + premium + 1e-12):.1%}",
            ]
        )
    return rows


def _worth(
    served: list[Served], blind: list[Served], pay: float, picks: npt.NDArray[np.int64]
) -> str:
    """Return value less cost, against blind, as a share of what blind costs."""
    ours, theirs = (
        np.array([pay * one.adequacy - one.cost_usd for one in each]) for each in (served, blind)
    )
    bill = np.array([one.cost_usd for one in blind])
    gain = ours - theirs
    return _with_interval(gain.sum() / bill.sum(), gain[picks].sum(1) / bill[picks].sum(1))


def _with_interval(value: float, samples: FloatArray) -> str:
    low, high = np.quantile(samples, [0.025, 0.975])
    return f"{value:+.1%} [{low:+.1%}, {high:+.1%}]"


if __name__ == "__main__":
    sys.exit(main())
