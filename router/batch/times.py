"""How long answers really took, as points for ``[deployments.completion]``.

A job that fell back is not one whose batch never came: it was only watched until then. So the
distribution is estimated with such jobs as censored (Kaplan & Meier 1958).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from math import ceil
from typing import NamedTuple

_PROBABILITIES = (0.5, 0.9, 0.95, 0.99, 0.999)
_LEAST_BEYOND = 5  # jobs that must have waited longer than a point, for it to mean something
_WAYS = ("sync", "batch")


class Wait(NamedTuple):
    """How long one job waited in one way.

    Attributes:
        deployment: That was asked.
        way: "batch", from when it was added; "sync", from when it was due.
        seconds: Until its answer was recorded, or until it was no longer watched.
        is_answered: Which of the two.
    """

    deployment: str
    way: str
    seconds: float
    is_answered: bool


def observed(waits: Sequence[Wait]) -> list[tuple[float, float]]:
    """Return the estimated share of answers within so many seconds, at each time one came."""
    steps: list[tuple[float, float]] = []
    watched, waiting = len(waits), 1.0
    in_order = sorted(waits, key=lambda one: one.seconds)
    for seconds, together in groupby(in_order, key=lambda one: one.seconds):
        answered = [one.is_answered for one in together]
        if any(answered):
            waiting *= 1.0 - sum(answered) / watched
            steps.append((seconds, 1.0 - waiting))
        watched -= len(answered)
    return steps


def points(waits: Sequence[Wait]) -> list[tuple[float, float]]:
    """Return the times, in whole seconds, at which round shares of answers are there.

    It ends where too few jobs have waited longer for the next one to mean something.
    """
    steps, found = observed(waits), list[tuple[float, float]]()
    for probability in _PROBABILITIES:
        seconds = next((at for at, share in steps if share >= probability), None)
        if seconds is None or sum(one.seconds > seconds for one in waits) < _LEAST_BEYOND:
            break
        at = float(max(ceil(seconds), 1))
        if found and found[-1][0] == at:
            found.pop()  # of two shares at one time the greater says it all
        found.append((at, probability))
    return found


def lines_of_completion(waits: Sequence[Wait], store: str, today: date) -> Iterator[str]:
    """Yield tables for a catalog, one for each deployment.

    Args:
        waits: Of all jobs.
        store: Its name, for the source.
        today: The day they were looked at.
    """
    for name in sorted({one.deployment for one in waits}):
        yield f"# {name}"
        yield "[deployments.completion]"
        counts = []
        for way in _WAYS:
            ours = [one for one in waits if (one.deployment, one.way) == (name, way)]
            answered = sum(one.is_answered for one in ours)
            counts.append(f"{answered:,} answers of {len(ours):,} jobs ({way})")
            if found := points(ours):
                listed = ", ".join(
                    f"{{ seconds = {seconds:.0f}, probability = {share} }}"
                    for seconds, share in found
                )
                yield f"{way} = [{listed}]"
            else:
                yield f"# {way}: too few jobs to tell"
        yield f"as_of = {today}"
        yield f'source = "{store}: {", ".join(counts)}"'
        yield ""
