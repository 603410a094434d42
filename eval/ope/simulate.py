"""Off-policy estimates against known truth: many logs drawn from a table of full outcomes.

Every tier's outcome of every prompt is recorded, so the true mean of any policy is a plain mean.
Logs are drawn with replacement, all at once, and each is estimated as a real log would be.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from eval.ope.interval import asymptotic_bounds, resamples

_DRAWS = 400


@dataclass(frozen=True, slots=True)
class World:
    """A population of prompts with everything known.

    Attributes:
        outcome: (n, k) reward or cost of every action.
        predicted: (n, k) a model's prediction of it, made without these outcomes.
        propensity: (n, k) of the policy that logs.
        candidate: (n, k) probabilities of the policy to be estimated.
    """

    outcome: FloatArray
    predicted: FloatArray
    propensity: FloatArray
    candidate: FloatArray

    @property
    def truth(self) -> float:
        """The candidate's true mean outcome."""
        return float((self.candidate * self.outcome).sum(axis=1).mean())


@dataclass(frozen=True, slots=True)
class Performance:
    """How one estimator did over all logs.

    Attributes:
        estimator: Its name.
        effective_size: Mean effective number of decisions of a log.
        bias: Mean estimate minus truth.
        rmse: Root mean squared error.
        asymptotic: Share of logs whose asymptotic 95 % interval covers the truth.
        bootstrap: The same of the cluster bootstrap's.
        width: Mean width of the asymptotic interval.
    """

    estimator: str
    effective_size: float
    bias: float
    rmse: float
    asymptotic: float
    bootstrap: float
    width: float


def explore(greedy: FloatArray, epsilon: float) -> FloatArray:
    """Mix a policy (n, k) with uniform choice: epsilon-greedy propensities."""
    mixed: FloatArray = (1 - epsilon) * greedy + epsilon / greedy.shape[1]
    return mixed


def one_hot(choice: IntArray, actions: int) -> FloatArray:
    """Turn (n,) positions into (n, actions) probabilities 0 and 1."""
    return np.eye(actions)[choice]


def performance(
    world: World, clusters: int, repeats: int, logs: int, seed: int
) -> list[Performance]:
    """Draw logs and estimate each.

    Args:
        world: What is true.
        clusters: Clusters per log, each a prompt drawn with replacement.
        repeats: Decisions per cluster: the same prompt again, with its own draw of an action.
        logs: Number of logs.
        seed: Of all draws.
    """
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.integers(0, len(world.outcome), (logs, clusters)), repeats, axis=1)
    chance = rng.random(rows.shape)[..., None]
    action = (chance > np.cumsum(world.propensity, axis=1)[rows]).sum(axis=2)
    action = np.minimum(action, world.outcome.shape[1] - 1)
    weight = world.candidate[rows, action] / world.propensity[rows, action]
    outcome, predicted = world.outcome[rows, action], world.predicted[rows, action]
    model = (world.candidate * world.predicted).sum(axis=1)[rows]
    one = np.ones_like(weight)
    counts = resamples(clusters, _DRAWS, rng)
    size = float((weight.sum(axis=1) ** 2 / (weight**2).sum(axis=1)).mean())
    found = []
    for name, numerator, denominator in (
        ("ips", weight * outcome, one),
        ("snips", weight * outcome, weight),
        ("dr", model + weight * (outcome - predicted), one),
    ):
        above, below = (
            part.reshape(logs, clusters, repeats).sum(axis=2) for part in (numerator, denominator)
        )
        found.append(_judge(name, above, below, counts, world.truth, size))
    return found


def _judge(
    name: str,
    above: FloatArray,
    below: FloatArray,
    counts: FloatArray,
    truth: float,
    effective_size: float,
) -> Performance:
    estimate = above.sum(axis=1) / below.sum(axis=1)
    low, high = asymptotic_bounds(above, below)
    samples = (above @ counts.T) / (below @ counts.T)
    edges = np.quantile(samples, (0.025, 0.975), axis=1, method="inverted_cdf")
    return Performance(
        estimator=name,
        effective_size=effective_size,
        bias=float(estimate.mean() - truth),
        rmse=float(np.sqrt(((estimate - truth) ** 2).mean())),
        asymptotic=_covers(low, high, truth),
        bootstrap=_covers(edges[0], edges[1], truth),
        width=float((high - low).mean()),
    )


def _covers(low: FloatArray, high: FloatArray, truth: float) -> float:
    inside: BoolArray = (low <= truth) & (truth <= high)
    return float(inside.mean())
