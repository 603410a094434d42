"""How sure an ability profile is: every label judged by a profile that has not seen its group.

Mean adequacy, calibration error and gain over the plain mean, each with an interval by duplicate
group. Which prompts are least sure is told by the profile's own posterior.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from eval.arrays import FloatArray, StrArray
from eval.bootstrap import DRAWS, Interval, percentile_interval, resample_weights
from eval.calibration import expected_calibration_error, reliability_bins
from training.candidates import row_losses
from training.onboard.ability import fit_ability

_FOLDS = 10
_PROMPTS_PER_BIN = 20
_MOST_BINS = 15


@dataclass(frozen=True, slots=True)
class Certainty:
    """What is known of a profile from its own labels.

    Attributes:
        mean_adequacy: Share of adequate answers among the labels.
        ece: Expected calibration error of predictions that have not seen the prompt's group.
        ece_if_calibrated: Mean error that many labels would show if the predictions were exactly
            right: what of ``ece`` is noise.
        gain_over_mean: Log loss of the plain mean minus that of the profile, nats; above 0 the
            profile tells prompts apart.
        predicted: (n,) the cross-fitted predictions these rest on.
    """

    mean_adequacy: Interval
    ece: Interval
    ece_if_calibrated: float
    gain_over_mean: Interval
    predicted: FloatArray


def certainty(known: FloatArray, adequate: FloatArray, groups: StrArray, seed: int) -> Certainty:
    """Cross-fit the profile within the labels.

    Args:
        known: (n, T) adequacy of the known tiers.
        adequate: (n,) 0 or 1.
        groups: (n,) duplicate groups, at least 2 distinct ones.
        seed: Of folds and resampling.
    """
    folds = GroupKFold(min(_FOLDS, len(np.unique(groups))), shuffle=True, random_state=seed)
    predicted, plain = np.empty(len(adequate)), np.empty(len(adequate))
    for inside, outside in folds.split(known, groups=groups):
        ability = fit_ability(known[inside], adequate[inside])
        predicted[outside] = ability.adequacy(known[outside])
        plain[outside] = ability.mean
    weights = resample_weights(groups, DRAWS, seed)
    gain = row_losses(plain[:, None], adequate[:, None]) - row_losses(
        predicted[:, None], adequate[:, None]
    )
    rng = np.random.default_rng(seed)
    bins = int(np.clip(len(adequate) // _PROMPTS_PER_BIN, 2, _MOST_BINS))
    names, place = np.unique(groups, return_inverse=True)
    drawn = []
    for _ in range(DRAWS // 4):
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[place]
        rows = np.repeat(np.arange(len(adequate)), counts)
        drawn.append(_error(predicted[rows], adequate[rows], bins))
    noise = [
        _error(predicted, (rng.random(len(predicted)) < predicted).astype(np.float64), bins)
        for _ in range(DRAWS // 4)
    ]
    return Certainty(
        mean_adequacy=percentile_interval(float(adequate.mean()), weights @ adequate),
        ece=percentile_interval(_error(predicted, adequate, bins), np.array(drawn)),
        ece_if_calibrated=float(np.mean(noise)),
        gain_over_mean=percentile_interval(float(gain.mean()), weights @ gain),
        predicted=predicted,
    )


def _error(predicted: FloatArray, adequate: FloatArray, bins: int) -> float:
    return expected_calibration_error(reliability_bins(predicted, adequate, "equal_mass", bins))
