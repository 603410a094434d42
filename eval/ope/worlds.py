"""Worlds for the simulation: the bundled three-tier outcomes, policies that log, candidates."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.ope.simulate import Performance, World, explore, one_hot, performance
from eval.outcomes import read_outcomes, require_encoder
from eval.recorded import recorded_outcomes
from eval.split import assign_split
from router.catalog import load_catalog
from router.predict.artifact import load_artifact
from router.promise.rule import lowest_permitted

LOGGING_REGRET = 0.2
CANDIDATES: tuple[tuple[str, float | None], ...] = (
    ("regret <= 0.1", 0.1),
    ("regret <= 0.3", 0.3),
    ("always large", None),
)
EXPLORATION = (0.3, 0.1)
_BAD_MODEL = "quality, model says .5"
SHAPES = ((500, 1), (2000, 1), (500, 3))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Full outcomes of k tiers on n prompts the artifact was not fitted on.

    Attributes:
        adequacy: (n, k) predicted.
        adequate: (n, k) recorded, 0 or 1.
        cost_usd: (n, k) recorded tokens at list prices.
        predicted_cost_usd: (n, k) predicted tokens at list prices.
    """

    adequacy: FloatArray
    adequate: FloatArray
    cost_usd: FloatArray
    predicted_cost_usd: FloatArray


def load_outcomes(data: Path, artifact_directory: Path, catalog_file: Path) -> Outcomes:
    """Load zeroeval and bfcl's test part.

    Raises:
        DataError: the vectors are of another encoder than the artifact's.
    """
    artifact, catalog = load_artifact(artifact_directory), load_catalog(catalog_file)
    table = read_outcomes([data / "zeroeval.parquet", data / "bfcl.parquet"])
    table = table.for_models([tier.reference_model for tier in catalog.tiers])
    require_encoder(table, artifact.manifest.encoder_sha256)
    table = table.select(assign_split(table.group, artifact.manifest.split_seed) == "test")
    recorded = recorded_outcomes(table, catalog)
    adequacy, tokens = artifact.heads.run(table.vectors, table.features)
    columns = [artifact.tier_names.index(name) for name in catalog.tier_names]
    return Outcomes(
        adequacy=adequacy[:, columns].astype(np.float64),
        adequate=(table.quality >= catalog.adequate_quality).astype(np.float64),
        cost_usd=recorded.cost_usd,
        predicted_cost_usd=recorded.prices.tier_cost_usd(
            table.input_tokens, tokens[:, columns].astype(np.float64)
        ),
    )


def coverage_lines(outcomes: Outcomes, logs: int, seed: int) -> list[str]:
    """Tabulate bias, error and coverage of every estimator in every world, as Markdown."""
    heads = (
        "candidate",
        "explored",
        "clusters x repeats",
        "target",
        "truth",
        "effective",
        "estimator",
        "bias",
        "RMSE",
        "covers: asymptotic",
        "bootstrap",
        "width",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, threshold in CANDIDATES:
        for epsilon in EXPLORATION:
            for clusters, repeats in SHAPES:
                for target, world in _worlds(outcomes, threshold, epsilon):
                    found = performance(world, clusters, repeats, logs, seed)
                    if target == _BAD_MODEL:  # only dr looks at the model
                        found = [one for one in found if one.estimator == "dr"]
                    start = f"| {name} | {epsilon:g} | {clusters} x {repeats} | {target} "
                    lines += [start + _cells(world.truth, one) for one in found]
    return lines


def _worlds(outcomes: Outcomes, threshold: float | None, epsilon: float) -> list[tuple[str, World]]:
    tiers = outcomes.adequacy.shape[1]
    logging, candidate = (
        one_hot(lowest_permitted(outcomes.adequacy, t), tiers) for t in (LOGGING_REGRET, threshold)
    )
    propensity = explore(logging, epsilon)
    thousand = 1000.0  # USD per 1,000 requests, so that figures can be read
    return [
        ("quality", World(outcomes.adequate, outcomes.adequacy, propensity, candidate)),
        (
            _BAD_MODEL,
            World(outcomes.adequate, np.full_like(outcomes.adequacy, 0.5), propensity, candidate),
        ),
        (
            "USD per 1,000",
            World(
                outcomes.cost_usd * thousand,
                outcomes.predicted_cost_usd * thousand,
                propensity,
                candidate,
            ),
        ),
    ]


def _cells(truth: float, one: Performance) -> str:
    return (
        f"| {truth:.3f} | {one.effective_size:.0f} | {one.estimator} | {one.bias:+.4f} "
        f"| {one.rmse:.4f} | {one.asymptotic:.3f} | {one.bootstrap:.3f} | {one.width:.3f} |"
    )
