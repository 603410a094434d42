"""How single figures are written: shares, intervals, signed differences, verdicts, names.

Tables are put together in ``eval.tables``, ``eval.tables_detail`` and ``eval.report_tables``.
"""

import math

from eval.bootstrap import Interval
from eval.results import Difference

COST_SHARE_PREFIX = "cost_share@"
_WORDS = {
    "aiq": "AIQ",
    "apgr": "APGR",
    "auroc": "AUROC",
    "auroc_within_task": "AUROC within a task",
}


def figure_name(figure: str) -> str:
    """Name a figure for people."""
    if figure.startswith(COST_SHARE_PREFIX):
        return f"cost share at {percent(float(figure.removeprefix(COST_SHARE_PREFIX)))} quality"
    name, _, rest = figure.partition(":")
    return f"{_WORDS.get(name, name)}{f' of {rest}' if rest else ''}"


def percent(share: float) -> str:
    """Format a share in percent."""
    return f"{share:.0%}"


def verdict(one: Difference) -> str:
    """Judge a paired difference by its interval: better, worse or not distinguishable."""
    lower_is_better = one.figure.startswith(COST_SHARE_PREFIX)
    low, high = one.difference.low, one.difference.high
    if low > 0 or high < 0:
        return "better" if (high < 0) == lower_is_better else "worse"
    return "not distinguishable"


def with_interval(one: Interval) -> str:
    """Format a figure with its interval: ``.853 [.801, .902]``; ``-`` where it is undefined."""
    if math.isnan(one.value):
        return "-"
    return f"{short(one.value)} [{short(one.low)}, {short(one.high)}]"


def number_to(one: Interval, digits: int = 2) -> str:
    """Format a number with its interval: ``3.20 (2.90 to 3.55)``."""
    return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def percent_to(one: Interval) -> str:
    """Format a share in percent with its interval: ``4.2% (3.9% to 4.4%)``."""
    return f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"


def signed(one: Interval) -> str:
    """Format a difference with its sign and interval."""
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def short(value: float) -> str:
    """Format a share with three decimals and no leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"
