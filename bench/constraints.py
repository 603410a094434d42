"""``python -m bench.constraints``: random requests against random catalogs, and who breaks a rule.

Every request goes the way of the service, from the wire message to the answer, exploration
included; only the prediction is drawn at random, save for a few, which are decided from their text
by whatever decides usual requests. What a deployment may serve is worked out here a second
time, from the catalog's own words and the request's, and not by the engine's code. Prices are drawn
from free to absurd, pools from idle to gone, so that a constraint that gave way to either would
show.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from time import monotonic
from typing import Any

from bench.constraint_draws import CONFIDENCE, TIERS, draw_catalog, draw_loads, draw_request
from router import load_engine
from router.catalog import parse_catalog
from router.cost.tokens import kind_of
from router.engine import Engine, build_engine
from router.errors import NoCandidateError
from router.explore import explored
from router.predict.artifact import Artifact
from router.predict.reading import read
from router.server.answer import Answers
from router.server.cache_advice import went_on
from router.server.convert import to_request
from router.server.deadline import is_asked_later, with_schedule
from router.server.limits import Limits
from router.types import Prediction
from router.v1 import router_pb2 as pb

_LIMITS = Limits()
_REQUESTS_PER_CATALOG = 50
_EDGE_TOKENS = 2
_FROM_TEXT, _FROM_TEXT_WHEN_BARE = 0.02, 0.3


def main(argv: Sequence[str] | None = None) -> int:
    """Try, print counts; return 1 if a constraint was violated."""
    parser = argparse.ArgumentParser(prog="python -m bench.constraints", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    counts = try_requests(arguments.requests, arguments.seed)
    print(
        f"{counts['requests']:,} requests, {counts['answered']:,} answered, "
        f"{counts['nobody']:,} with nobody left (seed {arguments.seed})\n"
        f"{counts['violations']:,} violations; {counts['out for nothing']:,} of "
        f"{counts['candidates']:,} candidates ruled out by nothing"
    )
    for reason, count in sorted(counts.items()):
        if reason.startswith("ruled out"):
            print(f"  {reason}: {count:,}")
    return 1 if counts["violations"] else 0


def try_requests(requests: int, seed: int) -> Counter[str]:
    """Return how many requests were answered, had nobody left, and violated something.

    "out for nothing" are candidates that an answer rules out and nothing forbids, but for the last
    token of a context window.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    artifact = _artifact()
    counts: Counter[str] = Counter()
    for first in range(0, requests, _REQUESTS_PER_CATALOG):
        content = draw_catalog(rng)
        catalog = parse_catalog(content, "drawn")
        engine = build_engine(artifact, catalog)
        answers = Answers(catalog, artifact.version, artifact.length_bounds)
        for _ in range(min(_REQUESTS_PER_CATALOG, requests - first)):
            wire = draw_request(rng, catalog)
            counts.update(_tried(rng, engine, answers, content, wire))
    return counts


@cache
def _artifact() -> Artifact:
    return load_engine().artifact


def _tried(
    rng: random.Random, engine: Engine, answers: Answers, content: Any, wire: pb.RouteRequest
) -> Counter[str]:
    counts = Counter(requests=1)
    request = to_request(wire, engine.catalog, _LIMITS)
    states = draw_loads(rng, engine.pools, monotonic())
    adequacy = tuple(rng.random() for _ in TIERS)
    prediction = Prediction(adequacy, tuple(rng.uniform(0.0, 5000.0) for _ in TIERS))
    try:
        if rng.random() < (_FROM_TEXT if wire.HasField("needs") else _FROM_TEXT_WHEN_BARE):
            decision = engine.route(request)
        else:
            kind = kind_of(read(request.messages[0].content))
            decision = engine.decide(request, prediction, None, kind)
    except NoCandidateError:
        counts["nobody"] += 1
        return counts
    decision = explored(decision, rng.random(), TIERS)
    if engine.caches is not None and wire.session_id and not is_asked_later(decision):
        went_on(engine.caches, wire, decision.chosen)
    answer = with_schedule(decision, answers.write(decision, "", request.max_output_tokens))
    by_id = {item["id"]: item for item in content["deployments"]}
    counts["answered"] += 1
    counts["candidates"] += len(answer.candidates)
    for candidate in answer.candidates:
        item = by_id[candidate.deployment]
        reasons = broken(item, wire, candidate, states)
        counts.update(f"ruled out by {reason}" for reason in reasons)
        counts["violations"] += bool(reasons) and candidate.deployment == answer.deployment
        is_out = bool(candidate.ineligible_reasons) and not reasons
        counts["out for nothing"] += is_out and not _is_at_edge(item, wire, candidate)
    return counts


