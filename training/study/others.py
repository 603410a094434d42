"""Members that were tried on the default tiers and are not in ``training.candidates``.

Each is a function from a fold's training rows to something with ``probabilities``; what each one
gave stands in docs/learning.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from training.descent import SharedSettings
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.members import TreeSettings, clip, fit_booster, fit_stack, logit, raw_scores, sigmoid
from training.network import Network, NetworkSettings, fit_network
from training.shared import Shared, fit_shared
from training.shared_rows import Outcomes, outcome_rows
from training.study.ability import smoothed

_NEIGHBOURS = 200
_CLUSTERS = 60
_STRENGTH = 20.0
"""How many prompts of the overall mean a cluster's mean is shrunk by."""

_TREES = (TreeSettings(), TreeSettings(columns=0.4, features_only=True))


class Predictor(Protocol):
    """Anything that gives a probability per tier."""

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        ...


@dataclass(frozen=True, slots=True)
class Training:
    """A fold's training rows.

    Attributes:
        examples: With the prior.
        outcomes: (n, m) quality of every model, NaN where unknown and on the prior's rows.
        tiers: (T,) columns of the tiers' reference models.
        everywhere: Outcomes of all sources outside the duplicate groups of the other two parts; the
            training rows are among them, the prior's are not.
        dimension: Width of the vector part of the inputs.
        seed: Of everything drawn.
    """

    examples: Examples
    outcomes: FloatMatrix
    tiers: tuple[int, ...]
    everywhere: Outcomes
    dimension: int
    seed: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Means of the rows near a prompt: its nearest neighbours, or its cluster."""

    vectors: Float32Matrix
    values: FloatMatrix
    nearest: int

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        closeness = inputs[:, : self.vectors.shape[1]] @ self.vectors.T
        chosen = np.argpartition(-closeness, self.nearest - 1, axis=1)[:, : self.nearest]
        means: FloatMatrix = self.values[chosen].mean(axis=1)
        return means


@dataclass(frozen=True, slots=True)
class Gains:
    """Boosters of the top tier's adequacy and of what it gains over each lower tier."""

    boosters: tuple[lgb.Booster, ...]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        scores = raw_scores(self.boosters, inputs)
        return clip(np.column_stack([scores[:, -1:] - scores[:, :-1], scores[:, -1]]))


def neighbours(known: Training) -> Predictor:
    """Mean peer quality of the 200 nearest prompts."""
    vectors = known.examples.inputs[:, : known.dimension]
    return Lookup(vectors, known.examples.peer_quality, min(_NEIGHBOURS, len(vectors)))


def clusters(known: Training) -> Predictor:
    """Mean adequacy of the prompt's cluster out of 60, shrunk to the overall mean."""
    vectors = known.examples.inputs[:, : known.dimension]
    found = KMeans(_CLUSTERS, n_init=1, random_state=known.seed).fit(vectors)
    overall = known.examples.adequate.mean(axis=0)
    values = []
    for cluster in range(_CLUSTERS):
        inside = known.examples.adequate[found.labels_ == cluster]
        values.append((inside.sum(axis=0) + _STRENGTH * overall) / (len(inside) + _STRENGTH))
    centres = found.cluster_centers_
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    return Lookup(centres.astype(np.float32), np.array(values), 1)


def gains(known: Training) -> Predictor:
    """Model what the top tier gains over each lower one, rather than each tier by itself."""
    adequate = known.examples.adequate
    targets = [*(adequate[:, -1] - lower for lower in adequate.T[:-1]), adequate[:, -1]]
    return Gains(
        tuple(
            fit_booster(known.examples.inputs, target, known.dimension, _TREES[0], known.seed)
            for target in targets
        )
    )


def ability(known: Training) -> Predictor:
    """A stack whose targets are smoothed by an item-response model of all models' outcomes."""
    targets = smoothed(known.outcomes, known.tiers, known.examples.peer_quality)
    return fit_stack(
        replace(known.examples, peer_quality=targets), known.dimension, _TREES, known.seed
    )


def peer_network(known: Training) -> Predictor:
    """The shipped network's shape, but distilling peer quality halfway into the labels."""
    targets = (known.examples.adequate + known.examples.peer_quality) / 2
    return _regressed(known.examples.inputs, targets, known.examples.inputs, known.seed, epochs=25)


@dataclass(frozen=True, slots=True)
class Learnt:
    """The shared network as it has learnt, not settled; ``tiers`` of its outputs are asked for."""

    network: Shared
    tiers: int

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        return sigmoid(self.network.outputs(inputs)[:, : self.tiers])


def shared(known: Training) -> Learnt:
    """One network on the outcomes of all models on all sources, and on the prior."""
    own: npt.NDArray[np.bool_] = np.asarray(np.isnan(known.outcomes).all(axis=1))
    rows = outcome_rows(known.everywhere, known.examples.select(own) if own.any() else None)
    network = fit_shared(
        rows, dimension=known.dimension, settings=SharedSettings(), seed=known.seed
    )
    return Learnt(network, known.everywhere.tiers)


@dataclass(frozen=True, slots=True)
class _Regressed:
    scaler: StandardScaler
    network: MLPRegressor

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        return sigmoid(self.network.predict(np.clip(self.scaler.transform(inputs), -3.0, 3.0)))


def _regressed(
    inputs: Float32Matrix,
    targets: FloatMatrix,
    own: Float32Matrix,
    seed: int,
    *,
    epochs: int,
) -> Predictor:
    """Fit one hidden layer of 128 to the logits of targets, by squared error."""
    scaler = StandardScaler().fit(own)
    near = np.clip(scaler.transform(inputs), -3.0, 3.0)
    network = MLPRegressor(
        hidden_layer_sizes=(128,),
        alpha=0.001,
        learning_rate_init=0.002,
        batch_size=256,
        random_state=seed,
    )
    generator = np.random.default_rng(seed)
    for _ in range(epochs):  # partial_fit does one pass and does not complain that it is not enough
        order: npt.NDArray[np.intp] = generator.permutation(len(near))
        network.partial_fit(near[order], logit(clip(targets))[order])
    return _Regressed(scaler, network)


def _network(settings: NetworkSettings) -> Callable[[Training], Network]:
    return lambda known: fit_network(known.examples, settings, known.seed)


OTHERS: dict[str, Callable[[Training], Predictor]] = {
    "neighbours": neighbours,
    "clusters": clusters,
    "gains": gains,
    "ability": ability,
    "network, penalty 3": _network(NetworkSettings(penalty=3.0)),
    "network, penalty 30": _network(NetworkSettings(penalty=30.0)),
    "network, penalty 100": _network(NetworkSettings(penalty=100.0)),
    "network, 25 passes": _network(NetworkSettings(penalty=3.0, epochs=25)),
    "peer network": peer_network,
    "shared": shared,
}
