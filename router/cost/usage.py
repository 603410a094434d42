"""Reported usage in one spelling: tokens by class, each token in exactly one.

Providers differ in what their fields include; ``router.cost.usage_shapes`` reads them. What a usage
costs is ``router.cost.bill``.
"""

from typing import NamedTuple


class Usage(NamedTuple):
    """What a provider reports of one call, in tokens >= 0.

    Attributes:
        uncached_input: Input that no provider cache had.
        cache_read: Input read from the provider's prompt cache.
        cache_write_5m: Input written to it for the short time, or for a time not told.
        cache_write_1h: Input written to it for the long time.
        output: Output without reasoning.
        reasoning: Reasoning, where it is told apart; else it is part of ``output``.
        unpriced: What was reported beside text. Searches are in no bill; audio and images that the
            provider counts among its tokens are billed as text.
    """

    uncached_input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning: int
    unpriced: tuple[str, ...] = ()

    @property
    def total_input(self) -> int:
        """All input tokens, cached ones included: what chooses the context band."""
        return self.uncached_input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total_output(self) -> int:
        """All output tokens, reasoning included."""
        return self.output + self.reasoning
