"""Replays and break-evens as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from math import isinf, isnan

from eval.bootstrap import Interval
from eval.cells import number_to, percent_to
from eval.planning.sensitivity import UTILISATIONS, Case
from eval.pools.run import Run
from eval.pools.study import mean, saving

LIST = "list price"


def run_lines(found: Mapping[str, Run]) -> Iterator[str]:
    """Yield the table of one replay, a row for each way to price the pool."""
    yield (
        "| way to price the pool | total USD | against list price | API bill | GPUs | GPU hours "
        "| utilisation | on the pool | p95 delay s | p99 delay s | longest queue | adequacy "
        "| quality | read from caches |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    listed = found[LIST].total_usd
    for name, run in found.items():
        quality = "" if isnan(run.quality) else f"{run.quality:.3f}"
        yield (
            f"| {name} | {run.total_usd:.2f} | {run.total_usd / listed - 1.0:+.1%} "
            f"| {run.api_usd:.2f} | {run.gpu_usd:.2f} | {run.gpu_hours:.2f} "
            f"| {run.utilisation:.0%} | {run.pool_share:.0%} | {run.p95_delay_s:.2f} "
            f"| {run.p99_delay_s:.2f} | {run.waiting.max(initial=0.0):.0f} "
            f"| {run.adequacy:.3f} | {quality} | {run.cache_read_share:.0%} |"
        )


def seed_lines(found: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Yield the table of replays of made-up traffic, intervals over seeds, differences paired."""
    yield (
        "| way to price the pool | total USD | cheaper than list price | GPU hours | utilisation "
        "| p95 delay s | p99 delay s |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, runs in found.items():
        cheaper = "" if name == LIST else percent_to(saving(runs, found[LIST]))
        yield (
            f"| {name} | {number_to(mean(runs, lambda r: r.total_usd))} | {cheaper} "
            f"| {number_to(mean(runs, lambda r: r.gpu_hours))} "
            f"| {mean(runs, lambda r: r.utilisation).value:.0%} "
            f"| {number_to(mean(runs, lambda r: r.p95_delay_s))} "
            f"| {number_to(mean(runs, lambda r: r.p99_delay_s))} |"
        )


def case_lines(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the table of break-evens, the one as stated first."""
    yield (
        "| what is otherwise | | requests it could take | APIs USD/month | pool USD/month "
        "| pays from, of throughput | times this traffic | |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in cases:
        found = one.found
        yield (
            f"| {one.group} | {one.words} | {found.share:.0%} | {found.api_usd_per_month:,.0f} "
            f"| {found.pool_usd_per_month:,.0f} | {_share(found.break_even)} "
            f"| {_times(found.traffic_factor)} | {_verdict(one)} |"
        )


def utilisation_lines(stated: Case) -> Iterator[str]:
    """Yield the table of what the pool costs over the APIs, by how busy it is."""
    yield "| share of throughput served | pool over APIs |"
    yield "|---|---|"
    for share in UTILISATIONS:
        yield f"| {share:.0%} | {stated.found.break_even.value / share:.2f} |"


def _verdict(one: Case) -> str:
    found = one.found
    if found.share == 0.0:
        return "no such requests"
    if found.break_even.value > 1.0:
        return "never pays"
    return "pays now" if found.traffic_factor <= 1.0 else "needs more traffic"


def _times(factor: float) -> str:
    return "" if isinf(factor) else f"{factor:.2f}"


def _share(one: Interval) -> str:
    return "" if isinf(one.value) else percent_to(one)
