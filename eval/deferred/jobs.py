"""Made-up jobs: when they come, when they are needed, and which of them a batch is cheapest for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from router.batch.formats import entry_of
from router.batch.jobs import Job
from router.catalog import load_catalog
from router.cost.estimate import expected_cost_usd
from router.deferred.choice import by_deadline
from router.deferred.ways import Deadline, ServiceWay
from router.types import Deployment, Estimate

DAY_S = 24 * 3600.0
_SHORTEST_S, _LONGEST_S = 600.0, 2 * DAY_S
_MOST_REQUESTS = 100  # so that there are many files


@dataclass(frozen=True, slots=True)
class Drawn:
    """A job and what it costs in each way, in USD.

    Attributes:
        at: When it comes, in seconds.
        job: As it is kept.
        batch_usd: In a batch.
        sync_usd: At once.
        expected_usd: As the router expects it, fall-back included.
    """

    at: float
    job: Job
    batch_usd: float
    sync_usd: float
    expected_usd: float


def deployments(catalog: Path) -> tuple[tuple[Deployment, ...], float]:
    """Return the deployments with batch files, in small files and without flex; the confidence.

    Args:
        catalog: That states completion times and a confidence.
    """
    loaded = load_catalog(catalog)
    found = tuple(
        replace(
            item,
            batch_file=replace(item.batch_file, most_requests=_MOST_REQUESTS),
            completion=replace(item.completion, flex=None),
        )
        for item in loaded.deployments
        if item.batch_file is not None and item.completion is not None
    )
    return found, loaded.deadlines.confidence or 0.99


def draw_jobs(
    of: Sequence[Deployment],
    confidence: float,
    count: int,
    rng: np.random.Generator,
    margin_s: float = 0.0,
) -> tuple[list[Drawn], int]:
    """Return so many jobs that are cheapest in a batch, by time, and how many were drawn for it.

    They come over a day; deadlines are drawn from ten minutes to two days, evenly in their
    logarithm.
    """
    found: list[Drawn] = []
    drawn = 0
    while len(found) < count:
        drawn += 1
        found += _draw(of[int(rng.integers(len(of)))], confidence, f"job-{drawn}", rng, margin_s)
    return sorted(found, key=lambda one: one.at), drawn


def _draw(
    item: Deployment,
    confidence: float,
    custom_id: str,
    rng: np.random.Generator,
    margin_s: float,
) -> Iterator[Drawn]:
    at = rng.uniform(0.0, DAY_S)
    within = float(np.exp(rng.uniform(np.log(_SHORTEST_S), np.log(_LONGEST_S))))
    tokens_in, tokens_out = rng.lognormal(6.5, 1.0), rng.lognormal(5.5, 1.0)
    if item.price is None or item.batch_price is None or item.batch_file is None:
        return
    sync_usd = expected_cost_usd(item.price, tokens_in, tokens_out)
    estimate = Estimate(item, 1.0, sync_usd, tokens_in, tokens_out)
    _, schedule = by_deadline([estimate], Deadline(within, confidence, margin_s), None)
    offer = schedule.taken[0]
    if offer is None or offer.way is not ServiceWay.BATCH:
        return
    entry = entry_of(custom_id, {"model": item.model, "content": "a job of ours"}, item.batch_file)
    yield Drawn(
        at,
        Job(
            custom_id, item.id, entry, custom_id,
            at + within, at + (offer.fall_back_after_seconds or 0.0),
        ),
        expected_cost_usd(item.batch_price, tokens_in, tokens_out),
        sync_usd,
        offer.expected_cost_usd,
    )  # fmt: skip
