"""Whether a prompt is worth writing to a provider's prompt cache, and for how long: pure.

Writing costs a premium; each later turn that comes in time reads what was written instead of paying
for it again, and one that comes too late, or finds it lost, has it written anew. Over the rest of a
session writing is expected to save, for each token,

    reads x (input - read) - writes x (write - input)

with reads = gaps in time x hit rate, and writes = 1 + all other gaps. The time for which that is
most is advised, or none if it is nowhere above 0: then expected reuses, reads over writes, do not
pay for the premium. How a session goes on is taken from its own turns, and from all sessions where
it has none yet.
"""

from enum import IntEnum
from typing import NamedTuple

from router.cost.price import Rates

LONG_SECONDS = 3600.0
# Before any session was seen, one is thought to have so many gaps within the short time, within the
# long one, and above, as if this many sessions had said so.
PRIOR_GAPS = (0.5, 0.1, 0.1)
PRIOR_SESSIONS = 10.0
# A session's own gaps foretell as many more, in this part: it may end at any turn.
OWN_WEIGHT = 0.25


class Write(IntEnum):
    """What a breakpoint after the last message should do. Values equal the wire enum's."""

    NONE = 1
    SHORT = 2
    LONG = 3


class Past(NamedTuple):
    """Gaps between turns at one deployment: of a session, or of all sessions together.

    Attributes:
        at: The last turn, in seconds.
        gaps: How many there were.
        short: Of them, those in which what is written for the short time was kept.
        long: The same for the long time.
    """

    at: float
    gaps: int = 0
    short: int = 0
    long: int = 0

    def then(self, now: float, short_seconds: float) -> "Past":
        """Return the past with one more turn, now."""
        gap = now - self.at
        return Past(
            now,
            self.gaps + 1,
            self.short + (gap < short_seconds),
            self.long + (gap < LONG_SECONDS),
        )


class Ahead(NamedTuple):
    """Expected gaps between the turns still to come in a session, each >= 0.

    Attributes:
        short: In which what is written for the short time is kept.
        middle: In which only what is written for the long time is.
        late: In which nothing is.
    """

    short: float
    middle: float
    late: float

    def reads(self, write: Write, hit_rate: float) -> float:
        """Return how often what is written is read, if it is written anew whenever it is gone."""
        return hit_rate * (self.short + (self.middle if write is Write.LONG else 0.0))

    def writes(self, write: Write, hit_rate: float) -> float:
        """Return how often it is written then, this time included."""
        return 1.0 + self.short + self.middle + self.late - self.reads(write, hit_rate)


class Advice(NamedTuple):
    """What to do, and what it is expected to bring.

    Attributes:
        write: For how long, or not at all.
        reuses: Expected reads for each time it is written; for the short time if nothing is to be.
        saving_usd: Expected, against writing nothing, >= 0.
    """

    write: Write
    reuses: float
    saving_usd: float


def expected_ahead(past: Past, begun: int, others: Past) -> Ahead:
    """Return the gaps a session is expected to have still.

    Turns are taken to come without memory, so all sessions' mean is the first guess, and a session
    that has lasted is taken to last.

    Args:
        past: Of the session, the gap before this turn included.
        begun: Sessions at the deployment so far.
        others: Gaps of all of them.
    """
    own, everybody = _kinds(past), _kinds(others)
    return Ahead(
        *(
            OWN_WEIGHT * mine + (theirs + PRIOR_SESSIONS * prior) / (begun + PRIOR_SESSIONS)
            for mine, theirs, prior in zip(own, everybody, PRIOR_GAPS, strict=True)
        )
    )


def expected_saving_usd(
    rates: Rates[float], write: Write, write_tokens: float, ahead: Ahead, hit_rate: float
) -> float:
    """Return what writing so many tokens is expected to save in USD; below 0 it costs.

    Args:
        rates: Of the prompt.
        write: For how long.
        write_tokens: Input tokens that would be written, >= 0.
        ahead: How the session is expected to go on.
        hit_rate: Share of what is kept that is really read, in [0, 1].
    """
    if write is Write.NONE:
        return 0.0
    of_write = rates.cache_write_1h if write is Write.LONG else rates.cache_write_5m
    gain = ahead.reads(write, hit_rate) * (rates.uncached_input - rates.cache_read)
    premium = ahead.writes(write, hit_rate) * (of_write - rates.uncached_input)
    return write_tokens * (gain - premium) / 1_000_000.0


def advise(
    rates: Rates[float],
    write_tokens: float,
    ahead: Ahead,
    hit_rate: float,
    *,
    times: tuple[Write, ...],
) -> Advice:
    """Return the write that is expected to save most, or none.

    Args:
        rates: Of the prompt.
        write_tokens: As for ``expected_saving_usd``.
        ahead: As for ``expected_saving_usd``.
        hit_rate: As for ``expected_saving_usd``.
        times: For which the provider can be asked to keep it.
    """

    def reuses(write: Write) -> float:
        return ahead.reads(write, hit_rate) / ahead.writes(write, hit_rate)

    best = Advice(Write.NONE, reuses(Write.SHORT), 0.0)
    for write in times:
        saving = expected_saving_usd(rates, write, write_tokens, ahead, hit_rate)
        if saving > best.saving_usd:
            best = Advice(write, reuses(write), saving)
    return best


def _kinds(past: Past) -> tuple[int, int, int]:
    return past.short, past.long - past.short, past.gaps - past.long
