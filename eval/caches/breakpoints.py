"""``python -m eval.caches.breakpoints``: what advice on cache breakpoints is worth.

Drawn sessions at one deployment each, so that only the breakpoints differ: none, every prompt for
the short time, every prompt for the long time, and as the class that serves advises. What a turn
costs is worked out from what the simulated provider keeps. What the figures mean is docs/prices.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from eval.arrays import FloatArray
from eval.caches.sessions import SCENARIOS, ProviderCache, Scenario, Turn, draw_session
from eval.caches.simulate import Clock
from eval.tables import aligned
from router.cost.breakpoints import Write
from router.cost.price import Band, Price, PromptCache, Rates
from router.cost.warmth import PromptCaches
from router.types import Capabilities, Deployment

_DRAWS = 1000
_DAY = date(2026, 11, 12)
# Rates in the manner of late-2026 lists: writing at 1.25 and 2 times the input, reading at a tenth.
PRICE = Price(
    1.0, 5.0, _DAY, "example", (Band(0, Rates(1.0, 0.1, 1.25, 2.0, 5.0, 5.0)),)
)  # fmt: skip
CACHE = PromptCache(ttl_seconds=300.0, min_tokens=1024, hit_rate=0.9)
SINGLE = Scenario((2_000.0, 20_000.0), (100.0, 3_000.0), (30.0, 2_000.0), 4, single_share=1.0)
KINDS: dict[str, Scenario] = {
    **SCENARIOS,
    "single calls": SINGLE,
    "mostly single": Scenario(
        (2_000.0, 20_000.0), (100.0, 3_000.0), (30.0, 2_000.0), 4, single_share=0.9
    ),
    "slow": Scenario(
        (2_000.0, 20_000.0), (100.0, 3_000.0), (30.0, 2_000.0), 12,
        long_gap_share=0.9, long_gap_seconds=(400.0, 2_400.0),
    ),
    "daily": Scenario(
        (2_000.0, 20_000.0), (100.0, 3_000.0), (30.0, 2_000.0), 6,
        long_gap_share=1.0, long_gap_seconds=(7_200.0, 90_000.0),
    ),
}  # fmt: skip
_DEPLOYMENT = Deployment(
    "d", "t", "api", "example", "m", Capabilities(1_000_000, 64_000), PRICE, prompt_cache=CACHE
)
ADVISED = "advised"
FIXED = {"none": Write.NONE, "short always": Write.SHORT, "long always": Write.LONG}


def costs(
    scenario: Scenario, sessions: int, true_hit_rate: float, seed: int
) -> dict[str, FloatArray]:
    """Return what every session costs in USD under each policy, (sessions,) each.

    Args:
        scenario: What sessions are like.
        sessions: How many, one after another.
        true_hit_rate: With which the provider still holds what it should.
        seed: Of everything that is drawn; what is lost is the same under every policy.
    """
    rng = np.random.default_rng(seed)
    drawn = [draw_session(rng, scenario, 1) for _ in range(sessions)]
    clock = Clock()
    caches = PromptCaches([_DEPLOYMENT], clock=clock)
    found: dict[str, list[float]] = {name: [] for name in (*FIXED, ADVISED)}
    for number, turns in enumerate(drawn):
        for name, write in FIXED.items():
            found[name].append(_bill(turns, _always(write), true_hit_rate, [seed, number]))
        clock.now += 1e6
        start, session = clock.now, str(number)

        def advised(turn: Turn, start: float = start, session: str = session) -> Write:
            clock.now = start + turn.at
            _, use = caches.cost(session, "d", PRICE, turn.input_tokens, 0.0)
            advice = None
            if use is not None:
                advice = caches.advise(session, "d", PRICE, turn.input_tokens, use)
            caches.used(session, "d", turn.input_tokens, advice)
            return Write.NONE if advice is None else advice.write

        found[ADVISED].append(_bill(turns, advised, true_hit_rate, [seed, number]))
    return {name: np.array(values) for name, values in found.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate and print; return 0."""
    parser = argparse.ArgumentParser(prog="python -m eval.caches.breakpoints", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000, help="of each kind")
    parser.add_argument("--true-hit-rate", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    rows = [["sessions", "breakpoints", "USD a session", "advised against it", "dearest session"]]
    for kind, scenario in KINDS.items():
        found = costs(scenario, arguments.sessions, arguments.true_hit_rate, arguments.seed)
        rows += [_row(kind, name, found, arguments.seed) for name in found]
    print(
        f"{arguments.sessions} sessions of each kind, true hit rate {arguments.true_hit_rate:g}, "
        f"seed {arguments.seed}\n"
    )
    print(aligned(rows))
    return 0


def _always(write: Write) -> Callable[[Turn], Write]:
    return lambda turn: write


def _bill(
    turns: Sequence[Turn],
    write: Callable[[Turn], Write],
    true_hit_rate: float,
    seed: Sequence[int],
) -> float:
    provider, chance = ProviderCache(CACHE, true_hit_rate), np.random.default_rng(seed)
    return sum(provider.cost_usd(PRICE, turn, 0, chance, write(turn))[0] for turn in turns)


def _row(kind: str, name: str, found: dict[str, FloatArray], seed: int) -> list[str]:
    """Return a row; the interval (95 %) is over sessions, paired."""
    ours, theirs = found[ADVISED], found[name]
    picks = np.random.default_rng(seed).integers(0, ours.size, (_DRAWS, ours.size))
    change = ours[picks].sum(1) / theirs[picks].sum(1) - 1.0
    low, high = np.quantile(change, [0.025, 0.975])
    value = ours.sum() / theirs.sum() - 1.0
    return [
        kind,
        name,
        f"{theirs.mean():.4f}",
        "" if name == ADVISED else f"{value:+.1%} [{low:+.1%}, {high:+.1%}]",
        "" if name == ADVISED else f"{(ours / theirs).max() - 1.0:+.0%}",
    ]


if __name__ == "__main__":
    sys.exit(main())
