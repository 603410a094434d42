"""The picture: what a request costs by the time it may wait, for each way to ask it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from eval.style import BLUE, GREY, ORANGE, headline, save_png, styled
from router.catalog import load_catalog
from router.cost.estimate import expected_cost_usd
from router.deferred.choice import by_deadline
from router.deferred.ways import Deadline, Offer, ServiceWay
from router.types import Deployment, Estimate

_TOKENS = 500.0
_TIMES_S = np.geomspace(30.0, 48 * 3600.0, 800)
_TICKS = {60.0: "1 min", 600.0: "10 min", 3600.0: "1 h", 6 * 3600.0: "6 h", 24 * 3600.0: "24 h"}
_LINES = {
    ServiceWay.SYNC: ("at once", GREY),
    ServiceWay.FLEX: ("flex", ORANGE),
    ServiceWay.BATCH: ("batch", BLUE),
}


def draw_picture(path: Path, catalog: Path) -> None:
    """Draw the expected cost of each way over the time allowed.

    Args:
        path: PNG file.
        catalog: Its first deployment that has all three ways is shown.
    """
    loaded = load_catalog(catalog)
    item = next(
        one for one in loaded.deployments if one.completion and one.flex_price and one.batch_price
    )
    confidence = loaded.deadlines.confidence or 0.99
    margin = loaded.deadlines.margin_seconds
    offers = [_offers(item, Deadline(float(seconds), confidence, margin)) for seconds in _TIMES_S]
    with styled():
        figure, axis = plt.subplots(figsize=(8.0, 4.2))
        for way, (name, colour) in _LINES.items():
            cost = [_cost(some, way, confidence) for some in offers]
            axis.plot(_TIMES_S, cost, color=colour, linewidth=1.6, label=name)
        axis.set_xscale("log")
        axis.set_xticks(list(_TICKS), list(_TICKS.values()), minor=False)
        axis.minorticks_off()
        axis.set_ylim(0.0, 1.6)
        axis.set_xlabel("needed within")
        axis.set_ylabel("expected cost over that of asking at once")
        axis.legend(loc="lower left", frameon=False)
        headline(
            figure,
            "Waiting is paid for in steps: those of the stated completion times",
            f"{item.id} of {catalog.name}, fall-back included, confidence {confidence:g}.",
        )
        figure.subplots_adjust(left=0.1, right=0.98, bottom=0.13, top=0.82)
        save_png(figure, path)


def _offers(item: Deployment, deadline: Deadline) -> Sequence[Offer]:
    """Return the offers of a request, costs as a share of asking at once."""
    usd = float("nan") if item.price is None else expected_cost_usd(item.price, _TOKENS, _TOKENS)
    _, schedule = by_deadline([Estimate(item, 1.0, usd, _TOKENS, _TOKENS)], deadline, None)
    return [
        one._replace(expected_cost_usd=one.expected_cost_usd / usd) for one in schedule.offers[0]
    ]


def _cost(offers: Sequence[Offer], way: ServiceWay, confidence: float) -> float:
    """Return the cost of a way that is in time, or not a number."""
    for one in offers:
        if one.way is way and one.in_time_probability >= confidence:
            return one.expected_cost_usd
    return float("nan")
