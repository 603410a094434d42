"""Populations of prompts with predictions and realised losses, none of them used in fitting.

Simulations draw prompts from a population with replacement, so its own means are the exact truth.
The simulations themselves are ``eval.promise.draws`` and ``eval.promise.shift``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.outcomes import OutcomeTable, read_outcomes, require_encoder
from eval.promise.clusters import fit_clusters
from eval.promise.logistic import FARTHEST, Logistic, fit_logistic
from eval.recorded import recorded_outcomes
from eval.routellm import STRONG_MODEL, WEAK_MODEL
from eval.split import assign_split
from router.catalog import Catalog, load_catalog
from router.errors import DataError
from router.predict.artifact import load_artifact
from router.promise.rule import Covers, losses_on_grid, realised_loss
from router.promise.topics import Topics

ADEQUATE_QUALITY = 0.5
MMLU_TRAINING_ROWS = 8000
MMLU_CLUSTERS = 6
FITS = 5
RIDGE = 1000.0  # least log loss among 30, 100, ..., 10,000 on 1,682 held-out MMLU rows


@dataclass(frozen=True, slots=True)
class Population:
    """Prompts to draw from.

    Attributes:
        name: For tables.
        adequacy: (n, tiers) predicted, lowest tier first.
        loss: (n, tiers) realised, 0 or 1, last column 0.
        cost_usd: (n, tiers) USD; every tier's calls count alike (0 and 1) where prices are unknown.
        topic: (n,) topic known before an answer is.
        task: (n,) task it was recorded for.
    """

    name: str
    adequacy: FloatArray
    loss: FloatArray
    cost_usd: FloatArray
    topic: StrArray
    task: StrArray

    def losses(self, grid: tuple[float, ...], covers: Covers) -> FloatArray:
        """Return (n, thresholds) losses of each prompt at each threshold."""
        return losses_on_grid(self.adequacy, self.loss, grid, covers)


@dataclass(frozen=True, slots=True)
class PairHeads:
    """Heads for the two models of RouteLLM's tables and clusters, from the same MMLU rows."""

    weak: Logistic
    strong: Logistic
    clusters: Topics


def three_tiers(data: Path, artifact_directory: Path, catalog_file: Path) -> Population:
    """Load the default tiers on the test part; the heads were scaled on the validation part.

    Topics are the artifact's.

    Raises:
        DataError: the vectors are of another encoder than the artifact's, or it knows no topics.
    """
    artifact = load_artifact(artifact_directory)
    catalog: Catalog = load_catalog(catalog_file)
    files = [data / "zeroeval.parquet", data / "bfcl.parquet"]
    table = read_outcomes(files).for_models([tier.reference_model for tier in catalog.tiers])
    require_encoder(table, artifact.manifest.encoder_sha256)
    table = table.select(assign_split(table.group, artifact.manifest.split_seed) == "test")
    if artifact.promise is None or artifact.promise.by_topic is None:
        raise DataError(f"{artifact_directory}: knows no topics; calibrate it with 'make train'")
    predicted, _ = artifact.heads.run(table.vectors, table.features)
    columns = [artifact.tier_names.index(name) for name in catalog.tier_names]
    return Population(
        name="three tiers, zeroeval + bfcl test part",
        adequacy=predicted[:, columns].astype(np.float64),
        loss=realised_loss(table.quality >= catalog.adequate_quality),
        cost_usd=recorded_outcomes(table, catalog).cost_usd,
        topic=_names(artifact.promise.by_topic.topics, table),
        task=table.task,
    )


def routellm_pair(data: Path) -> tuple[OutcomeTable, OutcomeTable]:
    """Load MMLU and GSM8K of RouteLLM, weak model first, without its contaminated prompts."""
    table = read_outcomes(data / "routellm.parquet").for_models([WEAK_MODEL, STRONG_MODEL])
    table = table.select(table.flags == "")
    return table.select(table.task == "mmlu"), table.select(table.task == "gsm8k")


def split_mmlu(mmlu: OutcomeTable, seed: int) -> tuple[OutcomeTable, OutcomeTable]:
    """Split whole duplicate groups into at least ``MMLU_TRAINING_ROWS`` rows and the rest.

    Raises:
        DataError: there is no rest.
    """
    groups, inverse = np.unique(mmlu.group, return_inverse=True)
    order = np.random.default_rng(seed).permutation(groups.size)
    sizes = np.bincount(inverse)[order]
    wanted = np.searchsorted(np.cumsum(sizes), MMLU_TRAINING_ROWS) + 1
    training = np.isin(inverse, order[:wanted])
    if training.all():
        raise DataError(f"{len(mmlu)} MMLU rows leave none beside {MMLU_TRAINING_ROWS} to fit on")
    return mmlu.select(training), mmlu.select(~training)


def fit_pair(training: OutcomeTable, seed: int, farthest: float = FARTHEST) -> PairHeads:
    """Fit one head per model on vectors and text features, and clusters on the vectors."""
    inputs = _inputs(training)
    weak, strong = (
        fit_logistic(inputs, training.quality[:, column] >= ADEQUATE_QUALITY, RIDGE, farthest)
        for column in (0, 1)
    )
    names = tuple(f"c{number}" for number in range(MMLU_CLUSTERS))
    clusters = Topics(names, fit_clusters(training.vectors, MMLU_CLUSTERS, seed))
    return PairHeads(weak, strong, clusters)


def pair_population(name: str, table: OutcomeTable, heads: PairHeads) -> Population:
    """Predict for a table of the pair; cost counts calls of the strong model."""
    inputs = _inputs(table)
    return Population(
        name=name,
        adequacy=np.column_stack(
            (heads.weak.probability(inputs), heads.strong.probability(inputs))
        ),
        loss=realised_loss(table.quality >= ADEQUATE_QUALITY),
        cost_usd=np.tile((0.0, 1.0), (len(table), 1)),
        topic=_names(heads.clusters, table),
        task=table.task,
    )


def pairs(data: Path, seed: int, farthest: float = FARTHEST) -> list[tuple[Population, Population]]:
    """Fit the heads ``FITS`` times and return the rest of MMLU and GSM8K as each sees them."""
    mmlu, gsm8k = routellm_pair(data)
    populations = []
    for fit in range(seed, seed + FITS):
        training, rest = split_mmlu(mmlu, fit)
        heads = fit_pair(training, fit, farthest)
        populations.append(
            (pair_population("MMLU", rest, heads), pair_population("GSM8K", gsm8k, heads))
        )
    return populations


def _names(topics: Topics, table: OutcomeTable) -> StrArray:
    names: StrArray = np.array(topics.names)[topics.of(table.vectors)]
    return names


def _inputs(table: OutcomeTable) -> FloatArray:
    return np.hstack((table.vectors, table.features)).astype(np.float64)
