"""Drawn sessions of an agent, and a provider's cache that really keeps or loses what it was given.

Everything drawn here is made up; what a turn costs is worked out from a price and what the
simulated provider reports, not from what the router expects.
"""

from dataclasses import dataclass

import numpy as np

from router.cost.breakpoints import LONG_SECONDS, Write
from router.cost.price import Price, PromptCache

GAP_SECONDS = (5.0, 90.0)
LONG_GAP_SHARE = 0.05
LONG_GAP_SECONDS = (400.0, 4_000.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What sessions are drawn from; pairs are the least and the most of a log-uniform draw.

    Attributes:
        first_tokens: Of the first prompt: instructions, tools, documents.
        added_tokens: What each later turn adds beside the answer before it.
        output_tokens: Of an answer.
        mean_turns: Of a session, beside the first.
        single_share: Share of sessions that end with their first turn.
        long_gap_share: Share of gaps that are long.
        long_gap_seconds: The least and the most of those.
    """

    first_tokens: tuple[float, float]
    added_tokens: tuple[float, float]
    output_tokens: tuple[float, float]
    mean_turns: int
    single_share: float = 0.0
    long_gap_share: float = LONG_GAP_SHARE
    long_gap_seconds: tuple[float, float] = LONG_GAP_SECONDS


SCENARIOS = {
    "chat": Scenario((2_000.0, 20_000.0), (100.0, 3_000.0), (30.0, 2_000.0), 12),
    "agent": Scenario((10_000.0, 80_000.0), (200.0, 5_000.0), (30.0, 1_500.0), 20),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of a session.

    Attributes:
        at: Seconds since the session began.
        input_tokens: Of the whole prompt; it begins with the prompt of the turn before.
        output_tokens: By tier, as the predictor expects and the model writes.
        adequacy: By tier.
    """

    at: float
    input_tokens: float
    output_tokens: tuple[float, ...]
    adequacy: tuple[float, ...]


def draw_session(rng: np.random.Generator, scenario: Scenario, tiers: int) -> list[Turn]:
    """Draw a session whose turns differ in difficulty and in how much they write."""
    turns, at, tokens = [], 0.0, _log_uniform(rng, *scenario.first_tokens)
    ease = rng.normal(1.0, 0.8)
    is_single = scenario.single_share > 0.0 and rng.random() < scenario.single_share
    for _ in range(1 if is_single else 1 + rng.geometric(1.0 / scenario.mean_turns)):
        ease = 0.8 * ease + 0.2 * rng.normal(1.0, 0.8) + rng.normal(0.0, 0.4)
        skill = np.arange(tiers) * 1.2
        adequacy = 1.0 / (1.0 + np.exp(-(ease + skill)))
        written = _log_uniform(rng, *scenario.output_tokens)
        turns.append(Turn(at, tokens, (written,) * tiers, tuple(adequacy.tolist())))
        tokens += written + _log_uniform(rng, *scenario.added_tokens)
        is_long = rng.random() < scenario.long_gap_share
        at += rng.uniform(*(scenario.long_gap_seconds if is_long else GAP_SECONDS))
    return turns


def _log_uniform(rng: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


class ProviderCache:
    """What one deployment's provider holds of one session.

    Args:
        cache: Its rules; a kept prompt is lost with probability 1 - ``true_hit_rate`` at each use.
        true_hit_rate: In [0, 1]; the router starts from the catalog's and learns.
    """

    def __init__(self, cache: PromptCache, true_hit_rate: float) -> None:
        self._cache, self._true_hit_rate = cache, true_hit_rate
        self._tokens, self._until, self._kept_s = 0.0, -1.0, cache.ttl_seconds

    def cost_usd(
        self,
        price: Price,
        turn: Turn,
        tier: int,
        rng: np.random.Generator,
        write: Write = Write.SHORT,
    ) -> tuple[float, float]:
        """Serve a turn; return what it costs and how many tokens were read from the cache.

        Args:
            price: Of the deployment.
            turn: Is served.
            tier: Of the deployment, among those of the turn.
            rng: Says whether what should be kept was lost.
            write: What the caller's breakpoint asks for; what is read is kept on in any case.
        """
        tokens, rates = turn.input_tokens, price.rates(turn.input_tokens)
        read, written = 0.0, 0.0
        if turn.at < self._until and rng.random() < self._true_hit_rate:
            read = min(self._tokens, tokens)
        if tokens >= self._cache.min_tokens and write is not Write.NONE:
            written = tokens - read
        is_long = write is Write.LONG
        if written:
            self._tokens = tokens
            self._kept_s = LONG_SECONDS if is_long else self._cache.ttl_seconds
        if written or read:
            self._until = turn.at + self._kept_s
        fresh = tokens - read - written
        usd = (
            fresh * rates.uncached_input
            + read * rates.cache_read
            + written * (rates.cache_write_1h if is_long else rates.cache_write_5m)
            + turn.output_tokens[tier] * rates.output
        )
        return usd / 1e6, read
