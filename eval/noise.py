"""How far luck alone carries on these prompts: many routers that know nothing, measured like ours.

Such a router makes the artifact's own predictions, but each for another prompt, picked by lot. Its
curve is the hull of its settings on the same prompts: it enjoys the optimism all others enjoy.
"""

from collections.abc import Sequence

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.baselines import trade_off_choices
from eval.bootstrap import percentile_interval
from eval.frontier import FrontierPoint, cost_share, hull_indices
from eval.knowledge import Event
from eval.metrics import apgr, pairs_won, strong_share_curve
from eval.recorded import Recorded
from eval.results import LEVELS, NoiseFloor

ROUTERS = 200
APGR = "apgr"


def noise_floors(
    recorded: Recorded,
    adequacy: FloatArray,
    tasks: StrArray,
    foreseen: Sequence[Event],
    *,
    seed: int,
    routers: int = ROUTERS,
) -> tuple[NoiseFloor, ...]:
    """Measure random routers: cost shares, APGR, AUROC pooled and within a task.

    Args:
        recorded: The truth on n prompts.
        adequacy: (n, tiers) the artifact's predictions, to be dealt out at random.
        tasks: (n,) tasks.
        foreseen: The events whose AUROC is wanted.
        seed: Seed of NumPy's generator.
        routers: How many random routers.
    """
    rng = np.random.default_rng(seed)
    mean_cost = np.broadcast_to(recorded.cost_usd.mean(axis=0), recorded.cost_usd.shape)
    choices = trade_off_choices(adequacy, mean_cost)
    large = FrontierPoint(
        float(recorded.cost_usd[:, -1].mean()), float(recorded.quality[:, -1].mean())
    )
    weak, strong = recorded.quality[:, 0], recorded.quality[:, -1]
    found: dict[str, list[float]] = {}
    for _ in range(routers):
        order = rng.permutation(len(choices))
        dealt = choices[order]
        cost_usd = np.take_along_axis(recorded.cost_usd, dealt, axis=1).mean(axis=0)
        quality = np.take_along_axis(recorded.quality, dealt, axis=1).mean(axis=0)
        corners = hull_indices(cost_usd, quality)
        for level in LEVELS:
            share = cost_share(cost_usd[corners], quality[corners], large, level)
            found.setdefault(f"cost_share@{level:g}", []).append(share)
        scores = order.astype(np.float64)
        curve = strong_share_curve(scores, weak, strong)
        gap = curve.quality[-1] != curve.quality[0]
        found.setdefault(APGR, []).append(apgr(curve) if gap else float("nan"))
        for event in foreseen:
            for name, value in _aurocs(event, scores, tasks).items():
                found.setdefault(name, []).append(value)
    return tuple(_floor(figure, np.array(values)) for figure, values in found.items())


def _aurocs(event: Event, scores: FloatArray, tasks: StrArray) -> dict[str, float]:
    alike = np.ones((1, len(scores)))
    pooled = np.ravel(pairs_won(scores, event.happened, alike))
    inside = np.zeros(2)
    for task in np.unique(tasks):
        rows = tasks == task
        inside += np.ravel(pairs_won(scores[rows], event.happened[rows], alike[:, rows]))
    return {
        f"auroc:{event.name}": _share(*pooled),
        f"auroc_within_task:{event.name}": _share(*inside),
    }


def _share(won: float, pairs: float) -> float:
    return float(won / pairs) if pairs else float("nan")


def _floor(figure: str, values: FloatArray) -> NoiseFloor:
    known = values[~np.isnan(values)]
    mean = float(known.mean()) if known.size else float("nan")
    return NoiseFloor(figure, percentile_interval(mean, values))
