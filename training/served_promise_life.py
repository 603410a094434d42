"""The life of one server: calibrated, shifted traffic until its contract falls, recalibrated.

For the two models of RouteLLM's tables, from MMLU to GSM8K. Training the artifact and the table of
many lives is ``training.served_promise``; how requests are replayed is ``eval.promise.served``.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.arrays import IntArray
from eval.outcomes import OutcomeTable
from eval.promise.served import ServedContract, Stretch, traffic_of
from router.catalog import Catalog, load_catalog
from router.config import Config
from router.types import Contract
from training.promise import calibrate

AUDIT_SHARE = 0.02
QUIET_REQUESTS, MOST_REQUESTS, AFTER_REQUESTS = 5_000, 50_000, 10_000
LOCAL_LABELS = 500
_CATALOG = """
format = 1
name = "pair"
adequate_quality = 0.5
[default_goal]
quality_target = 0.5
[[tiers]]
name = "weak"
reference_model = "mixtral-8x7b-instruct-v0.1"
[[tiers]]
name = "strong"
reference_model = "gpt-4-1106-preview"
"""
_DEPLOYMENT = """
[[deployments]]
id = "{model}"
tier = "{tier}"
kind = "api"
provider = "list"
model = "{model}"
context_window_tokens = 32768
max_output_tokens = 4096
[deployments.price]
input_usd_per_mtok = {price}
output_usd_per_mtok = {price}
as_of = 2024-06-26
source = "mean price of a token in the RouteLLM paper, arXiv 2406.18665, section 5"
"""


@dataclass(frozen=True, slots=True)
class Life:
    """One server from calibration to recalibration."""

    quiet: Stretch
    shifted: Stretch
    after: Stretch | None


def live(
    artifact: Path,
    catalog: Catalog,
    fresh: OutcomeTable,
    gsm8k: OutcomeTable,
    contract: Contract,
    place: Path,
    seed: int,
) -> Life:
    """Serve quiet traffic, then shifted traffic until the contract falls, then recalibrated.

    Args:
        artifact: Directory of an artifact that saw nothing of ``fresh`` and ``gsm8k``.
        catalog: Its tiers.
        fresh: MMLU prompts; half of their groups calibrate, the others are traffic.
        gsm8k: Prompts after the shift; ``LOCAL_LABELS`` of them recalibrate, the others are the
            traffic after that. Before it, all are.
        contract: The promise.
        place: Directory for what is written.
        seed: Of the halves, the traffic and the lottery.
    """
    rng = np.random.default_rng(seed)
    half = halves(fresh, rng)
    labels = rng.permutation(len(gsm8k))
    home, again = place / "home", place / "again"
    calibrate(artifact, home, fresh.select(half[0]), catalog)
    store = place / f"{artifact.name}-{contract.max_loss_rate}-{seed}.sqlite3"
    config = Config(
        address="127.0.0.1:0",
        artifact=home,
        catalog=place / "pair.toml",
        store=store,
        audit_share=AUDIT_SHARE,
    )
    with ServedContract(config, contract, rng) as served:
        quiet = served.ask(traffic_of(served.engine, fresh.select(half[1])), QUIET_REQUESTS)
        traffic = traffic_of(served.engine, gsm8k)
        shifted = served.ask(traffic, MOST_REQUESTS, until_suspended=True)
    if not shifted.suspended:
        return Life(quiet, shifted, None)
    calibrate(home, again, gsm8k.select(labels[:LOCAL_LABELS]), catalog)
    with ServedContract(replace(config, artifact=again), contract, rng) as served:
        traffic = traffic_of(served.engine, gsm8k.select(labels[LOCAL_LABELS:]))
        after = served.ask(traffic, AFTER_REQUESTS)
    return Life(quiet, shifted, after)


def halves(table: OutcomeTable, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Split rows into two halves by duplicate group."""
    groups, inverse = np.unique(table.group, return_inverse=True)
    first = rng.permutation(groups.size) < groups.size // 2
    return np.flatnonzero(first[inverse]), np.flatnonzero(~first[inverse])


def pair_catalog(path: Path) -> Catalog:
    """Write and load the catalog of the two models."""
    deployments = [
        _DEPLOYMENT.format(tier=tier, model=model, price=price)
        for tier, model, price in (
            ("weak", "mixtral-8x7b-instruct-v0.1", 0.24),
            ("strong", "gpt-4-1106-preview", 24.7),
        )
    ]
    path.write_text(_CATALOG + "".join(deployments), encoding="utf-8")
    return load_catalog(path)
