"""What ``python -m training onboard`` does: onboard a model, or suggest prompts to label."""

import argparse
import math
from collections.abc import Callable
from dataclasses import replace

from router.catalog import load_catalog
from router.cost.price import Price
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.data import read_training_data
from training.onboard.line import onboard, read_labels
from training.onboard.report import report
from training.onboard.unlabelled import read_unlabelled, suggested
from training.settings import Settings

Say = Callable[[str], None]


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> str:
    """Do what was asked and return what is to be printed.

    Raises:
        RouterError: options that do not go together, or of the step that refused to go on.
    """
    if arguments.suggest is not None:
        return _suggest(arguments, settings, say)
    if arguments.labels is not None:
        raise TrainingError("--labels goes with --suggest; labels to onboard from are --data")
    if not arguments.model:
        raise TrainingError("no model given: name it with --model, or MODEL=... of 'make onboard'")
    table = read_training_data(settings, say)
    done = onboard(
        arguments.artifact,
        arguments.out,
        table,
        settings.catalog,
        arguments.model,
        tier=arguments.tier,
        price=_price(arguments),
        seed=settings.seed,
    )
    tier = arguments.tier or arguments.model
    return report(done, load_catalog(settings.catalog), tier, arguments.out)


def _suggest(arguments: argparse.Namespace, settings: Settings, say: Say) -> str:
    if arguments.suggest < 1:
        raise TrainingError(f"--suggest {arguments.suggest} given, must be at least 1")
    if (arguments.labels is None) != (not arguments.model):
        raise TrainingError(
            "--labels and --model go together: give both, or neither before the first label"
        )
    artifact = load_artifact(arguments.artifact)
    labels = None
    if arguments.labels is not None:
        table = read_training_data(replace(settings, data=arguments.labels), say)
        labels = read_labels(artifact, table, arguments.model, fewest=1)
    prompts = read_unlabelled(settings, say)
    return "\n".join(suggested(artifact, labels, prompts, arguments.suggest))


def _price(arguments: argparse.Namespace) -> Price | None:
    given = (
        arguments.input_usd_per_mtok,
        arguments.output_usd_per_mtok,
        arguments.price_date,
        arguments.price_source,
    )
    if all(one is None for one in given):
        return None
    if any(one is None or one == "" for one in given):
        raise TrainingError(
            "a price needs --input-usd-per-mtok, --output-usd-per-mtok, --price-date and "
            "--price-source: give all four, or none for a model that is not routable yet"
        )
    dear_in, dear_out, as_of, source = given
    if not all(math.isfinite(one) and one >= 0 for one in (dear_in, dear_out)):
        raise TrainingError(f"prices {dear_in} and {dear_out} given, must be finite and >= 0")
    return Price(dear_in, dear_out, as_of, source)
