"""What each way to ask a candidate costs under a deadline, and how likely it is in time. Pure.

A way that may be late is watched: if no answer is there at the fall-back point, the same deployment
is asked at once. What was asked before is taken to be paid all the same.
"""

from router.deferred.ways import CompletionTimes, Deadline, Offer, ServiceWay


def sync_offer(sync_usd: float, sync: CompletionTimes, deadline: Deadline) -> Offer:
    """Return the offer of asking at once.

    Args:
        sync_usd: Expected cost of the call.
        sync: How long it takes.
        deadline: When the answer is needed.
    """
    return Offer(ServiceWay.SYNC, sync_usd, sync.probability(deadline.needed_within_seconds))


def deferred_offer(
    way: ServiceWay,
    way_usd: float,
    times: CompletionTimes,
    sync_usd: float,
    sync: CompletionTimes,
    deadline: Deadline,
) -> Offer | None:
    """Return the offer of a cheaper and slower way; None if it leaves no time to fall back.

    The fall-back point lies the margin before the latest moment at which asking at once still keeps
    the deadline with the confidence asked for; with times that never reach it, with the greatest
    probability stated.

    Args:
        way: How.
        way_usd: Expected cost of asking so.
        times: How long that takes.
        sync_usd: Expected cost of asking at once.
        sync: How long that takes.
        deadline: When the answer is needed.
    """
    sync_seconds = sync.within(deadline.confidence) or sync.seconds[-1]
    fall_back = deadline.needed_within_seconds - sync_seconds - deadline.margin_seconds
    if fall_back <= 0.0:
        return None
    there = times.probability(fall_back)
    caught = sync.probability(sync_seconds)
    return Offer(
        way,
        way_usd + (1.0 - there) * sync_usd,
        # Written so that rounding cannot push it below what the fall-back alone gives.
        caught + there * (1.0 - caught),
        fall_back,
        1.0 - there,
    )


def cheapest_in_time(offers: tuple[Offer, ...], deadline: Deadline) -> Offer | None:
    """Return the cheapest offer that is in time with the confidence asked for, if there is one.

    Of equals the one that is more likely in time, then the first.
    """
    in_time = [one for one in offers if one.in_time_probability >= deadline.confidence]
    return min(
        in_time, key=lambda one: (one.expected_cost_usd, -one.in_time_probability), default=None
    )
