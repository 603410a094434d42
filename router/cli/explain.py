"""A decision in words and as a table, from the answer as it travels on the wire."""

from collections.abc import Sequence

from router.cli.table import lines_of_table, painted
from router.v1 import router_pb2 as pb

_WHY = {
    pb.DECISION_REASON_TARGET_MET: "it is the cheapest candidate that reaches the quality target",
    pb.DECISION_REASON_TARGET_UNREACHABLE: (
        "no candidate reaches the quality target; it is the most adequate one there is"
    ),
    pb.DECISION_REASON_BEST_TRADE_OFF: (
        "its adequacy minus its cost is the best at this willingness to pay"
    ),
    pb.DECISION_REASON_CONTRACT_KEPT: (
        "it is the cheapest candidate of a tier that the contract permits for this prompt"
    ),
    pb.DECISION_REASON_CONTRACT_UNREACHABLE: (
        "no tier that the contract permits may serve; it is the most adequate candidate there is, "
        "and the contract does not cover it"
    ),
    pb.DECISION_REASON_CONTRACT_SUSPENDED: (
        "audits found the contract broken, so only the top tier is permitted until the artifact is "
        "calibrated again"
    ),
    pb.DECISION_REASON_EXPLORED: "it was drawn at random among the tiers that the goal allows",
}
SHORT_WHY = {
    pb.DECISION_REASON_TARGET_MET: "target met",
    pb.DECISION_REASON_TARGET_UNREACHABLE: "target missed",
    pb.DECISION_REASON_BEST_TRADE_OFF: "trade-off",
    pb.DECISION_REASON_CONTRACT_KEPT: "contract kept",
    pb.DECISION_REASON_CONTRACT_UNREACHABLE: "not covered",
    pb.DECISION_REASON_CONTRACT_SUSPENDED: "suspended",
    pb.DECISION_REASON_EXPLORED: "explored",
}
_NOVEL = 0.95
_FELL_OUT = {
    pb.INELIGIBLE_REASON_TIER_NOT_ALLOWED: "tier not among those allowed",
    pb.INELIGIBLE_REASON_TIER_DENIED: "tier denied",
    pb.INELIGIBLE_REASON_CONTEXT_WINDOW: "context window too small",
    pb.INELIGIBLE_REASON_OUTPUT_LIMIT: "writes fewer tokens than asked",
    pb.INELIGIBLE_REASON_TOOLS: "no tools",
    pb.INELIGIBLE_REASON_VISION: "no images",
    pb.INELIGIBLE_REASON_JSON_SCHEMA: "no JSON schema",
    pb.INELIGIBLE_REASON_RESIDENCY: "lacks a residency tag",
    pb.INELIGIBLE_REASON_UNKNOWN_PRICE: "price unknown",
    pb.INELIGIBLE_REASON_OVER_MAX_COST: "above the maximum cost",
    pb.INELIGIBLE_REASON_RETIRED: "model retired",
    pb.INELIGIBLE_REASON_THIRD_PARTY: "a third party would see it",
    pb.INELIGIBLE_REASON_LOCKED_ELSEWHERE: "another holds its state",
    pb.INELIGIBLE_REASON_POOL_UNAVAILABLE: "its pool takes no work",
    pb.INELIGIBLE_REASON_DEFERRABLE_ONLY: "spot GPUs, for requests with a deadline",
    pb.INELIGIBLE_REASON_TOO_LATE: "too late",
    pb.INELIGIBLE_REASON_COMPLETION_UNKNOWN: "how long it takes is unknown",
}


def usd(value: float) -> str:
    """Return an amount in USD with six decimals, enough for one short request."""
    return f"{value:.6f}"


def goal_in_words(goal: pb.Goal) -> str:
    """Return a goal as a phrase."""
    if goal.HasField("quality_target"):
        words = f"adequate with a probability of at least {goal.quality_target:g}"
    elif goal.HasField("contract"):
        words = (
            f"at most {goal.contract.max_loss_rate:.2%} of requests lose against the top tier, "
            f"with confidence {goal.contract.confidence:g}"
        )
        if goal.contract.per_topic:
            words += ", in every topic at once"
        if goal.contract.reviewed:
            words += ", once reviewed"
    else:
        words = f"{goal.willingness_to_pay_usd:g} USD for one more adequate answer"
    if goal.HasField("max_cost_usd"):
        words += f", at most {goal.max_cost_usd:g} USD"
    return words


