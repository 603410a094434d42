"""The records of deferred work: completion times, ways to ask, deadlines, offers.

Here are only data and reading a distribution; what an offer costs is ``offers``, which one is
taken is ``choice``. Times are seconds from the request on.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Literal, NamedTuple


class ServiceWay(IntEnum):
    """How a deployment is asked. Values equal the wire enum's."""

    SYNC = 1
    FLEX = 2
    BATCH = 3


@dataclass(frozen=True, slots=True)
class CompletionTimes:
    """How long answers take, as points of a distribution; between two of them the lower counts.

    Attributes:
        seconds: Rising, each > 0.
        probabilities: Of an answer within so many seconds; rising, in (0, 1].
    """

    seconds: tuple[float, ...]
    probabilities: tuple[float, ...]

    def probability(self, within_seconds: float) -> float:
        """Return at least which probability, in [0, 1], an answer has within so many seconds."""
        reached = bisect_right(self.seconds, within_seconds)
        return self.probabilities[reached - 1] if reached else 0.0

    def within(self, probability: float) -> float | None:
        """Return in how many seconds an answer is there with a probability; None if never."""
        place = bisect_left(self.probabilities, probability)
        return self.seconds[place] if place < len(self.seconds) else None


@dataclass(frozen=True, slots=True)
class Completion:
    """How long one deployment takes, by way.

    Attributes:
        sync: Asked at once.
        flex: In the flex service tier; None if it is not offered.
        batch: In a batch; None if it is not offered.
        as_of: The day these times were read or measured.
        source: Where.
    """

    sync: CompletionTimes
    flex: CompletionTimes | None
    batch: CompletionTimes | None
    as_of: date
    source: str


BatchFormat = Literal["openai", "anthropic"]
BATCH_FORMATS: tuple[BatchFormat, ...] = ("openai", "anthropic")


@dataclass(frozen=True, slots=True)
class BatchFile:
    """What a provider's batch files look like, and how large they may be.

    Attributes:
        format: Whose.
        url: Endpoint that each line names, for "openai"; else empty.
        most_requests: In one file.
        most_bytes: Of one file.
    """

    format: BatchFormat
    url: str
    most_requests: int
    most_bytes: int


class DeadlineDefaults(NamedTuple):
    """What a catalog says of deadlines; ``confidence`` None: a deadline must state its own."""

    confidence: float | None = None
    margin_seconds: float = 0.0


NO_DEFAULTS = DeadlineDefaults()


class Deadline(NamedTuple):
    """When an answer is needed.

    Attributes:
        needed_within_seconds: From the request on, > 0.
        confidence: Least probability that it is there in time, in (0, 1).
        margin_seconds: Time between the fall-back point and the latest moment to ask at once, for
            whoever is to notice that an answer is late; >= 0.
    """

    needed_within_seconds: float
    confidence: float
    margin_seconds: float = 0.0


class Offer(NamedTuple):
    """One way to ask one candidate under a deadline.

    Attributes:
        way: How.
        expected_cost_usd: Its price, plus ``late_probability`` times that of asking at once.
        in_time_probability: That the answer is there in time, the fall-back counted.
        fall_back_after_seconds: When to ask at once instead; None for ``SYNC``.
        late_probability: That no answer is there by then.
    """

    way: ServiceWay
    expected_cost_usd: float
    in_time_probability: float
    fall_back_after_seconds: float | None = None
    late_probability: float = 0.0


class Schedule(NamedTuple):
    """What a deadline made of a decision's candidates, in their order.

    Attributes:
        deadline: As asked.
        offers: Of each candidate; empty where price or completion times are unknown.
        taken: Of each candidate, the cheapest offer in time; None if there is none.
    """

    deadline: Deadline
    offers: tuple[tuple[Offer, ...], ...]
    taken: tuple[Offer | None, ...]
