"""``python -m eval.promise``: simulate contracts, topics, a shift and the monitor.

Prints Markdown tables to standard output; every random draw comes from ``--seed``.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.promise.contract_tables import SIZES, contract_lines
from eval.promise.draws import DELTA
from eval.promise.logistic import FARTHEST
from eval.promise.order_tables import AUDITS, CHEAP, order_lines
from eval.promise.populations import Population, pairs, three_tiers
from eval.promise.shift_tables import (
    AUDIT_SHARE,
    CALIBRATION,
    MONITOR_DELTA,
    QUIET_AUDITS,
    delay_lines,
    quiet_lines,
    shift_lines,
)
from eval.promise.topic_tables import TOPIC_LABELS, group_lines, summary_lines
from router.errors import RouterError

THREE_TIER_TARGETS = (0.02, 0.05, 0.10)
PAIR_TARGETS = (0.03, 0.0445, 0.0889)
THREE_TIER_TOPIC_TARGET, PAIR_TOPIC_TARGET, DELAY_TARGET = 0.10, 0.0889, 0.05
LOCAL_LABELS = (200, 500)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tables that are asked for; return 0, or 1 with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        for table in arguments.tables or list(_TABLES):
            print(f"working on {table}", file=sys.stderr, flush=True)
            _TABLES[table](arguments)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


def _contract(arguments: argparse.Namespace) -> None:
    tiers, mmlu = _three(arguments), [home for home, _ in _pairs(arguments)]
    draws, seed = arguments.draws, arguments.seed
    what = f"delta {DELTA:g}, {draws} calibrations, seed {seed}"
    _print(
        f"Three tiers, {len(tiers.loss)} test prompts, {what}",
        contract_lines([tiers], THREE_TIER_TARGETS, draws, seed),
    )
    _print(
        f"MMLU, weak and strong model, {len(mmlu)} fits, {what}; cost counts strong calls",
        contract_lines(mmlu, PAIR_TARGETS, draws, seed, SIZES),
    )


def _topics(arguments: argparse.Namespace) -> None:
    draws, seed = arguments.draws, arguments.seed
    labels = f"{TOPIC_LABELS} labels over all topics, delta {DELTA:g}, {draws} calibrations"
    tiers, mmlu = _three(arguments), _pairs(arguments)[0][0]
    for name, population, targets in (
        ("Three tiers", tiers, THREE_TIER_TARGETS),
        ("MMLU", mmlu, PAIR_TARGETS),
    ):
        _print(
            f"{name} in {len(set(population.topic.tolist()))} topics, {labels}, seed {seed}",
            summary_lines(population, targets, draws, seed),
        )
    for name, population, group, target in (
        ("Three tiers by topic", tiers, tiers.topic, THREE_TIER_TOPIC_TARGET),
        ("Three tiers by task", tiers, tiers.task, THREE_TIER_TOPIC_TARGET),
        ("MMLU by cluster", mmlu, mmlu.topic, PAIR_TOPIC_TARGET),
    ):
        _print(
            f"{name}, target {target:g}, {labels}, seed {seed}",
            group_lines(population, group, target, draws, seed),
        )


def _shift(arguments: argparse.Namespace) -> None:
    both, draws, seed = _pairs(arguments), arguments.draws, arguments.seed
    for inputs, populations in (
        ("unbounded", pairs(arguments.data, seed, math.inf)),
        (f"bounded at {FARTHEST:g} standard deviations", both),
    ):
        _print(
            f"MMLU then GSM8K, inputs {inputs}: contract on {CALIBRATION} MMLU labels, audits "
            f"{AUDIT_SHARE:.0%}, monitor delta {MONITOR_DELTA:g}, {draws} lives, seed {seed}",
            shift_lines(populations, PAIR_TARGETS, draws, seed),
        )
    _print(
        f"No shift, {QUIET_AUDITS} audits of MMLU, {draws} lives, seed {seed}",
        quiet_lines(both, PAIR_TARGETS, draws, seed),
    )
    _print(
        f"GSM8K after recalibration on local labels, delta {DELTA:g}, {draws} calibrations, "
        f"seed {seed}; cost counts strong calls",
        contract_lines([away for _, away in both], PAIR_TARGETS, draws, seed, LOCAL_LABELS),
    )


def _delay(arguments: argparse.Namespace) -> None:
    _print(
        f"Audits until a shift is noticed: median, 90 % of those that notice within 3,000 (their "
        f"share); risk before alpha / 2, monitor delta {MONITOR_DELTA:g}, {arguments.draws} lives, "
        f"seed {arguments.seed}",
        delay_lines(DELAY_TARGET, arguments.draws, arguments.seed),
    )


def _order(arguments: argparse.Namespace) -> None:
    _print(
        f"Risk exactly {DELAY_TARGET:g}, {CHEAP:.0%} of requests below the top tier, {AUDITS} "
        f"audits, monitor delta {DELTA:g}, {arguments.draws} monitors, seed {arguments.seed}",
        order_lines(DELAY_TARGET, DELTA, arguments.draws, arguments.seed),
    )


def _three(arguments: argparse.Namespace) -> Population:
    return three_tiers(arguments.data, arguments.artifact, arguments.catalog)


def _pairs(arguments: argparse.Namespace) -> list[tuple[Population, Population]]:
    return pairs(arguments.data, arguments.seed)


def _print(title: str, lines: Sequence[str]) -> None:
    print(f"\n**{title}**\n", *lines, sep="\n", flush=True)


_TABLES: dict[str, Callable[[argparse.Namespace], None]] = {
    "contract": _contract,
    "topics": _topics,
    "shift": _shift,
    "delay": _delay,
    "order": _order,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.promise", description=__doc__)
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"any of {', '.join(_TABLES)}; default all"
    )
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="outcome files")
    parser.add_argument(
        "--artifact", type=Path, default=Path("router/artifacts/default"), help="artifact directory"
    )
    parser.add_argument(
        "--catalog", type=Path, default=Path("data/catalog.toml"), help="catalog file (TOML)"
    )
    parser.add_argument("--draws", type=int, default=1000, help="simulated calibrations")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    return parser


if __name__ == "__main__":
    sys.exit(main())
