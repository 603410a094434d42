"""Candidates under a deadline: hard constraints stand, whatever a way costs."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from router.cost.price import Price
from router.deferred.choice import by_deadline
from router.deferred.ways import Completion, CompletionTimes, Deadline
from router.types import Capabilities, Deployment, Estimate, IneligibleReason

DAY = date(2026, 11, 12)
COMPLETION = Completion(
    sync=CompletionTimes((20.0, 60.0), (0.5, 0.995)),
    flex=CompletionTimes((60.0, 900.0), (0.5, 0.95)),
    batch=CompletionTimes((420.0, 3600.0), (0.5, 0.9)),
    as_of=DAY,
    source="a test",
)
OURS = {IneligibleReason.TOO_LATE, IneligibleReason.COMPLETION_UNKNOWN}
PRICED_OUT = IneligibleReason.OVER_MAX_COST


def price(usd: float) -> Price:
    return Price(usd, usd, DAY, "a test")


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    usd = draw(st.floats(0.0, 100.0))
    part = st.none() | st.floats(0.0, 1.0).map(lambda share: price(share * usd))
    known = draw(st.booleans())
    deployment = Deployment(
        "one", "small", "api", "somebody", "model", Capabilities(8192, 4096), price(usd),
        batch_price=draw(part), flex_price=draw(part), completion=COMPLETION if known else None,
    )  # fmt: skip
    reasons = draw(st.sets(st.sampled_from(sorted(set(IneligibleReason) - OURS))))
    return Estimate(deployment, 0.9, usd * 1000 / 1e6, 500.0, 500.0, tuple(sorted(reasons)))


@given(
    st.lists(estimates(), min_size=1, max_size=4),
    st.floats(1.0, 200_000.0),
    st.floats(0.1, 0.999),
    st.none() | st.floats(0.0001, 0.1),
)
def test_no_deadline_lifts_a_constraint_but_the_cost_of_asking_at_once(
    given_ones: list[Estimate], seconds: float, confidence: float, limit: float | None
) -> None:
    made, schedule = by_deadline(given_ones, Deadline(seconds, confidence), limit)
    for before, after, taken in zip(given_ones, made, schedule.taken, strict=True):
        kept = set(before.ineligible) - {PRICED_OUT}
        assert kept <= set(after.ineligible)
        assert set(after.ineligible) <= kept | OURS | {PRICED_OUT}
        assert list(after.ineligible) == sorted(after.ineligible)
        assert (PRICED_OUT in after.ineligible) == (
            limit is not None and after.expected_cost_usd > limit
        )
        assert (taken is None) == bool(OURS & set(after.ineligible))
        if taken is not None:
            assert after.expected_cost_usd == taken.expected_cost_usd
            if COMPLETION.sync.probability(seconds) >= confidence:
                assert taken.expected_cost_usd <= before.expected_cost_usd
        assert after[:2] == before[:2]


def test_flex_is_taken_for_a_slack_of_minutes_and_a_batch_for_one_of_hours() -> None:
    deployment = Deployment(
        "one", "small", "api", "somebody", "model", Capabilities(8192, 4096), price(1.0),
        batch_price=price(0.4), flex_price=price(0.5), completion=COMPLETION,
    )  # fmt: skip
    one = Estimate(deployment, 0.9, 1e-3, 500.0, 500.0)
    ways = []
    for seconds in (60.0, 600.0, 1000.0, 7200.0):
        _, schedule = by_deadline([one], Deadline(seconds, 0.99), None)
        assert schedule.taken[0] is not None
        ways.append(schedule.taken[0].way.name)
    assert ways == ["SYNC", "BATCH", "FLEX", "BATCH"]
