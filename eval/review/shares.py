"""The share of always-top's cost that keeps a share of its quality, of routers with answers.

Counted for every part of the prompts, with intervals paired by prompt. The routers are those of
``eval.review.measure``; tables are ``eval.review.tables``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, StrArray
from eval.bootstrap import DRAWS, Interval, percentile_interval, resample_weights
from eval.frontier import FrontierPoint, cost_share, hull_indices
from eval.recorded import Sweep
from eval.review.prepare import Prepared

LEVELS: tuple[float, ...] = (0.995, 0.99, 0.97, 0.95)


@dataclass(frozen=True, slots=True)
class Share:
    """Share of always-large's cost that keeps ``level`` of its quality, for one router."""

    router: str
    part: str
    level: float
    share: Interval
    minus_plain: Interval | None


def shares(data: Prepared, routers: list[Sweep], seed: int, draws: int = DRAWS) -> list[Share]:
    """Count cost shares for every part of the prompts, with intervals paired by prompt."""
    rows: list[Share] = []
    for part, chosen in parts_of(data.table.task).items():
        weights = resample_weights(data.table.group[chosen], draws, seed)
        top = (data.recorded.cost_usd[chosen, -1], data.recorded.quality[chosen, -1])
        values = {sweep.name: _shares_of(sweep, chosen, top, weights) for sweep in routers}
        for sweep in routers:
            for column, level in enumerate(LEVELS):
                value, samples = (values[sweep.name][0][column], values[sweep.name][1][:, column])
                plain_value, plain = (
                    values["no_review"][0][column],
                    values["no_review"][1][:, column],
                )
                rows.append(
                    Share(
                        sweep.title,
                        part,
                        level,
                        percentile_interval(value, samples),
                        None
                        if sweep.name == "no_review"
                        else percentile_interval(value - plain_value, samples - plain),
                    )
                )
    return rows


def parts_of(task: StrArray) -> dict[str, BoolArray]:
    """Return the rows of every task, and of all of them together."""
    parts = {str(name): np.asarray(task == name) for name in np.unique(task)}
    return {**parts, "all": np.ones(len(task), dtype=bool)}


def _shares_of(
    sweep: Sweep, rows: BoolArray, top: tuple[FloatArray, FloatArray], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (levels,) shares, and (draws, levels) of them under resampling."""
    cost, quality = sweep.cost_usd[rows], sweep.quality[rows]
    even = np.full((1, len(cost)), 1.0 / len(cost))
    both = np.vstack((even, weights))
    costs, qualities = both @ cost, both @ quality
    top_costs, top_qualities = both @ top[0], both @ top[1]
    found = np.empty((len(both), len(LEVELS)))
    for draw in range(len(both)):
        corners = hull_indices(costs[draw], qualities[draw])
        reference = FrontierPoint(float(top_costs[draw]), float(top_qualities[draw]))
        found[draw] = [
            cost_share(costs[draw][corners], qualities[draw][corners], reference, level)
            for level in LEVELS
        ]
    return found[0], found[1:]
