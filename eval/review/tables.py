"""What a review brings, as Markdown tables: cost shares, how answers agree, what cosine tells."""

from itertools import combinations

import numpy as np

from eval.arrays import FloatArray
from eval.bootstrap import Interval
from eval.metrics import auroc
from eval.review.answers import Answers
from eval.review.fit import agreement, comparable
from eval.review.prepare import Prepared
from eval.review.shares import LEVELS, Share, parts_of


def share_lines(shares: list[Share], part: str) -> list[str]:
    """Return the table of cost shares for one part of the prompts."""
    head = ["router", *(f"{level:.1%}".replace(".0%", "%") for level in LEVELS)]
    lines = [_row(head), _row(["---"] * len(head))]
    for router in dict.fromkeys(share.router for share in shares):
        cells = [share for share in shares if (share.router, share.part) == (router, part)]
        lines.append(_row([router, *(_interval(cell.share) for cell in cells)]))
    differences = [share for share in shares if (share.router, share.part) == ("with review", part)]
    lines.append(
        _row(["with review - no review", *(_interval(d.minus_plain, "+") for d in differences)])
    )
    return lines


def agreement_lines(data: Prepared, threshold: float) -> list[str]:
    """Return how often each two tiers' answers agree, and how good they are then."""
    head = ["prompts", "tiers", "agree", "adequate then", "top adequate then", "adequate else"]
    lines = [_row(head), _row(["---"] * len(head))]
    ok = data.recorded.quality >= threshold
    for part, rows in parts_of(data.table.task).items():
        for one, other in combinations(range(ok.shape[1] - 1), 2):
            same = agreement(data.answers, one, other)
            both, apart = rows & same, rows & ~same
            names = f"{data.recorded.tiers[one]}, {data.recorded.tiers[other]}"
            figures = (
                same[rows].mean(),
                ok[both, one].mean(),
                ok[both, -1].mean(),
                ok[apart, one].mean(),
            )
            lines.append(_row([part, names, *(f"{figure:.3f}" for figure in figures)]))
    return lines


def cosine_lines(answers: Answers) -> list[str]:
    """Return what the cosine of two answers' vectors tells of whether their finals agree."""
    usable = comparable(answers)
    near: list[FloatArray] = []
    same: list[np.ndarray] = []
    for one, other in combinations(range(len(answers.models)), 2):
        both = usable[:, one] & usable[:, other]
        near.append(answers.cosine[both, one, other])
        same.append((answers.final_hash[:, one] == answers.final_hash[:, other])[both])
    cosine, agree = np.concatenate(near), np.concatenate(same)
    area = auroc(cosine, agree)
    quantiles = (0.01, 0.05, 0.5, 0.95)
    head = ["finals", "pairs", *(f"{q:.0%} quantile" for q in quantiles), "below .5"]
    lines = [f"AUROC of cosine for agreement: {area:.3f}", "", _row(head)]
    lines.append(_row(["---"] * len(head)))
    for name, rows in (("agree", agree), ("differ", ~agree)):
        cells = [f"{value:.3f}" for value in np.quantile(cosine[rows], quantiles)]
        below = f"{(cosine[rows] < 0.5).mean():.4f}"
        lines.append(_row([name, str(int(rows.sum())), *cells, below]))
    return lines


def _interval(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return ""
    value, low, high = (
        format(number, f"{sign}.3f") for number in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
