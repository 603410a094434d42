"""The shared network as heads: adequacy and output length per tier, calibrated.

First it learns every outcome of every source. Then it settles: started from what it learnt, it is
taught the mean of its own answers and a fitted candidate's, for prompts as they are and written
otherwise, and the length heads' answers beside them, so that one small network gives all (Bucila,
Caruana and Niculescu-Mizil 2006; Hinton, Vinyals and Dean 2015, arXiv 1503.02531). Which rows is
``training.shared_rows``, the graph ``training.shared_graph``.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.candidates import Candidate, fit_calibration
from training.descent import SharedSettings
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.last_layer import Layer, adequacy_of, calibrated, tokens_of
from training.lengths import Lengths
from training.members import sigmoid
from training.network import fold_scaling
from training.otherwise import Pairs
from training.shared import REACH, Scale, Shared, fit_shared
from training.shared_rows import Outcomes, outcome_rows, settled_rows, settling

LEARN = SharedSettings(networks=2)
SETTLE = SharedSettings(networks=2, passes=4, rate=1e-3, input_dropout=0.0, dropout=0.0, moved=0.5)
_LEAST_STEPS = 1000
_MOST_PASSES = 60
_FAR = 1e4
"""Bound of the unit vector's numbers in place of infinity, which the graph need not know."""


@dataclass(frozen=True, slots=True)
class SharedHeads:
    """Networks of two rectified layers beside each other, then one linear layer to 2 T numbers.

    Attributes:
        low: float32 (d,), least value an input is read as.
        high: float32 (d,), greatest.
        networks: Rectified layers of each network: weights float32 (inputs, units), bias (units,).
        out: On the last layers of all networks, one after the other: float32 (units, 2 T) and
            (2 T,), calibrated logits of adequacy, then log(1 + expected tokens).
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    networks: tuple[tuple[Layer, ...], ...]
    out: Layer

    @property
    def tiers(self) -> int:
        """Number of tiers, T."""
        return len(self.out[1]) // 2

    def adequacy(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return calibrated P(adequate), float64 (n, T)."""
        return adequacy_of(self.outputs(inputs))

    def tokens(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return expected output tokens, float64 (n, T), >= 0."""
        return tokens_of(self.outputs(inputs))

    def outputs(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return logits of adequacy, then log(1 + expected tokens), float64 (n, 2 T)."""
        bounded = np.clip(inputs, self.low, self.high).astype(np.float64)
        last = []
        for layers in self.networks:
            values: FloatMatrix = bounded
            for weights, bias in layers:
                values = np.maximum(values @ weights + bias, 0.0)
            last.append(values)
        outputs: FloatMatrix = np.hstack(last) @ self.out[0] + self.out[1]
        return outputs


def fit_shared_heads(
    outcomes: Outcomes,
    prior: Examples | None,
    teacher: Candidate,
    lengths: Lengths,
    train: Examples,
    validation: Examples,
    *,
    dimension: int,
    seed: int,
    pairs: Pairs | None = None,
) -> SharedHeads:
    """Learn, settle, and calibrate on the validation part.

    Args:
        outcomes: Of every source, none of a held-out or validation group.
        prior: Examples of the prior; None leaves it out.
        teacher: Its adequacy is half of what the network settles on.
        lengths: Teacher of output tokens.
        train: Training part with the prior; only its inputs are used.
        validation: For Platt scaling and smearing, as for any candidate.
        dimension: Width of the vector part of the inputs.
        seed: Of weights, order, dropout and changes.
        pairs: Prompts as they are and written otherwise; None leaves them out.
    """
    rows = outcome_rows(outcomes, prior)
    learnt = fit_shared(
        rows, dimension=dimension, settings=_long_enough(LEARN, len(rows.inputs)), seed=seed
    )
    own = sigmoid(learnt.outputs(validation.inputs)[:, : outcomes.tiers])
    calibration = fit_calibration(own, validation.adequate)
    prompts = settling(
        outcomes, train, pairs, dimension=dimension, generator=np.random.default_rng(seed)
    )
    own = calibration.apply(sigmoid(learnt.outputs(prompts.before)[:, : outcomes.tiers]))
    adequacy = (own + teacher.adequacy(prompts.before)) / 2.0
    logs = np.log1p(lengths.tokens(prompts.before))
    mean, spread = logs.mean(axis=0), np.maximum(logs.std(axis=0), 1e-6)
    taught = settled_rows(prompts, adequacy, (logs - mean) / spread)
    settled = fit_shared(
        taught,
        dimension=dimension,
        settings=_long_enough(SETTLE, len(taught.inputs)),
        seed=seed + 1,
        otherwise=None if pairs is None else pairs.carry_over,
        start=_with_lengths(learnt, outcomes.tiers),
    )
    raw = _merged(settled, mean, spread)
    return replace(raw, out=calibrated(raw.out, raw.outputs(validation.inputs), validation))


def _long_enough(settings: SharedSettings, rows: int) -> SharedSettings:
    """Return settings with more passes where few rows would make few steps."""
    steps = -(-rows // settings.batch)
    passes = min(_MOST_PASSES, -(-_LEAST_STEPS // steps))
    return replace(settings, passes=max(settings.passes, passes))


def _with_lengths(learnt: Shared, tiers: int) -> Shared:
    """Return the networks with the tiers' outputs and as many for lengths, which say 0 yet."""
    networks = []
    for *hidden, weights, bias in learnt.networks:
        outputs = [np.hstack([one[:, :tiers], 0.0 * one[:, :tiers]]) for one in (weights, bias)]
        networks.append((*hidden, *outputs))
    return Shared(learnt.scale, tuple(networks))


def _merged(settled: Shared, mean: FloatMatrix, spread: FloatMatrix) -> SharedHeads:
    """Fold scales into first and last layers, and the mean of the networks into one last layer."""
    scale, count, tiers = settled.scale, len(settled.networks), len(mean)
    networks = []
    for network in settled.networks:
        layers = [
            (network[place].astype(np.float64), network[place + 1][0].astype(np.float64))
            for place in range(0, len(network) - 2, 2)
        ]
        layers[0] = fold_scaling(*layers[0], scale.mean, scale.spread)
        networks.append(tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in layers))
    by = np.concatenate([np.ones(tiers), spread])
    to = np.concatenate([np.zeros(tiers), mean])
    weights = np.vstack([one[-2] for one in settled.networks]) / count * by
    bias = np.mean([one[-1][0] for one in settled.networks], axis=0) * by + to
    low, high = _bounds(scale)
    return SharedHeads(
        low, high, tuple(networks), (weights.astype(np.float32), bias.astype(np.float32))
    )


def _bounds(scale: Scale) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    reach = np.where(np.isinf(scale.reach), _FAR, REACH) * scale.spread
    return (scale.mean - reach).astype(np.float32), (scale.mean + reach).astype(np.float32)
