"""Betting against "the mean loss is at most m": the arithmetic of the monitor, without its state.

Waudby-Smith & Ramdas 2023, arXiv 2010.09686: if every loss has a conditional mean <= m, a gambler
who bets a share c of the wealth, ``wealth *= 1 + c (loss / m - 1)``, plays a game that is at best
fair, so by Ville's inequality the wealth ever reaches 1/delta with probability <= delta. Here the
wealth is spread beforehand over a grid of shares c, and over the time at which betting starts, so
that a long quiet past does not use up what a later shift needs. All functions work on many
monitors or simulated paths at once.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SHARES: FloatArray = np.array([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64])
"""Shares of wealth bet, 0.01 to 0.64: each at least half-way right for some excess of risk."""
AT_ONCE = 0.5
"""Share of the initial wealth that bets from the first audit on."""
START_SCALE = 300.0
"""The rest starts at audit i with density about START_SCALE / (START_SCALE + i)^2."""
_MOST = 1e200  # wealth above this is not told apart; lowering wealth keeps the test valid


def initial_wealth(shape: tuple[int, ...]) -> FloatArray:
    """Return wealth 1 for every monitor: (*shape, 1 + shares), cash first, then one per share."""
    wealth = np.empty((*shape, 1 + SHARES.size))
    wealth[..., 0] = 1.0 - AT_ONCE
    wealth[..., 1:] = AT_ONCE / SHARES.size
    return wealth


def after_loss(
    wealth: FloatArray, seen: int, loss: FloatArray, weight: FloatArray, level: FloatArray
) -> FloatArray:
    """Return the wealth after one more loss.

    Args:
        wealth: (..., 1 + shares) as from ``initial_wealth`` or this function.
        seen: Losses seen before this one.
        loss: (...) in [0, 1].
        weight: (...) in (0, 1], scales the bet.
        level: (...) the mean m that is bet against, in (0, 1]; broadcast against ``loss``.

    Returns:
        (..., 1 + shares), never negative.
    """
    starts = wealth[..., :1] / (START_SCALE + seen + 1.0)
    payoff = (weight * (loss / level - 1.0))[..., None]
    after = np.empty_like(wealth)
    after[..., :1] = wealth[..., :1] - starts
    # Money that starts now bets on this loss already: the choice was made before seeing it.
    after[..., 1:] = (wealth[..., 1:] + starts / SHARES.size) * (1.0 + SHARES * payoff)
    return np.minimum(after, _MOST)


def total(wealth: FloatArray) -> FloatArray:
    """Return the whole wealth of every monitor, (...), the evidence against its hypothesis."""
    whole: FloatArray = wealth.sum(axis=-1)
    return whole
