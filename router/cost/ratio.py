"""What a deployment's tokenizer counts for each token estimated: learnt from reported usage.

A ratio by kind of text, since tokenizers differ most by script. Robust and shrunk: the median of the
last logarithms of reported over estimated tokens, drawn to the deployment's median over all kinds,
which is drawn to 1, as if ``SHRINKAGE`` reports had said so. Pure; who keeps the reports is
``router.ledger.ratios``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from router.cost.tokens import TextKind

KEPT_REPORTS = 101
SHRINKAGE = 4.0
LOG_LIMIT = math.log(8.0)
NO_RATIOS: tuple[float, ...] = (1.0,) * len(TextKind)


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
    """Return reported over estimated tokens for each of ``TextKind``, > 0; 1 where nothing is known."""
    everything = [log for logs in window.logs.values() for log in logs]
    if not everything:
        return NO_RATIOS
    overall = _shrunk(everything, 0.0)
    return tuple(
        math.exp(_shrunk(window.logs[kind], overall) if kind in window.logs else overall)
        for kind in TextKind
    )


def _shrunk(logs: "list[float] | tuple[float, ...]", towards: float) -> float:
    return (len(logs) * median(logs) + SHRINKAGE * towards) / (len(logs) + SHRINKAGE)
