"""What deadlines come to, as Markdown: the same traffic with and without them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isclose

import numpy as np

from eval.bootstrap import Interval
from eval.cells import number_to, percent_to
from eval.pools.run import Run
from eval.pools.study import mean, saving
from eval.pools.waits import WAYS_LATER, Waited
from router.rollout.tally import share


def waiting_lines(
    found: Mapping[str, Sequence[Run]], at_once: Mapping[str, Sequence[Run]]
) -> Iterator[str]:
    """Yield the tables of deadlines, a row for each way to price the pool.

    Intervals are over seeds, differences paired; those of misses are Wilson's, 95 %.

    Args:
        found: Runs with deadlines.
        at_once: Of the same traffic, everything asked at once.
    """
    yield (
        "| with deadlines | total USD | all at once USD | cheaper | GPU hours | all at once "
        "| p99 delay s | all at once |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name, runs in found.items():
        plain = at_once[name]
        yield (
            f"| {name} | {_number(runs, lambda r: r.total_usd)} "
            f"| {_number(plain, lambda r: r.total_usd)} | {_percent(saving(runs, plain))} "
            f"| {_number(runs, lambda r: r.gpu_hours)} | {_number(plain, lambda r: r.gpu_hours)} "
            f"| {_number(runs, lambda r: r.p99_delay_s)} "
            f"| {_number(plain, lambda r: r.p99_delay_s)} |"
        )
    yield ""
    yield (
        "| where it went | have a deadline | of these later | "
        + " | ".join(WAYS_LATER)
        + " | fell back | missed | no way in time | API bill at once USD | flex | batch "
        "| fall-backs | left in line |"
    )
    yield "|---|---|---|" + "---|" * len(WAYS_LATER) + "---|---|---|---|---|---|---|---|"
    for name, runs in found.items():
        yield _row(name, runs)


def _row(name: str, runs: Sequence[Run]) -> str:
    waited = [run.waited for run in runs]
    asked = sum(one.requests for one in waited)
    offered = sum(one.requests - one.no_way for one in waited)
    later = np.sum([one.later for one in waited], axis=0)
    usd = np.mean([one.usd for one in waited], axis=0)
    api = float(np.mean([run.api_usd for run in runs]))
    missed = sum(one.missed for one in waited)
    ways = " | ".join(f"{count / asked:.1%}" for count in later.tolist())
    too_late = share(missed, offered)
    bill = " | ".join(f"{value:.2f}" for value in usd.tolist())
    return (
        f"| {name} | {asked:,} | {later.sum() / asked:.1%} | {ways} "
        f"| {_part(waited, lambda one: one.fell_back, int(later.sum()))} "
        f"| {missed} ({too_late.low:.3%} to {too_late.high:.3%}) | {asked - offered} "
        f"| {api - usd.sum():.2f} | {bill} |"
    )


def _part(waited: Sequence[Waited], figure: Callable[[Waited], int], of: int) -> str:
    return f"{sum(map(figure, waited)) / of:.1%}" if of else ""


def _number(runs: Sequence[Run], figure: Callable[[Run], float]) -> str:
    one = mean(runs, figure)
    return f"{one.value:.2f}" if isclose(one.low, one.high) else number_to(one)


def _percent(one: Interval) -> str:
    return f"{one.value:.1%}" if one.low == one.high else percent_to(one)
