"""``python -m training.served_promise``: a shift of traffic under a real server, from end to end.

An artifact for the two models of RouteLLM's tables is trained on MMLU and calibrated on MMLU;
a server keeps a contract on MMLU traffic, then the traffic becomes GSM8K. Printed are how many
audits it took until the contract fell, how many requests were harmed before, and what
``calibrate`` on GSM8K labels restores. How requests are replayed is ``eval.promise.served``.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.arrays import IntArray
from eval.outcomes import OutcomeTable
from eval.promise.populations import routellm_pair
from eval.promise.served import ServedContract, Stretch, traffic_of
from eval.split import PARTS, assign_split
from router.catalog import Catalog, load_catalog
from router.config import Config
from router.errors import RouterError
from router.types import DEFAULT_CONFIDENCE, Contract
from training.pipeline import fit_and_export
from training.promise import calibrate
from training.served_promise_picture import draw_life
from training.settings import Settings

HEADS = ("logistic", "mixture")
TARGETS = (0.0445, 0.0889)
AUDIT_SHARE = 0.02
QUIET_REQUESTS, MOST_REQUESTS, AFTER_REQUESTS = 5_000, 50_000, 10_000
LOCAL_LABELS = 500
_LENGTH = 100.0  # output tokens are not recorded; with equal lengths the list price alone orders
CATALOG = """
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the lives and print the table; return 0, or 1 with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            _run(arguments, Path(temporary))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace, place: Path) -> None:
    mmlu, gsm8k = (
        replace(table, output_tokens=np.full_like(table.output_tokens, _LENGTH))
        for table in routellm_pair(arguments.data)
    )
    catalog = pair_catalog(place / "pair.toml")
    print(
        f"MMLU then GSM8K on a real server, audits {AUDIT_SHARE:.0%}, confidence "
        f"{DEFAULT_CONFIDENCE:g}, {arguments.lives} lives, seed {arguments.seed}\n"
    )
    print(*HEADER, sep="\n", flush=True)
    for head in arguments.heads:
        artifact = place / head
        settings = Settings(
            catalog=place / "pair.toml", candidate=head, prior=None, seed=arguments.seed
        )
        fit_and_export(settings, catalog, mmlu, artifact, _tell)
        fresh = mmlu.select(assign_split(mmlu.group, arguments.seed) == PARTS[2])
        for target in arguments.targets:
            contract = Contract(target)
            lives = [
                live(artifact, catalog, fresh, gsm8k, contract, place, arguments.seed + number)
                for number in range(arguments.lives)
            ]
            print(row_of(head, target, lives), flush=True)
            if arguments.picture and (head, target) == (arguments.heads[0], arguments.targets[0]):
                first = next((life for life in lives if life.after is not None), lives[0])
                parts = [first.quiet, first.shifted, *([first.after] if first.after else [])]
                draw_life(parts, target, DEFAULT_CONFIDENCE, arguments.picture)


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
    path.write_text(CATALOG + "".join(deployments), encoding="utf-8")
    return load_catalog(path)


_COLUMNS = (
    "head",
    "α",
    "MMLU: below top",
    "risk",
    "suspended on MMLU",
    "GSM8K: below top",
    "risk",
    "noticed",
    "audits",
    "requests",
    "harmed",
    "recalibrated: below top",
    "risk",
    "suspended again",
)
HEADER = ("| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|")


def row_of(head: str, target: float, lives: Sequence[Life]) -> str:
    """Write the lives of one head and target as a line of a table; median and 90 % of delays."""
    alarms = [life for life in lives if life.quiet.suspended]
    awake = [life for life in lives if not life.quiet.suspended]
    noticed = [life.shifted for life in awake if life.shifted.suspended]
    after = [life.after for life in awake if life.after is not None]
    shifted = [life.shifted for life in awake]
    cells = (
        head,
        f"{target:g}",
        *_rates([life.quiet for life in lives]),
        f"{len(alarms)} of {len(lives)}",
        *_rates(shifted),
        f"{len(noticed)} of {len(awake)}",
        *(_middle([getattr(one, name) for one in noticed]) for name in ("audits", "requests")),
        _middle([one.lost for one in noticed]),
        *_rates(after),
        f"{sum(one.suspended for one in after)} of {len(after)}",
    )
    return "| " + " | ".join(cells) + " |"


def _rates(stretches: Sequence[Stretch]) -> tuple[str, str]:
    requests = sum(one.requests for one in stretches)
    if not requests:
        return "-", "-"
    cheap, lost = (sum(getattr(one, name) for one in stretches) for name in ("cheap", "lost"))
    return f"{cheap / requests:.2f}", f"{lost / requests:.3f}"


def _middle(values: Sequence[int]) -> str:
    if not values:
        return "-"
    return f"{np.median(values):,.0f}, {np.quantile(values, 0.9):,.0f}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.served_promise", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="outcome files")
    parser.add_argument("--heads", nargs="+", default=list(HEADS), metavar="CANDIDATE")
    parser.add_argument("--targets", nargs="+", type=float, default=list(TARGETS), metavar="ALPHA")
    parser.add_argument("--lives", type=int, default=20, help="servers per head and target")
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw the first life")
    return parser


if __name__ == "__main__":
    sys.exit(main())
