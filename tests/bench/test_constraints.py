"""Whatever the price, nobody serves a request that a rule forbids; and the fuzz would notice."""

from collections.abc import Iterator
from typing import Any

import pytest

import router.cost.pools.live
import router.deferred.choice
import router.estimator
from bench.constraints import try_requests
from router.deferred.ways import Offer
from router.types import Estimate, IneligibleReason

RULES = (
    IneligibleReason.TIER_DENIED,
    IneligibleReason.CONTEXT_WINDOW,
    IneligibleReason.TOOLS,
    IneligibleReason.RESIDENCY,
    IneligibleReason.OVER_MAX_COST,
    IneligibleReason.THIRD_PARTY,
    IneligibleReason.LOCKED_ELSEWHERE,
)
OF_POOLS = (IneligibleReason.POOL_UNAVAILABLE, IneligibleReason.DEFERRABLE_ONLY)


def test_random_requests_break_no_rule_and_every_rule_rules_somebody_out() -> None:
    counts = try_requests(1_500, seed=7)
    assert counts["answered"] > 500
    assert counts["nobody"] > 100
    assert (counts["violations"], counts["out for nothing"]) == (0, 0)
    assert len([name for name in counts if name.startswith("ruled out by")]) == 17


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_fuzz_notices_an_engine_that_forgets_a_rule(
    rule: IneligibleReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = router.estimator.ineligible_reasons

    def forgetful(*given: object) -> tuple[IneligibleReason, ...]:
        return tuple(reason for reason in whole(*given) if reason is not rule)

    monkeypatch.setattr(router.estimator, "ineligible_reasons", forgetful)
    assert try_requests(600, seed=9)["violations"] > 0


@pytest.mark.parametrize("rule", OF_POOLS, ids=lambda rule: rule.name)
def test_the_fuzz_notices_pools_that_are_taken_although_they_are_closed_or_for_others(
    rule: IneligibleReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = router.cost.pools.live._failed

    def forgetful(*given: Any) -> Iterator[IneligibleReason]:
        return (reason for reason in whole(*given) if reason is not rule)

    monkeypatch.setattr(router.cost.pools.live, "_failed", forgetful)
    assert try_requests(600, seed=9)["violations"] > 0


def test_the_fuzz_notices_deadlines_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = router.deferred.choice._scheduled

    def forgetful(one: Estimate, offer: Offer | None, limit: float | None) -> Estimate:
        made = whole(one, offer, limit)
        late = IneligibleReason.TOO_LATE
        return made._replace(ineligible=tuple(r for r in made.ineligible if r is not late))

    monkeypatch.setattr(router.deferred.choice, "_scheduled", forgetful)
    assert try_requests(600, seed=9)["violations"] > 0
