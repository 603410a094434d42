"""``python -m bench.constraints``: random requests against random catalogs, and who breaks a rule.

Every request goes the way of the service, from the wire message to the answer, exploration
included; only the prediction is drawn at random, so that 100,000 take two minutes. What a
deployment may serve is worked out here a second time, from the catalog's own words and the
request's, and not by the engine's code. Prices are drawn from free to absurd, so that a constraint
that gave way to price would show.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from router import load_engine
from router.catalog import Catalog, parse_catalog
from router.cost.tokens import kind_of
from router.engine import Engine
from router.errors import NoCandidateError
from router.explore import explored
from router.predict.artifact import Artifact
from router.predict.reading import read
from router.server.answer import Answers
from router.server.convert import to_request
from router.server.limits import Limits
from router.types import Prediction
from router.v1 import router_pb2 as pb

TIERS = ("small", "medium", "large")
TAGS = ("eu", "us", "on-premises")
TEXT = "How many bridges cross the river in the middle of the town, and which is the oldest? "
_LIMITS = Limits()
_REQUESTS_PER_CATALOG = 50
_EDGE_TOKENS = 2


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
        columns = tuple(TIERS.index(item.tier) for item in catalog.deployments)
        engine = Engine(artifact, catalog, columns)
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
    adequacy = tuple(rng.random() for _ in TIERS)
    prediction = Prediction(adequacy, tuple(rng.uniform(0.0, 5000.0) for _ in TIERS))
    try:
        kind = kind_of(read(request.messages[0].content))
        decision = engine.decide(request, prediction, None, kind)
    except NoCandidateError:
        counts["nobody"] += 1
        return counts
    decision = explored(decision, rng.random(), TIERS)
    answer = answers.write(decision, "", request.max_output_tokens)
    by_id = {item["id"]: item for item in content["deployments"]}
    counts["answered"] += 1
    counts["candidates"] += len(answer.candidates)
    for candidate in answer.candidates:
        item = by_id[candidate.deployment]
        reasons = broken(item, wire, candidate)
        counts.update(f"ruled out by {reason}" for reason in reasons)
        counts["violations"] += bool(reasons) and candidate.deployment == answer.deployment
        is_out = bool(candidate.ineligible_reasons) and not reasons
        counts["out for nothing"] += is_out and not _is_at_edge(item, wire, candidate)
    return counts


def broken(item: Any, wire: pb.RouteRequest, candidate: pb.Candidate) -> list[str]:
    """Return what forbids a deployment to serve a request.

    Args:
        item: Its table in the catalog.
        wire: The request.
        candidate: What the answer says of it: its tokens and cost.
    """
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
        "price": "price" not in item,
        # Counts are rounded in an answer.
        "window": (asked or candidate.output_token_count) > room + 1,
        "cost": is_limited and candidate.expected_cost_usd > wire.goal.max_cost_usd,
    }
    return [name for name, holds in forbidden.items() if holds]


def _is_at_edge(item: Any, wire: pb.RouteRequest, candidate: pb.Candidate) -> bool:
    """Tell whether rounded counts leave open whether the request fits the window."""
    reserved = wire.max_output_tokens or candidate.output_token_count
    room: int = item["context_window_tokens"] - candidate.input_token_count
    return abs(room - reserved) <= _EDGE_TOKENS


def draw_catalog(rng: random.Random) -> dict[str, Any]:
    """Return the content of a catalog of 3 to 12 deployments, at least one a tier."""
    tiers = [*TIERS, *(rng.choice(TIERS) for _ in range(rng.randrange(10)))]
    return {
        "format": 1,
        "name": "drawn",
        "adequate_quality": 0.5,
        "default_goal": {"willingness_to_pay_usd": 0.03},
        "tiers": [{"name": name, "reference_model": name} for name in TIERS],
        "deployments": [_deployment(rng, f"d{n}", tier) for n, tier in enumerate(tiers)],
    }


def _deployment(rng: random.Random, name: str, tier: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": name,
        "tier": tier,
        "kind": rng.choice(["api", "gpu"]),
        "provider": "p",
        "model": "m",
        "context_window_tokens": rng.choice([64, 2_000, 8_192, 200_000]),
        "max_output_tokens": rng.choice([50, 1_000, 8_192]),
        "residency": [tag for tag in TAGS if rng.random() < 0.5],
    }
    for flag in ("tools", "vision", "json_schema", "third_party"):
        if rng.random() < 0.7:
            item[flag] = rng.random() < 0.6
    if rng.random() < 0.9:
        item["price"] = {
            "input_usd_per_mtok": rng.choice([0.0, 0.01, 3.0, 1e6]),
            "output_usd_per_mtok": rng.choice([0.0, 0.01, 15.0, 1e6]),
            "as_of": date(2026, 11, 1),
            "source": "drawn",
        }
    return item


def draw_request(rng: random.Random, catalog: Catalog) -> pb.RouteRequest:
    """Return a request that a server would take, with every constraint now and then."""

    def now_and_then() -> bool:
        return rng.random() < 0.25

    needs = pb.Needs(
        context_window_tokens=rng.choice([0, 0, 0, 100, 8_192, 100_000]),
        tools=now_and_then(),
        vision=now_and_then(),
        json_schema=now_and_then(),
        residency=rng.sample(TAGS, rng.choice([0, 0, 0, 1, 2])),
        no_third_party=now_and_then(),
        locked_deployment=(rng.choice(catalog.deployments).id if rng.random() < 0.15 else ""),
    )
    wire = pb.RouteRequest(
        prompt=TEXT * rng.choice([1, 1, 5, 100]),
        needs=needs if rng.random() < 0.9 else None,
        goal=_goal(rng),
        allowed_tiers=rng.sample(TIERS, rng.choice([0, 0, 0, 1, 2])),
        denied_tiers=rng.sample(TIERS, rng.choice([0, 0, 0, 1])),
    )
    if now_and_then():
        wire.max_output_tokens = rng.choice([1, 60, 1_000, 5_000])
    return wire


def _goal(rng: random.Random) -> pb.Goal:
    goal = pb.Goal()
    if rng.random() < 0.5:
        goal.quality_target = rng.random()
    else:
        goal.willingness_to_pay_usd = 10 ** rng.uniform(-6, 3)
    if rng.random() < 0.2:
        goal.max_cost_usd = 10 ** rng.uniform(-6, 2)
    return goal


if __name__ == "__main__":
    sys.exit(main())
