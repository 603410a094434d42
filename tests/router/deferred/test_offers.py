"""Offers under a deadline: the cheapest in time is taken, and no probability is overstated."""

from datetime import date
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from router.deferred.offers import cheapest_in_time, deferred_offer, sync_offer
from router.deferred.ways import CompletionTimes, Deadline, Offer, ServiceWay

DAY = date(2026, 11, 12)
SYNC = CompletionTimes((20.0, 60.0, 300.0), (0.5, 0.99, 0.999))
BATCH = CompletionTimes((420.0, 3600.0, 86400.0), (0.5, 0.9, 0.98))


def times_of(steps: list[tuple[float, float]], never: float) -> CompletionTimes:
    """Return points from steps of time and weight; ``never`` is the weight of no answer."""
    seconds, weights = zip(*steps, strict=True)
    total = sum(weights) + never
    shares = tuple(min(share / total, 1.0) for share in accumulate(weights))
    return CompletionTimes(tuple(accumulate(seconds)), shares)


def times() -> st.SearchStrategy[CompletionTimes]:
    step = st.tuples(st.floats(0.5, 50_000.0), st.floats(0.01, 1.0))
    return st.builds(times_of, st.lists(step, min_size=1, max_size=4), st.floats(0.0, 1.0))


costs = st.floats(0.0, 10.0)
confidences = st.floats(0.01, 0.999)
waits = st.floats(0.1, 200_000.0)


def offered(
    sync: CompletionTimes,
    batch: CompletionTimes,
    sync_usd: float,
    batch_usd: float,
    deadline: Deadline,
) -> tuple[Offer, ...]:
    late = deferred_offer(ServiceWay.BATCH, batch_usd, batch, sync_usd, sync, deadline)
    return tuple(one for one in (sync_offer(sync_usd, sync, deadline), late) if one is not None)


def test_a_batch_falls_back_in_time_to_ask_at_once_with_the_confidence_asked_for() -> None:
    offer = deferred_offer(ServiceWay.BATCH, 0.5, BATCH, 1.0, SYNC, Deadline(7260.0, 0.99))
    assert offer is not None
    assert offer.fall_back_after_seconds == 7200.0
    assert offer.late_probability == 1.0 - 0.9
    assert offer.expected_cost_usd == 0.5 + (1.0 - 0.9) * 1.0
    assert offer.in_time_probability == 0.99 + 0.9 * (1.0 - 0.99)


def test_a_margin_moves_the_fall_back_point_and_nothing_else() -> None:
    plain, early = (
        deferred_offer(ServiceWay.BATCH, 0.5, BATCH, 1.0, SYNC, Deadline(7260.0, 0.99, margin))
        for margin in (0.0, 600.0)
    )
    assert plain is not None
    assert early == plain._replace(fall_back_after_seconds=6600.0)


def test_a_batch_that_leaves_no_time_to_fall_back_is_not_offered() -> None:
    assert deferred_offer(ServiceWay.BATCH, 0.5, BATCH, 1.0, SYNC, Deadline(60.0, 0.99)) is None


def test_a_batch_hardly_ever_there_in_time_costs_more_than_asking_at_once() -> None:
    deadline = Deadline(200.0, 0.99)
    taken = cheapest_in_time(offered(SYNC, BATCH, 1.0, 0.5, deadline), deadline)
    assert taken is not None
    assert taken.way is ServiceWay.SYNC


def test_calls_that_are_never_sure_enough_fall_back_by_the_greatest_probability_stated() -> None:
    deadline = Deadline(90_000.0, 0.9995)
    late = deferred_offer(ServiceWay.BATCH, 0.5, BATCH, 1.0, SYNC, deadline)
    assert late is not None
    assert late.fall_back_after_seconds == 90_000.0 - 300.0
    assert cheapest_in_time((sync_offer(1.0, SYNC, deadline), late), deadline) == late
    short = Deadline(500.0, 0.9999)
    assert cheapest_in_time(offered(SYNC, BATCH, 1.0, 0.5, short), short) is None


@given(times(), times(), costs, costs, waits, confidences)
def test_what_is_taken_is_in_time_with_the_confidence_and_nothing_in_time_is_cheaper(
    sync: CompletionTimes,
    batch: CompletionTimes,
    sync_usd: float,
    batch_usd: float,
    seconds: float,
    confidence: float,
) -> None:
    deadline = Deadline(seconds, confidence)
    offers = offered(sync, batch, sync_usd, batch_usd, deadline)
    taken = cheapest_in_time(offers, deadline)
    in_time = [one for one in offers if one.in_time_probability >= confidence]
    assert (taken is None) == (not in_time)
    if taken is not None:
        assert taken.in_time_probability >= confidence
        assert taken.expected_cost_usd == min(one.expected_cost_usd for one in in_time)


@given(times(), times(), costs, costs, st.lists(waits, min_size=2, max_size=5), confidences)
def test_a_later_deadline_never_costs_more_nor_loses_an_offer(
    sync: CompletionTimes,
    batch: CompletionTimes,
    sync_usd: float,
    batch_usd: float,
    seconds: list[float],
    confidence: float,
) -> None:
    taken = [
        cheapest_in_time(offered(sync, batch, sync_usd, batch_usd, deadline), deadline)
        for deadline in (Deadline(one, confidence) for one in sorted(seconds))
    ]
    for sooner, later in pairwise(taken):
        if sooner is not None:
            assert later is not None
            assert later.expected_cost_usd <= sooner.expected_cost_usd


@given(times(), times(), costs, costs, waits, st.lists(confidences, min_size=2, max_size=2))
def test_more_confidence_never_costs_less(
    sync: CompletionTimes,
    batch: CompletionTimes,
    sync_usd: float,
    batch_usd: float,
    seconds: float,
    shares: list[float],
) -> None:
    less, more = (
        cheapest_in_time(offered(sync, batch, sync_usd, batch_usd, deadline), deadline)
        for deadline in (Deadline(seconds, share) for share in sorted(shares))
    )
    if more is not None:
        assert less is not None
        assert less.expected_cost_usd <= more.expected_cost_usd


@given(times(), times(), waits, confidences, st.data())
def test_the_probability_in_time_is_no_more_than_what_the_points_allow(
    sync: CompletionTimes,
    batch: CompletionTimes,
    seconds: float,
    confidence: float,
    data: st.DataObject,
) -> None:
    """Drawn as late as the points allow, the answer is in time that often or oftener."""
    deadline = Deadline(seconds, confidence)
    offer = deferred_offer(ServiceWay.BATCH, 0.5, batch, 1.0, sync, deadline)
    if offer is None or offer.fall_back_after_seconds is None:
        return
    left = seconds - offer.fall_back_after_seconds
    on_time = batch.probability(offer.fall_back_after_seconds)
    # Subtracting may round the time left down by a hair; the points are then just missed.
    caught = sync.probability(left * (1.0 + 1e-9))
    assert offer.in_time_probability <= on_time + (1.0 - on_time) * caught + 1e-9


@given(times(), st.floats(0.1, 300_000.0), st.floats(0.001, 1.0))
def test_reading_a_distribution_backwards_gives_what_it_says(
    of: CompletionTimes, seconds: float, probability: float
) -> None:
    found = of.within(probability)
    if found is None:
        assert probability > of.probabilities[-1]
    else:
        assert of.probability(found) >= probability
        assert found in of.seconds
    assert (of.probability(seconds) == 0.0) == (seconds < of.seconds[0])