def _lines_of_terms(answer: pb.RouteResponse) -> list[str]:
    if not answer.HasField("contract_terms"):
        return []
    terms = answer.contract_terms
    permitted = (
        f"regret up to {terms.threshold:g} is permitted; {terms.observed_loss_rate:.2%} lost"
        if terms.HasField("threshold")
        else "only the top tier is permitted"
    )
    of = f" of topic {terms.topic} (one of {terms.topic_count})" if terms.topic else ""
    return [f"Rests on    {terms.calibration_prompt_count} labelled prompts{of}: {permitted}"]


def _lines_of_limit(answer: pb.RouteResponse) -> list[str]:
    if not answer.HasField("suggested_max_output_tokens"):
        return []
    tokens, coverage = answer.suggested_max_output_tokens, answer.output_coverage
    return [f"Length      at most {tokens:,} tokens out in {coverage:.0%} of cases"]


_ASKED = {
    pb.SERVICE_WAY_SYNC: "at once",
    pb.SERVICE_WAY_FLEX: "in the flex service tier",
    pb.SERVICE_WAY_BATCH: "in a batch",
}


def _lines_of_schedule(answer: pb.RouteResponse) -> list[str]:
    if not answer.HasField("schedule"):
        return []
    offer = answer.schedule.offer
    words = f"{_ASKED[offer.way]}; in time with a probability of {offer.in_time_probability:.2%}"
    if offer.HasField("fall_back_after_seconds"):
        words += (
            f"; no answer after {offer.fall_back_after_seconds:,.0f} s "
            f"(probability {offer.late_probability:.1%}): ask at once"
        )
    return [f"Ask         {words}"]


def _lines_of_average(candidates: Sequence[pb.Candidate], chosen: str) -> list[str]:
    for one in candidates:
        if one.deployment == chosen and one.HasField("average_cost_usd"):
            return [f"On average  {usd(one.average_cost_usd)} USD, with the pool's idle time"]
    return []


def _lines_of_novelty(answer: pb.RouteResponse) -> list[str]:
    """Say it of a prompt that is unlike what was learnt; of others it is no news."""
    if answer.novelty <= _NOVEL:
        return []
    return [
        f"Novel       {answer.novelty:.1%} of what was learnt from is more usual than this prompt"
    ]


def lines_of_decision(answer: pb.RouteResponse) -> list[str]:
    """Return the lines that explain a decision: the choice, why, saving, every candidate."""
    chosen = next(c for c in answer.candidates if c.deployment == answer.deployment)
    same_tier = answer.saving_baseline_tier == answer.tier
    return [
        f"Tier        {painted(answer.tier, 'bold')}",
        f"Deployment  {answer.deployment} (model {answer.model})",
        f"Why         {_WHY[answer.reason]}",
        f"Goal        {goal_in_words(answer.goal)}",
        *_lines_of_terms(answer),
        *_lines_of_novelty(answer),
        f"Cost        {usd(chosen.expected_cost_usd)} USD expected",
        *_lines_of_schedule(answer),
        *_lines_of_average(answer.candidates, answer.deployment),
        *_lines_of_limit(answer),
        "Saving      "
        + (
            "none: it is the dearest tier that may serve"
            if same_tier
            else f"{usd(answer.saving_usd)} USD expected, {answer.saving_fraction:.0%} of the cost "
            f"of {answer.saving_baseline_tier}, the dearest tier that may serve"
        ),
        "",
        *lines_of_candidates(answer.candidates, answer.deployment),
        "",
        (
            f"decision {answer.decision_id}, artifact {answer.artifact_version}, "
            f"catalog {answer.catalog_version}"
        ),
    ]


def lines_of_candidates(candidates: Sequence[pb.Candidate], chosen: str) -> list[str]:
    """Return a table of the candidates, the chosen one marked, with why others fell out."""
    rows = []
    for candidate in candidates:
        priced = candidate.HasField("expected_cost_usd")
        reasons = ", ".join(_FELL_OUT[reason] for reason in candidate.ineligible_reasons)
        rows.append(
            (
                candidate.tier,
                candidate.deployment,
                f"{candidate.adequacy:.1%}",
                usd(candidate.expected_cost_usd) if priced else "unknown",
                f"{candidate.input_token_count:,}",
                f"{candidate.output_token_count:,}",
                "chosen" if candidate.deployment == chosen else reasons,
            )
        )
    header = ("tier", "deployment", "adequacy", "expected USD", "tokens in", "tokens out", "")
    return lines_of_table(header, rows, right=(2, 3, 4, 5))
