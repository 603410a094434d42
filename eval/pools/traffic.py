"""Traffic, and traffic that is made up: kinds of requests, and how many come when.

All of it is work for which the pool's model is adequate; harder requests have one way to go under
every price and say nothing here. Lengths are lognormal around the mean of their kind, and a router
knows an expectation, not the length.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from router.deferred.ways import Deadline


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one sort.

    Attributes:
        name: Of the sort.
        share: Of all requests.
        input_tokens: Mean.
        output_tokens: Mean.
        is_easy: The small API is adequate, too.
    """

    name: str
    share: float
    input_tokens: float
    output_tokens: float
    is_easy: bool


KINDS = (
    Kind("classify", 0.30, 600, 60, is_easy=True),
    Kind("chat", 0.30, 500, 350, is_easy=True),
    Kind("summarise", 0.12, 3000, 350, is_easy=False),
    Kind("retrieve", 0.13, 6000, 250, is_easy=False),
    Kind("code", 0.15, 1200, 900, is_easy=False),
)
_DAY_S = 3600.0  # a day, twenty-four times as fast as it is
_BURSTS = 3
_SPREAD = 0.6  # of the logarithm of a length
_PREDICTED = 0.4  # of the logarithm of what the router expects, around the truth's expectation


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests in the order in which they come; arrays are (n,), or (n, T) over T tiers.

    Attributes:
        at: Seconds from the beginning.
        input_tokens: True, and known.
        output_tokens: (n, T), true, by tier.
        expected_output: (n, T), what a router expects.
        adequacy: (n, T), as a router predicts it.
        router: Which of the routers it comes to.
        seconds: How long the traffic lasts.
        allowed: (n, T), whether the request's hard constraints leave the tier; None: always.
        session: Number of the request's session, below 0 for none; None: nobody has one.
        quality: (n, T), of the answers, where that is known.
        deadlines: By when each answer is needed, n of them, None for at once; None: all are.
    """

    at: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    expected_output: FloatArray
    adequacy: FloatArray
    router: IntArray
    seconds: float
    allowed: BoolArray | None = None
    session: IntArray | None = None
    quality: FloatArray | None = None
    deadlines: tuple[Deadline | None, ...] | None = None


Shape = Callable[[FloatArray, np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Scenario:
    """How much comes when, as a share of what the pool can serve at its stated throughput.

    Attributes:
        name: Of the scenario.
        words: What it is, for tables.
        shape: From seconds (n,) to that share (n,).
        seconds: How long it lasts.
        easy: Multiplies the share of the kinds that are easy.
    """

    name: str
    words: str
    shape: Shape
    seconds: float = _DAY_S
    easy: float = 1.0

    def lasting(self, seconds: float) -> "Scenario":
        """Return the same day in so many seconds: all of it takes longer or shorter in step."""
        factor = seconds / self.seconds
        return replace(self, shape=lambda at, rng: self.shape(at / factor, rng), seconds=seconds)


def _low(at: FloatArray, _: np.random.Generator) -> FloatArray:
    return np.full_like(at, 0.2)


def _steady(at: FloatArray, _: np.random.Generator) -> FloatArray:
    return np.full_like(at, 1.3)


def _diurnal(at: FloatArray, _: np.random.Generator) -> FloatArray:
    return 0.65 - 0.55 * np.cos(2 * np.pi * at / _DAY_S)


def _bursts(at: FloatArray, rng: np.random.Generator) -> FloatArray:
    level = np.full_like(at, 0.35)
    for start in rng.uniform(0, at[-1], _BURSTS):
        length = rng.uniform(60.0, 240.0)
        level[(at >= start) & (at < start + length)] += rng.uniform(1.0, 2.0)
    return level


def _mixed(at: FloatArray, rng: np.random.Generator) -> FloatArray:
    return 0.7 * _diurnal(at, rng) + 0.5 * (_bursts(at, rng) - 0.35)


SCENARIOS = (
    Scenario("low", "a fifth of what the pool can serve, all the time", _low),
    Scenario("diurnal", "a wave between 10 and 120 %", _diurnal),
    Scenario("burst", "35 %, and three bursts of 1 to 4 minutes of 100 to 200 % more", _bursts),
    Scenario(
        "mixed",
        "a wave between 7 and 84 % with bursts of 50 to 100 % more, most requests easy",
        _mixed,
        easy=4.0,
    ),
    Scenario("steady", "130 % all the time, to look for oscillation", _steady),
)


def draw(scenario: Scenario, capacity: float, routers: int, seed: int) -> Traffic:
    """Draw traffic.

    Args:
        scenario: What it is like.
        capacity: Work the pool can serve, in output tokens per second, with a prompt's tokens at
            an eighth.
        routers: Among how many it is spread, evenly and by lot.
        seed: Of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    shares = np.array([k.share * (scenario.easy if k.is_easy else 1.0) for k in KINDS])
    shares /= shares.sum()
    work = sum(
        share * (kind.output_tokens + kind.input_tokens / 8)
        for share, kind in zip(shares, KINDS, strict=True)
    )
    grid = np.arange(0.0, scenario.seconds, 1.0)
    rate = scenario.shape(grid, rng) * capacity / work
    counts = rng.poisson(rate)
    at = np.sort(np.repeat(grid, counts) + rng.uniform(0, 1, counts.sum()))
    n = at.size
    kind = rng.choice(len(KINDS), n, p=shares)
    means_in = np.array([k.input_tokens for k in KINDS])[kind]
    means_out = np.array([k.output_tokens for k in KINDS])[kind]
    easy = np.array([k.is_easy for k in KINDS])[kind]
    return Traffic(
        at=at,
        input_tokens=_lengths(means_in, rng),
        output_tokens=_both_tiers(_lengths(means_out, rng)),
        expected_output=_both_tiers(means_out * rng.lognormal(-(_PREDICTED**2) / 2, _PREDICTED, n)),
        adequacy=np.column_stack([easy.astype(np.float64), np.ones(n)]),
        router=rng.integers(0, routers, n),
        seconds=scenario.seconds,
    )


def _both_tiers(lengths: FloatArray) -> FloatArray:
    """Answers are equally long on every tier."""
    return np.column_stack([lengths, lengths])


def _lengths(means: FloatArray, rng: np.random.Generator) -> FloatArray:
    drawn = means * rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, means.size)
    return np.maximum(np.rint(drawn), 1.0)
