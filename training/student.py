"""The student: one small network that gives what the chosen candidate and the lengths give.

A candidate of several boosters is accurate and slow: a thousand trees are walked for every prompt.
Here their outputs are distilled (Bucila, Caruana and Niculescu-Mizil 2006, "Model Compression";
Hinton, Vinyals and Dean 2015, arXiv 1503.02531) into a single hidden layer. The transfer inputs are
real ones, and real vectors with the text features of another prompt: without the latter the network
learns what a prompt is about and misses what it looks like (docs/decisions/0009). Which candidate
is distilled is ``training.candidates``; the graph is ``training.graph``.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from training.candidates import Candidate
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.last_layer import adequacy_of, calibrated, tokens_of
from training.lengths import Lengths
from training.members import clip, logit
from training.network import fold_scaling
from training.otherwise import Pairs

HIDDEN = 160
BOUND = 4.0
"""Inputs are cut at this many standard deviations: what lies beyond was never seen."""

TOLERANCE = 0.008
"""Validation log loss (nats) a student may lose against its teacher and still be exported.

What it loses is sharpness; its order of prompts was as good or better where both were compared
(docs/decisions/0013), and the promotion gate judges what is exported.
"""

_OWN_COPIES = 4
_MOST_TRANSFER = 40_000
_MOST_MIXED = 40_000
_MOST_MOVED = 40_000
_EPOCHS = (10, 3)
_RATES = (1e-3, 1e-4)
_RECORDED_COPIES = 2
_DECAY = 0.6


@dataclass(frozen=True, slots=True)
class Student:
    """relu(clip(inputs) @ hidden + hidden_bias), then a linear layer to 2 T numbers; all float32.

    Attributes:
        low: (d,) least value an input is read as.
        high: (d,) greatest.
        hidden: (d, H).
        hidden_bias: (H,).
        out: (H, 2 T): calibrated logits of adequacy, then log(1 + expected tokens).
        out_bias: (2 T,).
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    hidden: Float32Matrix
    hidden_bias: npt.NDArray[np.float32]
    out: Float32Matrix
    out_bias: npt.NDArray[np.float32]

    @property
    def tiers(self) -> int:
        """Number of tiers, T."""
        return len(self.out_bias) // 2

    def adequacy(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return calibrated P(adequate), float64 (n, T)."""
        return adequacy_of(self.outputs(inputs))

    def tokens(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return expected output tokens, float64 (n, T), >= 0."""
        return tokens_of(self.outputs(inputs))

    def outputs(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return logits of adequacy, then log(1 + expected tokens), float64 (n, 2 T)."""
        bounded = np.clip(inputs, self.low, self.high).astype(np.float64)
        hidden = np.maximum(bounded @ self.hidden + self.hidden_bias, 0.0)
        outputs: FloatMatrix = np.asarray(hidden @ self.out + self.out_bias, dtype=np.float64)
        return outputs


def distil(
    candidate: Candidate,
    lengths: Lengths,
    transfer: Float32Matrix,
    train: Examples,
    validation: Examples,
    *,
    dimension: int,
    seed: int,
    pairs: Pairs | None = None,
) -> Student:
    """Fit a student to what candidate and lengths say, then calibrate it on the validation part.

    Args:
        candidate: Teacher of adequacy.
        lengths: Teacher of output tokens.
        transfer: float32 (m, d), m >= 0: further inputs without labels, none of a held-out group;
            of more than 40,000 that many are drawn.
        train: Training part; only its inputs are used.
        validation: For Platt scaling and smearing, as for any candidate.
        dimension: Width of the vector part of the inputs.
        seed: Of mixing, of the first weights and of the order of rows.
        pairs: Prompts as they are and written otherwise. The student is asked to say of the latter
            what its teacher says of the former; None leaves that out.
    """
    generator = np.random.default_rng(seed)
    if len(transfer) > _MOST_TRANSFER:
        transfer = transfer[generator.choice(len(transfer), _MOST_TRANSFER, replace=False)]
    # The teacher has weighed the copies of the prior already: here a prompt is a prompt.
    own = np.unique(train.inputs, axis=0)
    real = np.concatenate([*[own] * _OWN_COPIES, transfer])
    inputs = np.concatenate([real, mixed(real, dimension, generator)])
    centre = own.mean(axis=0, dtype=np.float64)
    spread = own.std(axis=0, dtype=np.float64)
    varies = spread > 1e-6
    low = np.where(varies, centre - BOUND * spread, centre).astype(np.float32)
    high = np.where(varies, centre + BOUND * spread, centre).astype(np.float32)
    spread[~varies] = 1.0
    if pairs is not None:
        count = min(len(real), _MOST_MOVED)
        times = np.where(pairs.prompt_ids == "", 1, _RECORDED_COPIES)
        drawn = real[generator.integers(0, len(real), count)]
        before = np.concatenate([np.repeat(pairs.before, times, axis=0), drawn])
        moved = pairs.carry_over(drawn, generator)
        after = np.concatenate([np.repeat(pairs.after, times, axis=0), moved])
        taught, inputs = np.concatenate([inputs, before]), np.concatenate([inputs, after])
    else:
        taught = inputs
    target = np.hstack([logit(clip(candidate.adequacy(taught))), np.log1p(lengths.tokens(taught))])
    mean, scale = target.mean(axis=0), np.maximum(target.std(axis=0), 1e-6)
    network = _fit(
        ((np.clip(inputs, low, high) - centre) / spread).astype(np.float32),
        ((target - mean) / scale).astype(np.float32),
        seed,
    )
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    hidden, hidden_bias = fold_scaling(first, first_bias, centre, spread)
    raw = Student(
        low,
        high,
        hidden.astype(np.float32),
        hidden_bias.astype(np.float32),
        (second * scale).astype(np.float32),
        (second_bias * scale + mean).astype(np.float32),
    )
    out, out_bias = calibrated((raw.out, raw.out_bias), raw.outputs(validation.inputs), validation)
    return replace(raw, out=out, out_bias=out_bias)


def mixed(
    real: Float32Matrix, dimension: int, generator: np.random.Generator, most: int = _MOST_MIXED
) -> Float32Matrix:
    """Return vectors of some rows with the text features of others, as many as rows or ``most``."""
    count = min(len(real), most)
    joined = real[generator.integers(0, len(real), count)]
    joined[:, dimension:] = real[generator.integers(0, len(real), count), dimension:]
    return joined


def _fit(inputs: Float32Matrix, target: Float32Matrix, seed: int) -> MLPRegressor:
    network = MLPRegressor(
        hidden_layer_sizes=(HIDDEN,),
        alpha=_DECAY,
        batch_size=256,
        tol=0.0,
        n_iter_no_change=max(_EPOCHS),
        warm_start=True,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # The number of epochs is the stopping rule; it is not a failure to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for epochs, rate in zip(_EPOCHS, _RATES, strict=True):
            network.set_params(max_iter=epochs, learning_rate_init=rate)
            network.fit(inputs, target)
    return network
