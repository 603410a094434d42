"""``python -m training.served_promise``: a shift of traffic under a real server, from end to end.

An artifact for the two models of RouteLLM's tables is trained on MMLU and calibrated on MMLU;
a server keeps a contract on MMLU traffic, then the traffic becomes GSM8K. Printed are how many
audits it took until the contract fell, how many requests were harmed before, and what
``calibrate`` on GSM8K labels restores. One such life is ``training.served_promise_life``.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.promise.populations import routellm_pair
from eval.promise.served import Stretch
from eval.split import PARTS, assign_split
from router.errors import RouterError
from router.types import DEFAULT_CONFIDENCE, Contract
from training.build import fit_and_export
from training.served_promise_life import AUDIT_SHARE, Life, live, pair_catalog
from training.served_promise_picture import draw_life
from training.settings import Settings

HEADS = ("logistic", "mixture")
TARGETS = (0.0445, 0.0889)
_LENGTH = 100.0  # output tokens are not recorded; with equal lengths the list price alone orders


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
