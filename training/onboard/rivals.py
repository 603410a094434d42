"""Other ways to know a new model from few labels, kept to be compared with and not shipped.

Each takes the same labels and gives P(adequate) on other prompts. What ships is
``training.onboard.ability``; the comparison is ``training.onboard.curve``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from eval.arrays import FloatArray, IntArray
from training.labels import Float32Matrix
from training.members import clip, logit
from training.onboard.ability import BIAS_PRECISION, WEIGHT_PRECISION, fit_ability
from training.onboard.logistic import chances, fit_logistic

CLUSTERS = 30
_CLUSTER_LABELS = 5.0
_CLUSTER_DEVIATION = 0.3
_FEATURE_DEVIATION = 0.05


@dataclass(frozen=True, slots=True)
class Prompts:
    """What any method may know of n prompts without asking the new model.

    Attributes:
        known: (n, T) adequacy of the known tiers.
        cluster: (n,) number of the nearest of ``CLUSTERS`` centres of vectors.
        features: (n, f) text features, standardised.
    """

    known: FloatArray
    cluster: IntArray
    features: FloatArray

    def __getitem__(self, rows: IntArray) -> "Prompts":
        return Prompts(self.known[rows], self.cluster[rows], self.features[rows])


Method = Callable[[Prompts, FloatArray, Prompts], FloatArray]
"""Labelled prompts, their labels, other prompts -> P(adequate) of these, (n,)."""


def clusters_of(vectors: Float32Matrix, seed: int) -> IntArray:
    """Return the cluster of each vector (n, d); no outcome is looked at."""
    fitted = KMeans(min(CLUSTERS, len(vectors)), n_init=2, random_state=seed).fit(vectors)
    found: IntArray = fitted.labels_.astype(np.int64)
    return found


def model_mean(_: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Say the share of adequate labels of every prompt."""
    return np.full(len(others.known), (adequate.sum() + 1.0) / (len(adequate) + 2.0))


def nearest_tier(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Take the known tier whose adequacy fits the labels best, as it is."""
    return others.known[:, int(np.argmax(_fit_of_tiers(labelled, adequate)))]


def cluster_means(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Mean of each cluster, shrunk to the model's mean (UniRoute, arXiv 2502.08773, k-means)."""
    wide = max(int(labelled.cluster.max()), int(others.cluster.max())) + 1
    right = np.bincount(labelled.cluster, adequate, minlength=wide)
    asked = np.bincount(labelled.cluster, minlength=wide)
    mean = (adequate.sum() + 1.0) / (len(adequate) + 2.0)
    shrunk: FloatArray = (right + _CLUSTER_LABELS * mean) / (asked + _CLUSTER_LABELS)
    return shrunk[others.cluster]


def item_response(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Ask what ships."""
    return fit_ability(labelled.known, adequate).adequacy(others.known)


def with_clusters(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Item response, and an offset for each cluster."""
    wide = max(int(labelled.cluster.max()), int(others.cluster.max())) + 1
    return _mixture(
        (labelled.known, np.eye(wide)[labelled.cluster]),
        adequate,
        (others.known, np.eye(wide)[others.cluster]),
        _CLUSTER_DEVIATION,
    )


def with_features(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Item response, and a weight for each text feature."""
    return _mixture(
        (labelled.known, labelled.features),
        adequate,
        (others.known, others.features),
        _FEATURE_DEVIATION,
    )


def prior_at_nearest(labelled: Prompts, adequate: FloatArray, others: Prompts) -> FloatArray:
    """Item response whose prior is the nearest tier as it is, not the mean of all."""
    nearest = int(np.argmax(_fit_of_tiers(labelled, adequate)))
    none = np.zeros((len(labelled.known), 0)), np.zeros((len(others.known), 0))
    centre = np.eye(labelled.known.shape[1])[nearest]
    return _mixture(
        (labelled.known, none[0]), adequate, (others.known, none[1]), 1.0, weights=centre
    )


METHODS: dict[str, Method] = {
    "model mean": model_mean,
    "nearest tier as it is": nearest_tier,
    "cluster means": cluster_means,
    "item response": item_response,
    "item response and clusters": with_clusters,
    "item response and features": with_features,
}
ALSO_CHOSEN_FROM: dict[str, Method] = {"prior at the nearest tier": prior_at_nearest}
"""Tried on the choosing models only."""


def _fit_of_tiers(labelled: Prompts, adequate: FloatArray) -> FloatArray:
    """Return the log likelihood of the labels under each known tier, (T,)."""
    kept = clip(labelled.known)
    likelihood: FloatArray = adequate @ np.log(kept) + (1.0 - adequate) @ np.log1p(-kept)
    return likelihood


def _mixture(
    labelled: tuple[FloatArray, FloatArray],
    adequate: FloatArray,
    others: tuple[FloatArray, FloatArray],
    deviation: float,
    weights: FloatArray | None = None,
) -> FloatArray:
    tiers, extra = labelled[0].shape[1], labelled[1].shape[1]
    mean = np.full(tiers, 1.0 / tiers) if weights is None else weights
    centre = np.concatenate([mean, np.zeros(1 + extra)])
    precision = np.concatenate(
        [
            np.full(tiers, WEIGHT_PRECISION),
            [BIAS_PRECISION],
            np.full(extra, 1.0 / deviation**2),
        ]
    )
    designs = [
        np.column_stack([logit(clip(known)), np.ones(len(known)), more])
        for known, more in (labelled, others)
    ]
    fitted = fit_logistic(designs[0], adequate, centre, precision)
    return chances(designs[1] @ fitted.coefficients)
