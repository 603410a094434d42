"""Catalogs and requests drawn at random for ``bench.constraints``.

Every constraint, every kind of deployment, and prices from free to absurd.
"""

import random
from datetime import date
from typing import Any

from router.catalog import Catalog
from router.cost.pools.live import LivePools
from router.cost.pools.load import PoolState
from router.v1 import router_pb2 as pb

TIERS = ("small", "medium", "large")
TAGS = ("eu", "us", "on-premises")
POOLS = ("ours", "spot", "draining")
SESSIONS = ("one", "two")
CONFIDENCE = 0.9
TEXT = "How many bridges cross the river in the middle of the town, and which is the oldest? "
_DAY = date(2026, 11, 1)
_STATES = (PoolState.SERVING, PoolState.SERVING, *PoolState)


def draw_catalog(rng: random.Random) -> dict[str, Any]:
    """Return the content of a catalog of 3 to 12 deployments, at least one a tier.

    One in four is plain: every price is known, and nobody is on a pool.
    """
    is_plain = rng.random() < 0.25
    tiers = [*TIERS, *(rng.choice(TIERS) for _ in range(rng.randrange(10)))]
    return {
        "format": 1,
        "name": "drawn",
        "adequate_quality": 0.5,
        "default_goal": {"willingness_to_pay_usd": 0.03},
        "tiers": [{"name": name, "reference_model": name} for name in TIERS],
        "deadlines": {"confidence": CONFIDENCE},
        "deployments": [_deployment(rng, f"d{n}", tier, is_plain) for n, tier in enumerate(tiers)],
        "pools": [_pool(name) for name in POOLS],
    }


def draw_loads(rng: random.Random, pools: LivePools | None, now: float) -> dict[str, str]:
    """Give every pool a load, and return by name the state it is in."""
    if pools is None:
        return {}
    made = {}
    for name, load in pools.loads.items():
        state = PoolState.DRAINING if name == "draining" else rng.choice(_STATES)
        made[name] = load._replace(
            state=state, at=now, waiting=rng.choice([0.0, 3.0, 1e6]), kv=rng.random()
        )
    pools.loads = made
    return {name: load.state.value for name, load in made.items()}


def _pool(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "replicas": 2,
        "gpus_per_replica": 1,
        "usd_per_gpu_hour": 3.0,
        "purchase": "spot" if name == "spot" else "on-demand",
        "draining": name == "draining",
        "throughput": {
            "prefill_tokens_per_s": 1e4, "decode_tokens_per_s": 1e3, "concurrency": 8,
        },
        "load": {"engine": "vllm", "urls": [f"http://127.0.0.1:9/{name}"]},
        "cold_start": {"seconds": 60.0},
    }  # fmt: skip


def _deployment(rng: random.Random, name: str, tier: str, is_plain: bool) -> dict[str, Any]:
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
    if is_plain or rng.random() < 0.9:
        item["price"] = _price(rng)
    if rng.random() < 0.5:
        item["batch_price"] = _price(rng)
    if not is_plain and item["kind"] == "gpu" and rng.random() < 0.5:
        item["pool"] = rng.choice(POOLS)
    if rng.random() < 0.3:
        item["prompt_cache"] = {"ttl_seconds": 300, "min_tokens": 10, "hit_rate": rng.random()}
    if rng.random() < 0.7:
        item["completion"] = _completion(rng, has_batch="batch_price" in item)
    return item


def _price(rng: random.Random) -> dict[str, Any]:
    price = {
        "input_usd_per_mtok": rng.choice([0.0, 0.01, 3.0, 1e6]),
        "output_usd_per_mtok": rng.choice([0.0, 0.01, 15.0, 1e6]),
        "as_of": _DAY,
        "source": "drawn",
    }
    if rng.random() < 0.2:
        price["usd_per_request"] = rng.choice([1e-4, 1.0])
        price["bands"] = [
            {"above_input_tokens": 60, "input_usd_per_mtok": 6.0, "output_usd_per_mtok": 30.0}
        ]
    return price


def _completion(rng: random.Random, *, has_batch: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"as_of": _DAY, "source": "drawn", "sync": _points(rng, 5.0)}
    if has_batch and rng.random() < 0.8:
        made["batch"] = _points(rng, 600.0)
    return made


def _points(rng: random.Random, seconds: float) -> list[dict[str, float]]:
    least, most = sorted((rng.uniform(0.1, 1.0), rng.uniform(0.1, 1.0)))
    return [
        {"seconds": seconds, "probability": least},
        {"seconds": seconds * rng.choice([2, 20]), "probability": most},
    ]


def draw_request(rng: random.Random, catalog: Catalog) -> pb.RouteRequest:
    """Return a request that a server would take, with every constraint now and then.

    One in ten asks for nothing but an answer, which most callers do.
    """
    if rng.random() < 0.1:
        return pb.RouteRequest(prompt=TEXT * rng.choice([1, 5, 100]), goal=_goal(rng))

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
        wire.deadline.needed_within_seconds = rng.choice([1.0, 60.0, 3_600.0, 86_400.0])
        if now_and_then():
            wire.deadline.confidence = rng.choice([0.2, 0.99])
    if now_and_then():
        wire.session_id = rng.choice(SESSIONS)
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
