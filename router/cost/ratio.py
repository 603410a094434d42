"""What a deployment's tokenizer counts for each token estimated: learnt from reported usage.

A ratio by kind of text, since tokenizers differ most by script. Robust and shrunk: the median of
the last logarithms of reported over estimated tokens, drawn to the deployment's median over all
kinds, which is drawn to 1, as if ``SHRINKAGE`` reports had said so. Pure, but for the holder that
an engine reads from; who keeps the reports is ``router.ledger.ratios``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from router.cost.tokens import TextKind

KEPT_REPORTS = 101
SHRINKAGE = 4.0
LOG_LIMIT = math.log(8.0)
NO_RATIOS: tuple[float, ...] = (1.0,) * (max(TextKind) + 1)


@dataclass(frozen=True, slots=True)
class RatioWindow:
    """The last reports of one deployment: log(reported / estimated) by kind, oldest first."""

    logs: Mapping[TextKind, tuple[float, ...]] = field(default_factory=dict)

    def with_report(self, kind: TextKind, log_ratio: float) -> "RatioWindow":
        """Return the window with one more report; the oldest of its kind falls out.

        A ratio beyond 8 either way says more of the report than of the tokenizer: it counts as 8.
        """
        bounded = min(max(log_ratio, -LOG_LIMIT), LOG_LIMIT)
        kept = (*self.logs.get(kind, ()), bounded)[-KEPT_REPORTS:]
        return RatioWindow({**self.logs, kind: kept})


def ratios_of(window: RatioWindow) -> tuple[float, ...]:
    """Return reported over estimated tokens, > 0, by ``TextKind``; 1 where nothing is known."""
    everything = [log for logs in window.logs.values() for log in logs]
    if not everything:
        return NO_RATIOS
    overall = _shrunk(everything, 0.0)
    ratios = list(NO_RATIOS)
    for kind in TextKind:
        logs = window.logs.get(kind)
        ratios[kind] = math.exp(_shrunk(logs, overall) if logs else overall)
    return tuple(ratios)


def _shrunk(logs: Sequence[float], towards: float) -> float:
    return (len(logs) * median(logs) + SHRINKAGE * towards) / (len(logs) + SHRINKAGE)


class LearntRatios:
    """The ratios in force, by id of a deployment; replaced whole when a report changes one.

    Attributes:
        by_deployment: Rows of ``ratios_of``; a deployment without reports is not there.
    """

    __slots__ = ("by_deployment",)

    def __init__(self) -> None:
        self.by_deployment: Mapping[str, tuple[float, ...]] = {}

    def replace(self, deployment: str, ratios: tuple[float, ...]) -> None:
        """Set the ratios of one deployment; not for several threads at once."""
        self.by_deployment = {**self.by_deployment, deployment: ratios}
