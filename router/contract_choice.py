"""What an artifact vouches for under a contract, and what that lets be chosen for one prompt.

Whether a contract is suspended is ``router.engine``'s to know; what is done with answers is
``router.review``. Pure.
"""

from collections.abc import Sequence
from itertools import compress

from router.errors import NotCalibratedError
from router.policy import choose, choose_under_contract
from router.predict.artifact import Artifact
from router.promise.calibrated import Promise
from router.promise.contract import ContractTerms, always_top
from router.promise.rule import permitted_tiers
from router.types import Contract, DecisionReason, Estimate, Goal


def needs_topic(goal: Goal) -> bool:
    """Tell whether a prompt's topic must be known to choose."""
    return goal.contract is not None and goal.contract.per_topic


def terms_of(
    artifact: Artifact, catalog_version: str, contract: Contract, topic: int | None
) -> ContractTerms:
    """Return what an artifact's calibration can vouch for.

    Args:
        artifact: That predicts.
        catalog_version: Of the catalog in force; reviews were calibrated at the prices of one.
        contract: What is to be promised.
        topic: Of the prompt; a contract per topic needs it, another ignores it.

    Raises:
        NotCalibratedError: the artifact has not been calibrated, or not topic by topic or over
            reviews where that is asked for.
    """
    promise = artifact.promise
    if promise is None:
        raise NotCalibratedError(
            f"goal.contract given, but artifact {artifact.version} was not calibrated for "
            "contracts: state another goal, or run 'make calibrate DATA=...' and serve what it "
            "writes"
        )
    alpha, delta = contract.max_loss_rate, 1.0 - contract.confidence
    if contract.reviewed:
        return _terms_over_reviews(artifact, promise, catalog_version, alpha, delta)
    if not contract.per_topic:
        return promise.terms(alpha, delta)
    if promise.by_topic is None or topic is None:
        raise NotCalibratedError(
            f"goal.contract.per_topic given, but artifact {artifact.version} knows no topics: "
            "leave it out, or serve an artifact of 'make train'",
            reason="TOPICS_NOT_CALIBRATED",
        )
    return promise.terms(alpha, delta, topic)


def _terms_over_reviews(
    artifact: Artifact, promise: Promise, catalog_version: str, alpha: float, delta: float
) -> ContractTerms:
    if promise.reviewed is None:
        raise NotCalibratedError(
            f"goal.contract.reviewed given, but artifact {artifact.version} was not calibrated "
            "over reviews: leave it out, or serve what 'make review' writes",
            reason="REVIEWS_NOT_CALIBRATED",
        )
    if promise.reviewed.catalog_version != catalog_version:
        raise NotCalibratedError(
            "goal.contract.reviewed given, but reviews were calibrated at the prices of catalog "
            f"{promise.reviewed.catalog_version}, this one is {catalog_version}: leave it out, or "
            "run 'make review' with this catalog",
            reason="REVIEWS_NOT_CALIBRATED",
        )
    return promise.reviewed.terms(alpha, delta)


def applicable(
    terms: ContractTerms, estimates: Sequence[Estimate], tier_names: Sequence[str]
) -> ContractTerms:
    """Return the terms for a prompt of which some tiers may not be asked.

    A contract over reviews was calibrated with every tier to be asked; where one may not, only the
    top tier is sure to lose nothing.
    """
    if terms.willingness_to_pay_usd is None:
        return terms
    open_tiers = {one.deployment.tier for one in estimates if not one.ineligible}
    return terms if open_tiers.issuperset(tier_names) else always_top(terms)


def choose_covered_first(
    eligible: Sequence[Estimate],
    terms: ContractTerms,
    adequacy: Sequence[float],
    tier_names: Sequence[str],
) -> tuple[Estimate, DecisionReason]:
    """Choose under a contract, with what ``applicable`` left of its terms.

    Args:
        eligible: At least one candidate.
        terms: In force.
        adequacy: Predicted, in the order of the tiers.
        tier_names: The tiers, lowest first.
    """
    if terms.willingness_to_pay_usd is not None:
        chosen, _ = choose(eligible, Goal(willingness_to_pay_usd=terms.willingness_to_pay_usd))
        return chosen, DecisionReason.CONTRACT_KEPT
    allowed = permitted_tiers(adequacy, terms.threshold)
    return choose_under_contract(eligible, frozenset(compress(tier_names, allowed)))
