"""What providers really charge in a simulation, their prompt caches included."""

import numpy as np

from eval.caches.sessions import ProviderCache, Turn
from router.cost.estimate import expected_cost_usd
from router.types import Deployment


class Bills:
    """The bill of all APIs together.

    Args:
        true_hit_rate: With which a provider still holds a prompt it should hold, in [0, 1].
        seed: Of which prompts it lost.

    Attributes:
        usd: So far.
        read_tokens: Input tokens read from caches so far.
    """

    def __init__(self, true_hit_rate: float, seed: int) -> None:
        self._true_hit_rate = true_hit_rate
        self._rng = np.random.default_rng([seed, 2])
        self._kept: dict[tuple[int, str], ProviderCache] = {}
        self.usd, self.read_tokens = 0.0, 0.0

    def charge(
        self, item: Deployment, session: int, now: float, input_tokens: float, output_tokens: float
    ) -> float:
        """Charge a call; return how many of its input tokens were read from a cache."""
        assert item.price is not None  # noqa: S101  # who is paid by use has a price
        if item.prompt_cache is None or session < 0:
            self.usd += expected_cost_usd(item.price, input_tokens, output_tokens)
            return 0.0
        key = session, item.id
        if key not in self._kept:
            self._kept[key] = ProviderCache(item.prompt_cache, self._true_hit_rate)
        turn = Turn(now, input_tokens, (output_tokens,), (1.0,))
        usd, read = self._kept[key].cost_usd(item.price, turn, 0, self._rng)
        self.usd += usd + item.price.usd_per_request
        self.read_tokens += read
        return read
