"""Whatever the price, nobody serves a request that a rule forbids; and the fuzz would notice."""

import pytest

import router.estimator
from bench.constraints import try_requests
from router.types import IneligibleReason

RULES = (
    IneligibleReason.TIER_DENIED,
    IneligibleReason.CONTEXT_WINDOW,
    IneligibleReason.TOOLS,
    IneligibleReason.RESIDENCY,
    IneligibleReason.OVER_MAX_COST,
    IneligibleReason.THIRD_PARTY,
    IneligibleReason.LOCKED_ELSEWHERE,
)


def test_random_requests_break_no_rule_and_every_rule_rules_somebody_out() -> None:
    counts = try_requests(1_500, seed=7)
    assert counts["answered"] > 500
    assert counts["nobody"] > 100
    assert (counts["violations"], counts["out for nothing"]) == (0, 0)
    assert len([name for name in counts if name.startswith("ruled out by")]) == 13


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_fuzz_notices_an_engine_that_forgets_a_rule(
    rule: IneligibleReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = router.estimator.ineligible_reasons

    def forgetful(*given: object) -> tuple[IneligibleReason, ...]:
        return tuple(reason for reason in whole(*given) if reason is not rule)

    monkeypatch.setattr(router.estimator, "ineligible_reasons", forgetful)
    assert try_requests(300, seed=9)["violations"] > 0