def broken(
    item: Any, wire: pb.RouteRequest, candidate: pb.Candidate, states: Mapping[str, str]
) -> list[str]:
    """Return what forbids a deployment to serve a request.

    Args:
        item: Its table in the catalog.
        wire: The request.
        candidate: What the answer says of it: its tokens and cost.
        states: In which the pools are, by name.
    """
    pool, has_deadline = item.get("pool"), wire.HasField("deadline")
    needs, asked = wire.needs, wire.max_output_tokens
    room = item["context_window_tokens"] - candidate.input_token_count
    is_limited = wire.goal.HasField("max_cost_usd")
    forbidden = {
        "tier": bool(wire.allowed_tiers) and item["tier"] not in wire.allowed_tiers,
        "denied tier": item["tier"] in wire.denied_tiers,
        "output limit": asked > item["max_output_tokens"],
        "stated window": needs.context_window_tokens > item["context_window_tokens"],
        "tools": needs.tools and not item.get("tools", False),
        "vision": needs.vision and not item.get("vision", False),
        "json_schema": needs.json_schema and not item.get("json_schema", False),
        "residency": bool(set(needs.residency) - set(item.get("residency", []))),
        "third party": needs.no_third_party and item.get("third_party", item["kind"] == "api"),
        "lock": bool(needs.locked_deployment) and needs.locked_deployment != item["id"],
        "price": "price" not in item and not pool,
        "closed pool": states.get(pool or "") in ("down", "draining"),
        "spot pool": pool == "spot" and not has_deadline,
        "no times": has_deadline and "completion" not in item,
        "too late": has_deadline and "completion" in item and _is_too_late(item, wire),
        # Counts are rounded in an answer.
        "window": (asked or candidate.output_token_count) > room + 1,
        "cost": is_limited and candidate.expected_cost_usd > wire.goal.max_cost_usd,
    }
    return [name for name, holds in forbidden.items() if holds]


def _is_too_late(item: Any, wire: pb.RouteRequest) -> bool:
    """Tell whether no way that the catalog states answers in time surely enough."""
    if "price" not in item and "pool" not in item:
        return False  # of which there are no offers; the price is what is missing
    within = wire.deadline.needed_within_seconds
    confidence = wire.deadline.confidence if wire.deadline.HasField("confidence") else CONFIDENCE
    ways = item["completion"]

    def share(way: str, seconds: float) -> float:
        there = [point["probability"] for point in ways[way] if point["seconds"] <= seconds]
        return max(there, default=0.0)

    if share("sync", within) >= confidence:
        return False
    surely = [one["seconds"] for one in ways["sync"] if one["probability"] >= confidence]
    call = min(surely, default=ways["sync"][-1]["seconds"])
    if "batch" not in ways or within - call <= 0.0:
        return True
    late = 1.0 - share("batch", within - call)
    # A hair's breadth either way is rounding.
    return 1.0 - late * (1.0 - share("sync", call)) < confidence - 1e-12


def _is_at_edge(item: Any, wire: pb.RouteRequest, candidate: pb.Candidate) -> bool:
    """Tell whether rounded counts leave open whether the request fits the window."""
    reserved = wire.max_output_tokens or candidate.output_token_count
    room: int = item["context_window_tokens"] - candidate.input_token_count
    return abs(room - reserved) <= _EDGE_TOKENS


if __name__ == "__main__":
    sys.exit(main())
