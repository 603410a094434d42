"""Candidates: which members are joined, fitted on one part and compared on another.

A candidate's adequacy is the mean of its members' probabilities, mapped by one Platt scaling per
tier (Platt 1999) fitted on the validation part. The candidate with the least mean log loss there
is chosen, and of those that cannot be told from it the one that averages most; the held-out part is
never looked at here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from router.errors import TrainingError
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.members import (
    Linear,
    Stack,
    Trees,
    TreeSettings,
    clip,
    fit_linear,
    fit_stack,
    fit_trees,
    logit,
    sigmoid,
)
from training.network import Network, NetworkSettings, fit_network

Member = Linear | Trees | Stack | Network

_ALL = TreeSettings()
_SHAPE = TreeSettings(columns=0.4, features_only=True)
_STRENGTH = 0.003

CANDIDATES: dict[str, tuple[str, ...]] = {
    "logistic": ("linear",),
    "lightgbm": ("trees", "shape trees"),
    "mixture": ("linear", "trees", "shape trees"),
    "stack": ("stack",),
    "stack mixture": ("stack", "stack", "trees", "shape trees"),
    "network mixture": ("stack", "stack", "trees", "shape trees", "network", "network"),
}
"""Members of each candidate, those that average more learners later; one named twice counts twice.

Of candidates whose validation losses differ by less than a standard error the later one is taken:
averages vary less from sample to sample.
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """sigmoid(slope * logit(p) + offset) per tier; both float32 (T,)."""

    slope: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]

    def apply(self, probabilities: FloatMatrix) -> FloatMatrix:
        """Map probabilities (n, T) to calibrated ones."""
        return sigmoid(self.slope * logit(clip(probabilities)) + self.offset)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted, calibrated candidate."""

    name: str
    members: tuple[Member, ...]
    calibration: Calibration

    def adequacy(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return calibrated P(adequate), float64 (n, T)."""
        return self.calibration.apply(mean_probabilities(self.members, inputs))


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen candidate and what every candidate scored on the validation part."""

    chosen: Candidate
    log_loss: dict[str, float]


def fit_and_choose(
    train: Examples,
    validation: Examples,
    *,
    dimension: int,
    seed: int,
    only: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Fit every candidate's members once, calibrate, and choose on the validation part.

    Args:
        train: Members are fitted here.
        validation: Calibration is fitted and the choice made here.
        dimension: Width of the vector part of the inputs.
        seed: Of bagging, column sampling and inner folds.
        only: Fit just this candidate.
        progress: Told what happens.

    Raises:
        TrainingError: ``only`` names no candidate, or a part is empty.
    """
    if only is not None and only not in CANDIDATES:
        raise TrainingError(f"candidate {only!r} given, must be one of {sorted(CANDIDATES)}")
    wanted = (only,) if only else tuple(CANDIDATES)
    candidates = fit_candidates(
        wanted, train, validation, dimension=dimension, seed=seed, progress=progress
    )
    losses = {
        candidate.name: log_loss(candidate.adequacy(validation.inputs), validation.adequate)
        for candidate in candidates
    }
    for name, loss in losses.items():
        progress(f"validation log loss {loss:.4f}  {name}")
    return Choice(_best(candidates, validation), losses)


def fit_candidates(
    names: Sequence[str],
    train: Examples,
    validation: Examples,
    *,
    dimension: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Candidate]:
    """Fit candidates of ``CANDIDATES``, each member once, and calibrate them.

    Arguments are those of ``fit_and_choose``.

    Raises:
        TrainingError: a part is empty.
    """
    if not len(train) or not len(validation):
        raise TrainingError(
            f"{len(train)} training and {len(validation)} validation examples; both parts need "
            "some: add outcomes or change the split's seed"
        )
    wanted = {name: CANDIDATES[name] for name in names}
    fitted: dict[str, Member] = {}
    for name in dict.fromkeys(member for members in wanted.values() for member in members):
        progress(f"fitting {name}")
        fitted[name] = fit_member(name, train, dimension, seed)
    candidates = []
    for name, members in wanted.items():
        joined = tuple(fitted[member] for member in members)
        calibration = fit_calibration(
            mean_probabilities(joined, validation.inputs), validation.adequate
        )
        candidates.append(Candidate(name, joined, calibration))
    return candidates


def _best(candidates: list[Candidate], validation: Examples) -> Candidate:
    rows = [row_losses(one.adequacy(validation.inputs), validation.adequate) for one in candidates]
    least = min(rows, key=lambda loss: float(loss.mean()))
    tied = [
        candidate
        for candidate, loss in zip(candidates, rows, strict=True)
        if (loss - least).mean() <= (loss - least).std() / np.sqrt(len(least))
    ]
    return tied[-1]


def fit_member(name: str, train: Examples, dimension: int, seed: int) -> Member:
    """Fit one of the members that ``CANDIDATES`` names."""
    match name:
        case "linear":
            return fit_linear(train, strength=_STRENGTH)
        case "trees":
            return fit_trees(train, dimension, _ALL, seed)
        case "shape trees":
            return fit_trees(train, dimension, _SHAPE, seed)
        case "network":
            return fit_network(train, NetworkSettings(), seed)
        case _:
            return fit_stack(train, dimension, (_ALL, _SHAPE), seed)


def mean_probabilities(members: tuple[Member, ...], inputs: Float32Matrix) -> FloatMatrix:
    """Return the mean of the members' probabilities, float64 (n, T)."""
    parts = {id(member): member.probabilities(inputs) for member in members}
    mean: FloatMatrix = np.mean([parts[id(member)] for member in members], axis=0)
    return mean


def fit_calibration(probabilities: FloatMatrix, adequate: FloatMatrix) -> Calibration:
    """Fit Platt scaling per tier; a tier with one class only is left as it is."""
    slope = np.ones(adequate.shape[1], dtype=np.float32)
    offset = np.zeros(adequate.shape[1], dtype=np.float32)
    scores = logit(clip(probabilities))
    for tier, labels in enumerate(adequate.T):
        if labels.min() == labels.max():
            continue
        fitted = LogisticRegression(C=10.0).fit(scores[:, [tier]], labels)
        # A negative slope would turn the ranking round: that is noise, not calibration.
        slope[tier] = max(float(fitted.coef_[0, 0]), 0.05)
        offset[tier] = fitted.intercept_[0]
    return Calibration(slope, offset)


def log_loss(probabilities: FloatMatrix, adequate: FloatMatrix) -> float:
    """Return the mean log loss over rows and tiers, in nats."""
    return float(row_losses(probabilities, adequate).mean())


def row_losses(probabilities: FloatMatrix, adequate: FloatMatrix) -> npt.NDArray[np.float64]:
    """Return the log loss of each row, the mean over its tiers, in nats: float64 (n,)."""
    kept = clip(probabilities)
    losses = -(adequate * np.log(kept) + (1.0 - adequate) * np.log1p(-kept))
    mean: npt.NDArray[np.float64] = losses.mean(axis=1)
    return mean
