"""Small networks on many targets at once, most of them unknown on any one row.

Sources were answered by different models (Caruana 1997, "Multitask Learning": what they need in
common is learnt from all of them). Each known target counts what is asked for it; an unknown one
counts nothing. The descent is ``training.descent``, which rows are given ``training.shared_rows``.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from eval.arrays import FloatArray
from training.descent import Network, Rows, SharedSettings, descend, forward, start_of
from training.labels import Float32Matrix, FloatMatrix

REACH = 3.0
"""Standardised features are kept within this many standard deviations."""

Otherwise = Callable[[Float32Matrix, np.random.Generator], Float32Matrix]
"""Inputs (m, d) as they would be, were the prompts written otherwise."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Text features standardised and bounded; the unit vector made numbers of about one.

    Standardised, the vector's least components, which are mostly noise, would weigh as much as
    its first. All are (d,).
    """

    mean: FloatArray
    spread: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, inputs: Float32Matrix, dimension: int) -> "Scale":
        """Measure inputs (n, d) whose first ``dimension`` columns are the vector."""
        scaler = StandardScaler().fit(inputs[:, dimension:])
        mean = np.concatenate([np.zeros(dimension), scaler.mean_])
        spread = np.concatenate([np.full(dimension, dimension**-0.5), scaler.scale_])
        # What never varied was not learnt from: whatever it becomes, it is read as it was.
        varies = np.concatenate([np.ones(dimension, dtype=bool), scaler.var_ > 1e-12])
        reach = np.where(varies, REACH, 0.0)
        reach[:dimension] = np.inf
        return cls(mean, spread, reach)

    def apply(self, inputs: Float32Matrix) -> Float32Matrix:
        """Return scaled inputs, float32 (n, d)."""
        scaled = np.clip((inputs - self.mean) / self.spread, -self.reach, self.reach)
        return scaled.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Shared:
    """Fitted networks of one shape."""

    scale: Scale
    networks: tuple[Network, ...]

    def outputs(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return the networks' mean output: logits, then numbers, float64 (n, k)."""
        near = self.scale.apply(inputs)
        said = [forward(near, network).astype(np.float64) for network in self.networks]
        mean: FloatMatrix = np.mean(said, axis=0)
        return mean


def fit_shared(
    rows: Rows,
    *,
    dimension: int,
    settings: SharedSettings,
    seed: int,
    otherwise: Otherwise | None = None,
    start: Shared | None = None,
) -> Shared:
    """Fit networks to the known targets.

    Args:
        rows: Inputs with targets.
        dimension: Width of the vector part of the inputs.
        settings: Sizes and steps.
        seed: Of weights, order and dropout.
        otherwise: Gives the inputs of the share ``settings.moved`` of the rows, anew in each pass;
            their targets stay. None leaves every row as it is.
        start: Networks with k outputs to go on from; None starts from small random weights.
    """
    scale = Scale.of(rows.inputs, dimension) if start is None else start.scale
    near = scale.apply(rows.inputs)
    widths = (near.shape[1], *settings.hidden, rows.targets.shape[1])
    seen = _Seen(rows.inputs, near, scale, otherwise, settings.moved).in_a_pass

    def fit_one(number: int) -> Network:
        generator = np.random.default_rng((seed, number))
        first = start_of(widths, generator) if start is None else start.networks[number]
        return descend([one.copy() for one in first], rows, seen, settings, generator)

    # Sums of products come out otherwise when more threads share them, so each network has one.
    with threadpool_limits(1), ThreadPoolExecutor(settings.networks) as pool:
        return Shared(scale, tuple(pool.map(fit_one, range(settings.networks))))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The rows as the passes see them."""

    inputs: Float32Matrix
    near: Float32Matrix
    scale: Scale
    otherwise: Otherwise | None
    moved: float

    def in_a_pass(self, generator: np.random.Generator) -> Float32Matrix:
        """Return scaled inputs (n, d), some of them written otherwise."""
        if self.otherwise is None:
            return self.near
        moved = np.flatnonzero(generator.random(len(self.near)) < self.moved)
        seen = self.near.copy()
        seen[moved] = self.scale.apply(self.otherwise(self.inputs[moved], generator))
        return seen
