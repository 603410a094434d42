"""Bad input of planning: traffic logs and sizes that cannot be, rows of the table of bad inputs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs import BadFile

from eval.planning.log import read_traffic
from router.cost.pools.size import Gpu, Model, Variant, size
from router.errors import ConfigError, DataError

TIERS = ("small", "large")
GOOD: dict[str, Any] = {
    "unix_s": 1.0,
    "input_tokens": 100,
    "predicted_reward": {"small": 0.5, "large": 0.9},
    "predicted_output_tokens": {"small": 50, "large": 60},
}


def log_of(*lines: dict[str, Any]) -> Callable[[Path], object]:
    """Read a traffic log of these lines."""

    def read(_: Path) -> object:
        texts = [json.dumps({k: v for k, v in one.items() if v is not None}) for one in lines]
        Path("traffic.jsonl").write_text("\n".join(texts), encoding="utf-8")
        return read_traffic([Path("traffic.jsonl")], TIERS)

    return read


def no_log(_: Path) -> object:
    return read_traffic([Path("gone.jsonl")], TIERS)


def too_large(_: Path) -> object:
    model, gpu = Model(70e9, 80, 8, 128), Gpu(80e9)
    return size(
        model, Variant(2.0, 2.0), gpu, context_tokens=8192, concurrency=1, most_per_replica=1
    )


def refused(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, DataError, "DATA_INVALID", message)


PLANS = [
    refused(
        "a traffic log that is not there",
        no_log,
        "gone.jsonl: no such log; give a file of JSON lines, see docs/planning.md",
    ),
    refused(
        "a traffic log with a line that has no time",
        log_of(GOOD, {**GOOD, "unix_s": None}),
        "traffic.jsonl: 1 faulty lines; all must be good\n"
        "  traffic.jsonl:2: unix_s = None: missing; it must be given",
    ),
    refused(
        "a traffic log without one of the catalog's tiers",
        log_of(GOOD, {**GOOD, "predicted_reward": {"small": 0.5}}),
        "traffic.jsonl: 1 faulty lines; all must be good\n"
        "  traffic.jsonl:2: predicted_reward.large = None: missing; it must be given",
    ),
    refused(
        "a traffic log of a single moment",
        log_of(GOOD, GOOD),
        "traffic.jsonl: 2 requests, at 1 different times: a replay needs two at different times at "
        "least",
    ),
    BadFile(
        "a model that no replica holds, for `pools size`",
        too_large,
        ConfigError,
        "CONFIG_INVALID",
        "weights of 140.0 GB and a request of 8192 tokens do not fit 1 GPUs of 80 GB each: "
        "quantise further, take larger GPUs, more of them in a replica, or a shorter context",
    ),
]
