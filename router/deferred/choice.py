"""Candidates under a deadline: each takes its cheapest offer in time, or falls out. Pure.

Which candidate is chosen is still ``router.policy``'s, by the costs that come out here.
"""

from collections.abc import Iterator, Sequence

from router.cost.estimate import expected_cost_usd
from router.deferred.offers import cheapest_in_time, deferred_offer, sync_offer
from router.deferred.ways import Deadline, Offer, Schedule, ServiceWay
from router.types import Estimate, IneligibleReason


def by_deadline(
    estimates: Sequence[Estimate], deadline: Deadline, max_cost_usd: float | None
) -> tuple[tuple[Estimate, ...], Schedule]:
    """Return the candidates at the cost of their cheapest offer in time, and all offers.

    Args:
        estimates: At the cost of asking at once.
        deadline: When the answer is needed.
        max_cost_usd: Most a candidate may cost, or None.
    """
    offers = tuple(tuple(_offers(one, deadline)) for one in estimates)
    taken = tuple(cheapest_in_time(some, deadline) for some in offers)
    return (
        tuple(_scheduled(*pair, max_cost_usd) for pair in zip(estimates, taken, strict=True)),
        Schedule(deadline, offers, taken),
    )


def taken_by(
    schedule: Schedule | None, estimates: Sequence[Estimate], chosen: Estimate
) -> Offer | None:
    """Return the offer that a deployment is asked by; None without a deadline.

    Args:
        schedule: Of the decision; None without a deadline.
        estimates: In the schedule's order.
        chosen: One of them, or the same deployment priced otherwise.
    """
    if schedule is None:
        return None
    return next(
        offer
        for one, offer in zip(estimates, schedule.taken, strict=True)
        if one.deployment is chosen.deployment
    )


def asked_later(schedule: Schedule | None, estimates: Sequence[Estimate], chosen: Estimate) -> bool:
    """Return whether the chosen deployment sees the prompt some time later, if at all.

    Args:
        schedule: Of the decision; None without a deadline.
        estimates: Of the decision, in their order.
        chosen: One of them, or the same deployment priced otherwise.
    """
    taken = taken_by(schedule, estimates, chosen)
    return taken is not None and taken.way is not ServiceWay.SYNC


def _offers(one: Estimate, deadline: Deadline) -> Iterator[Offer]:
    deployment, completion = one.deployment, one.deployment.completion
    sync_usd = one.expected_cost_usd
    if completion is None or sync_usd != sync_usd:  # NaN: the price is unknown
        return
    yield sync_offer(sync_usd, completion.sync, deadline)
    for way, price, times in (
        (ServiceWay.FLEX, deployment.flex_price, completion.flex),
        (ServiceWay.BATCH, deployment.batch_price, completion.batch),
    ):
        if price is not None and times is not None:
            way_usd = expected_cost_usd(price, one.input_tokens, one.output_tokens)
            offer = deferred_offer(way, way_usd, times, sync_usd, completion.sync, deadline)
            if offer is not None:
                yield offer


def _scheduled(one: Estimate, offer: Offer | None, max_cost_usd: float | None) -> Estimate:
    cost = one.expected_cost_usd if offer is None else offer.expected_cost_usd
    failed = set(one.ineligible) - {IneligibleReason.OVER_MAX_COST}
    if max_cost_usd is not None and cost > max_cost_usd:
        failed.add(IneligibleReason.OVER_MAX_COST)
    if one.deployment.completion is None:
        failed.add(IneligibleReason.COMPLETION_UNKNOWN)
    elif offer is None and cost == cost:
        failed.add(IneligibleReason.TOO_LATE)
    return one._replace(expected_cost_usd=cost, ineligible=tuple(sorted(failed)))
