"""A new model's adequacy from that of the known tiers: an item-response profile.

A prompt's difficulty is what the known heads say of it, as logits; a model's ability is a bias and
one weight per known tier (a linear form of the two-parameter logistic model, Birnbaum 1968; as a
router IRT-Router, arXiv 2506.01048). The weights are pulled towards the plain mean of the known
tiers, so that few labels mostly move the bias. What else was tried is in docs/onboarding.md.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from router.errors import TrainingError
from training.members import clip, logit
from training.onboard.logistic import Posterior, chances, fit_logistic

FEWEST_LABELS = 50
WEIGHT_PRECISION = 30.0
"""Of the prior of each weight; chosen on other models than those reported."""
BIAS_PRECISION = 0.05


@dataclass(frozen=True, slots=True)
class Ability:
    """P(adequate) = sigmoid(logit(known adequacy) @ weights + bias).

    Attributes:
        posterior: Of the weights and the bias, (T + 1,), the bias last.
        mean: Share of adequate labels, with one adequate and one inadequate added.
        labels: How many labels it rests on.
    """

    posterior: Posterior
    mean: float
    labels: int

    @property
    def weights(self) -> FloatArray:
        """Return the weights, (T,)."""
        return self.posterior.coefficients[:-1]

    @property
    def bias(self) -> float:
        """Return the bias."""
        return float(self.posterior.coefficients[-1])

    def adequacy(self, known: FloatArray) -> FloatArray:
        """Return P(adequate), (n,), from the known tiers' adequacy (n, T)."""
        return chances(_design(known) @ self.posterior.coefficients)

    def deviation(self, known: FloatArray) -> FloatArray:
        """Return the standard deviation of P(adequate), (n,): how unsure the profile is of it.

        It is that of the profile's own numbers (delta method), not of an answer.
        """
        chance = self.adequacy(known)
        spread: FloatArray = self.posterior.deviation(_design(known)) * chance * (1.0 - chance)
        return spread


def fit_ability(known: FloatArray, adequate: FloatArray) -> Ability:
    """Fit a profile to any number of labels; with none it is the mean of the known tiers.

    Args:
        known: (n, T) adequacy the known heads predict, in [0, 1].
        adequate: (n,) 1.0 where the new model was adequate, else 0.0.
    """
    tiers = known.shape[1]
    centre = np.append(np.full(tiers, 1.0 / tiers), 0.0)
    precision = np.append(np.full(tiers, WEIGHT_PRECISION), BIAS_PRECISION)
    posterior = fit_logistic(_design(known), adequate, centre, precision)
    mean = float((adequate.sum() + 1.0) / (len(adequate) + 2.0))
    return Ability(posterior, mean, len(adequate))


def require_labels(count: int, model: str, fewest: int = FEWEST_LABELS) -> None:
    """Refuse fewer labels than are needed.

    Raises:
        TrainingError: fewer than ``fewest``.
    """
    if count < fewest:
        raise TrainingError(
            f"{count} prompts with an outcome of {model!r} are left, at least {fewest} are needed "
            "for an ability profile: add labels",
            reason="TOO_FEW_EXAMPLES",
        )


def _design(known: FloatArray) -> FloatArray:
    scores = logit(clip(known.astype(np.float64)))
    return np.column_stack([scores, np.ones(len(scores))])
