"""Options of ``python -m training onboard`` beyond those every command has; nothing heavy here."""

import argparse
from datetime import date
from pathlib import Path

from router.defaults import default_artifact_directory
from training.settings import Settings


def add_options(parser: argparse.ArgumentParser, default: Settings) -> None:
    """Add the options of the command."""
    parser.add_argument("--model", default="", help="the new model, as the labels name it")
    parser.add_argument("--tier", help="name of its tier (default: the model's name)")
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/onboarded"),
        help="artifact directory to write; the merged catalog is written beside it",
    )
    parser.add_argument("--seed", type=int, default=default.seed)
    price = parser.add_argument_group("list price of the new model; give all four or none")
    price.add_argument("--input-usd-per-mtok", type=float)
    price.add_argument("--output-usd-per-mtok", type=float)
    price.add_argument("--price-date", type=date.fromisoformat, metavar="YYYY-MM-DD")
    price.add_argument("--price-source")
    suggest = parser.add_argument_group("which prompts to label next, instead of onboarding")
    suggest.add_argument(
        "--suggest",
        type=int,
        metavar="N",
        help="print the N prompts of --data (texts without outcomes) most worth labelling",
    )
    suggest.add_argument(
        "--labels", help="labels of --model so far, if there are any; as for onboarding"
    )
