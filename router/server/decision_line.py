"""One decision as a line of the decision log, with what an off-policy estimate needs of it.

The format is described in docs/off-policy.md. No text of the conversation goes in; the vector and
the text features do, so that another artifact with the same encoder can be asked later.
"""

import json
from dataclasses import asdict
from math import isnan
from typing import NamedTuple

from router.deferred.choice import taken_by
from router.deferred.ways import ServiceWay
from router.engine import Engine
from router.explore import propensities
from router.predict.window import window
from router.types import Decision, Estimate, Request


class Logged(NamedTuple):
    """A decision on its way into the log.

    Attributes:
        request: What was asked.
        made: As the policy made it.
        taken: As it was answered; another one where it was explored.
        unix_s: When, in seconds since 1970; None leaves it out.
    """

    request: Request
    made: Decision
    taken: Decision
    unix_s: float | None = None


def decision_line(engine: Engine, share: float, logged: Logged) -> str:
    """Return a decision as one line of JSON.

    Args:
        engine: That decided.
        share: Probability of exploring, in [0, 1].
        logged: The decision.
    """
    request, made, taken, unix_s = logged
    tiers = engine.catalog.tier_names
    vectors, features = engine.artifact.encoder.encode([window(request.messages)])
    cheapest = _cheapest(taken)
    priced = {name: one.expected_cost_usd for name, one in cheapest.items()}
    content = {
        "context_id": taken.decision_id,
        "unix_s": None if unix_s is None else round(unix_s, 3),
        "cluster": request.session_id or None,
        "action": taken.chosen.deployment.tier,
        "propensities": propensities(made, share, tiers),
        "predicted_reward": {name: one.adequacy for name, one in cheapest.items()},
        "predicted_output_tokens": {
            name: round(one.output_tokens, 1) for name, one in cheapest.items()
        },
        # An unknown price is no number, and a prediction must name every tier or none.
        "predicted_cost_usd": priced if all(one == one for one in priced.values()) else None,
        "deployment": taken.chosen.deployment.id,
        "price": _price(taken),
        "expected_cost_usd": taken.chosen.expected_cost_usd,
        "reason": taken.reason.name,
        "goal": asdict(taken.goal),
        "eligible_tiers": [
            name
            for name in tiers
            if any(one.deployment.tier == name and not one.ineligible for one in taken.estimates)
        ],
        "input_tokens": taken.chosen.input_tokens,
        "max_output_tokens": request.max_output_tokens,
        # The margin is the catalog's, and a replay takes that of its own.
        "deadline": None
        if request.deadline is None
        else {
            "needed_within_seconds": request.deadline.needed_within_seconds,
            "confidence": request.deadline.confidence,
        },
        "vector": [round(value, 6) for value in vectors[0].tolist()],
        "features": [round(value, 6) for value in features[0].tolist()],
        "encoder_sha256": engine.artifact.manifest.encoder_sha256,
        "artifact_version": taken.artifact_version,
        "catalog_version": taken.catalog_version,
    }
    kept = {key: value for key, value in content.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False, allow_nan=False)


def _cheapest(decision: Decision) -> dict[str, Estimate]:
    """Return every tier's cheapest candidate, eligible ones first."""
    found: dict[str, Estimate] = {}
    for one in decision.estimates:
        known = found.get(one.deployment.tier)
        if known is None or _order(one) < _order(known):
            found[one.deployment.tier] = one
    return found


def _order(one: Estimate) -> tuple[bool, bool, float]:
    return bool(one.ineligible), isnan(one.expected_cost_usd), one.expected_cost_usd


def _price(decision: Decision) -> dict[str, float] | None:
    """Return the rates of the way in which the chosen deployment is asked."""
    item = decision.chosen.deployment
    offer = taken_by(decision.schedule, decision.estimates, decision.chosen)
    way = ServiceWay.SYNC if offer is None else offer.way
    price = {
        ServiceWay.SYNC: item.price,
        ServiceWay.FLEX: item.flex_price,
        ServiceWay.BATCH: item.batch_price,
    }[way]
    if price is None:
        return None
    return {
        "input_usd_per_mtok": price.input_usd_per_mtok,
        "output_usd_per_mtok": price.output_usd_per_mtok,
    }
