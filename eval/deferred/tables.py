"""The study as Markdown: one row for each way things may go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.bootstrap import Interval, percentile_interval, resample_weights
from eval.deferred.jobs import deployments
from eval.deferred.measured import Run
from eval.deferred.provider import Faults
from eval.deferred.simulate import Setting, simulate
from router.promise.bounds import clopper_pearson_upper

_FAULTS = Faults(
    file_refused=0.05, row_failed=0.03, row_missing=0.01, in_two_parts=0.3, told_twice=0.2,
    sync_failed=0.01,
)  # fmt: skip
_RATE = 0.02
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way things may go, and its name."""

    name: str
    setting: Setting


_MARGIN_S = 600.0
SCENARIOS = (
    Scenario("nothing goes wrong", Setting(Faults())),
    Scenario("crashes and failures", Setting(_FAULTS, _RATE)),
    Scenario("crashes and failures, margin of 10 min", Setting(_FAULTS, _RATE, margin_s=_MARGIN_S)),
    Scenario("batches take 4 times as long", Setting(Faults(), batch_slowness=4.0)),
    Scenario("slow batches, crashes and failures", Setting(_FAULTS, _RATE, batch_slowness=4.0)),
    Scenario(
        "slow batches, crashes and failures, margin of 10 min",
        Setting(_FAULTS, _RATE, batch_slowness=4.0, margin_s=_MARGIN_S),
    ),
    Scenario("calls at once take 3 times as long", Setting(Faults(), sync_slowness=3.0)),
)


def lines(catalog: Path, names: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Yield the table of scenarios.

    Args:
        catalog: Whose deployments, prices and completion times are taken.
        names: Of scenarios.
        count: Jobs of each.
        seed: Of every draw.
    """
    of, confidence = deployments(catalog)
    yield (
        "| what happens | crashes | lost | doubled | files sent twice | given up | prompts kept "
        "| by batch | paid, of asking all at once | where none was asked at once | expected "
        "| missed | missed at most |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for scenario in SCENARIOS:
        if scenario.name in names:
            run = simulate(of, confidence, scenario.setting, count, seed)
            yield _row(scenario.name, run)
    yield ""
    yield f"Asked for: at most {1.0 - confidence:.1%} missed."


def _row(name: str, run: Run) -> str:
    # One-sided, so that it holds with 97.5 %.
    upper = clopper_pearson_upper(run.missed, run.jobs, 0.025)
    return (
        f"| {name} | {run.crashes:,} | {run.lost} | {run.doubled} | {run.sent_again} "
        f"| {run.given_up} | {run.kept_prompts} | {run.by_batch / run.jobs:.1%} "
        f"| {_share(paid_share(run))} | {paid_without_calls(run):.1%} "
        f"| {run.expected_usd.sum() / run.sync_usd.sum():.1%} "
        f"| {run.missed} ({run.missed / run.jobs:.2%}) | {upper:.2%} |"
    )


def paid_share(run: Run) -> Interval:
    """Return what was paid over what asking all at once costs, with an interval over files."""
    weights = resample_weights(run.files, _DRAWS, 0)
    paid, sync = run.paid_usd, run.sync_usd
    return percentile_interval(
        float(paid.sum() / sync.sum()), np.asarray((weights @ paid) / (weights @ sync))
    )


def paid_without_calls(run: Run) -> float:
    """Return the same of the jobs that were never asked at once."""
    waited = ~run.asked_at_once
    return float(run.paid_usd[waited].sum() / run.sync_usd[waited].sum())


def _share(one: Interval) -> str:
    return f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"
