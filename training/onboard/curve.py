"""Quality against number of labels: ``python -m training.onboard.curve``.

Methods for a new model on 50 to 500 labels, beside the plain mean of the model and beside training
for it on thousands; then a tier set with that model, and labels picked instead of drawn. Printed as
Markdown, drawn as a picture. About ten minutes on one core.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.bootstrap import resample_weights
from eval.outcomes import OutcomeTable, read_outcomes
from router.catalog import Catalog, load_catalog
from router.errors import RouterError
from router.predict.artifact import load_artifact
from training.labels import rows_with_tiers
from training.onboard import models
from training.onboard.ability import FEWEST_LABELS
from training.onboard.curve_tables import Curve, Key, markdown, picture
from training.onboard.ground import (
    ground_elsewhere,
    ground_of_known,
    new_model,
    some_prompts,
    tier_set,
)
from training.onboard.measures import Routed, Samples, prediction_samples, routed_samples
from training.onboard.retrain import retrained
from training.onboard.rivals import ALSO_CHOSEN_FROM, METHODS, Method
from training.onboard.suggest import Pick, by_cluster, by_variance
from training.onboard.trial import SIZES, Ground, predict_from_labels, predict_from_picks
from training.settings import Settings

RESAMPLES = 300
FULL = "trained for it"
WITHOUT = "without the new model"
_ROUTED = ("model mean", "item response")
_PICKS: dict[str, Pick] = {
    "picked by cluster": by_cluster,
    "picked by variance": lambda so_far, _, pool, count: by_variance(so_far, pool.known, count),
}
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Try, measure, print and draw; 0 when done, 1 when the data are refused."""
    default = Settings(candidate="lightgbm")
    parser = argparse.ArgumentParser(prog="python -m training.onboard.curve", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"))
    parser.add_argument("--catalog", type=Path, default=default.catalog)
    parser.add_argument("--artifact", type=Path, default=default.encoder)
    parser.add_argument("--models", choices=("reporting", "choosing"), default="reporting")
    parser.add_argument("--candidate", default=default.candidate, help="what stands for training")
    parser.add_argument("--draws", type=int, default=10, help="draws of labels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/onboarding"))
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore")  # converters of other packages warn about their own internals
    settings = replace(
        default,
        catalog=arguments.catalog,
        encoder=arguments.artifact,
        candidate=arguments.candidate,
        seed=arguments.seed,
    )
    try:
        curves = run(settings, arguments.data, arguments.models, arguments.draws, _say)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    text = markdown(curves)
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "onboarding.md").write_text(text, encoding="utf-8")
    picture(curves[0], arguments.out / "onboarding.png")
    return 0


def run(settings: Settings, data: Path, which: str, draws: int, say: Say) -> list[Curve]:
    """Measure both grounds: prompts like the training, and prompts unlike it.

    Raises:
        RouterError: the data or the artifact are refused.
    """
    catalog = load_catalog(settings.catalog)
    usable = rows_with_tiers(
        read_outcomes([data / "zeroeval.parquet", data / "bfcl.parquet"]), catalog
    )
    other = some_prompts(read_outcomes([data / "mmlu_pro.parquet"]), settings.seed)
    reporting = which == "reporting"
    say("heads that have not seen the prompt")
    ground = ground_of_known(settings, catalog, usable, say)
    elsewhere = ground_elsewhere(load_artifact(settings.encoder), other, settings.seed)
    names = models.REPORTING if reporting else models.CHOOSING
    strangers = models.ELSEWHERE_REPORTING if reporting else models.ELSEWHERE_CHOOSING
    methods = METHODS if reporting else METHODS | ALSO_CHOSEN_FROM
    common = catalog, methods, draws, settings.seed
    like = _Plan("prompts like the training", usable, ground, names, settings, *common)
    unlike = _Plan("prompts unlike it", other, elsewhere, strangers, None, *common)
    return [_curve(like, say), _curve(unlike, say)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one curve is made of; ``retrain`` None leaves training and routing out."""

    title: str
    table: OutcomeTable
    ground: Ground
    names: Sequence[str]
    retrain: Settings | None
    catalog: Catalog
    methods: Mapping[str, Method]
    draws: int
    seed: int


def _curve(plan: _Plan, say: Say) -> Curve:
    weights = resample_weights(plan.ground.group, RESAMPLES, plan.seed)
    n = len(plan.table)
    weights = np.concatenate([np.full((1, n), 1 / n), weights])
    curve = Curve(plan.title, tuple(plan.names), {}, {})
    for name in plan.names:
        say(f"{plan.title}: {name}")
        _add_model(curve, plan, name, weights, say)
    return curve


def _add_model(curve: Curve, plan: _Plan, name: str, weights: FloatArray, say: Say) -> None:
    model = new_model(plan.table, name, plan.catalog.adequate_quality)
    rows = np.flatnonzero(~np.isnan(model.adequate))
    own = weights[:, rows] / weights[:, rows].sum(axis=1, keepdims=True)

    def measured(predicted: FloatArray) -> Samples:
        return prediction_samples(np.atleast_2d(predicted)[:, rows], model.adequate[rows], own)

    predictions: dict[Key, tuple[FloatArray, FloatArray]] = {}
    for size in SIZES:
        drawing = size, plan.draws, plan.seed
        found = predict_from_labels(plan.ground, model, plan.methods, *drawing)
        for method, adequacy in found.adequacy.items():
            curve.add(method, size, measured(adequacy))
            predictions[method, size] = adequacy[:, rows], found.output_tokens[:, rows]
        for label, pick in _PICKS.items():
            if size > FEWEST_LABELS:
                picked = predict_from_picks(plan.ground, model, pick, *drawing)
                curve.add(label, size, measured(picked))
    if plan.retrain is None:
        return
    adequacy, tokens = retrained(
        plan.retrain, plan.catalog, plan.table, name, plan.ground.fold, say
    )
    curve.add(FULL, 0, measured(adequacy))
    predictions[FULL, 0] = adequacy[None, rows], tokens[None, rows]
    for key, routed in _routed(plan, name, rows, predictions, own).items():
        curve.add_routed(*key, routed)


def _routed(
    plan: _Plan,
    name: str,
    rows: IntArray,
    predictions: Mapping[Key, tuple[FloatArray, FloatArray]],
    weights: FloatArray,
) -> dict[Key, Routed]:
    """Route the known tiers alone, then with the new model as each method predicts it."""
    tiers = tier_set(plan.catalog, plan.table.select(rows), name)
    known, known_tokens = plan.ground.prompts.known[rows], plan.ground.known_tokens[rows]
    alone = tiers.known.prices.tier_cost_usd(tiers.input_tokens, known_tokens)
    found = {(WITHOUT, 0): routed_samples(tiers.known, tiers.known, [(known, alone)], weights)}
    for (method, size), (adequacy, tokens) in predictions.items():
        if method in _ROUTED or method == FULL:
            choices = [
                (
                    np.column_stack([known, chance]),
                    tiers.cost_usd(np.column_stack([known_tokens, length])),
                )
                for chance, length in zip(adequacy, tokens, strict=True)
            ]
            routed = routed_samples(tiers.extended, tiers.known, choices, weights)
            found[method, size] = routed
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
