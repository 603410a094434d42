"""Which requests of made-up traffic can wait, and the same traffic when nobody can."""

from dataclasses import replace

import numpy as np

from eval.pools.traffic import Traffic
from router.deferred.ways import Deadline


def deferrable(traffic: Traffic, share: float, deadline: Deadline, seed: int) -> Traffic:
    """Return the traffic with a share of its requests, drawn by lot, under a deadline.

    Args:
        traffic: What comes; those that have a deadline keep it.
        share: Of its requests, in [0, 1].
        deadline: Of each of them.
        seed: Of the lot.
    """
    waits = np.random.default_rng([seed, 3]).random(traffic.at.size) < share
    known = traffic.deadlines or (None,) * traffic.at.size
    deadlines = tuple(
        one or (deadline if waiting else None)
        for one, waiting in zip(known, waits.tolist(), strict=True)
    )
    return replace(traffic, deadlines=deadlines if any(deadlines) else None)


def all_at_once(traffic: Traffic) -> Traffic:
    """Return the traffic without its deadlines, to compare with."""
    return replace(traffic, deadlines=None)


def with_margin(traffic: Traffic, margin_seconds: float) -> Traffic:
    """Return the traffic with the catalog's margin in every deadline."""
    if traffic.deadlines is None:
        return traffic
    return replace(
        traffic,
        deadlines=tuple(
            one and one._replace(margin_seconds=margin_seconds) for one in traffic.deadlines
        ),
    )
