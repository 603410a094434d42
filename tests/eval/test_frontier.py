"""Behaviour of frontiers: geometry that must hold for any set of points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.frontier import Frontier, FrontierPoint, cost_share, frontier
from router.errors import DataError

NUMBERS = st.integers(0, 40).map(lambda n: n / 8)
POINTS = st.lists(st.builds(FrontierPoint, NUMBERS, NUMBERS), min_size=1, max_size=25)
quick = settings(deadline=None, max_examples=60)


def shape(curve: Frontier) -> list[tuple[float, float]]:
    return [(point.cost_usd, point.quality) for point in curve.hull]


@given(POINTS)
@quick
def test_a_hull_rises_and_bends_downwards(points: list[FrontierPoint]) -> None:
    corners = np.array(shape(frontier(points)))
    steps = np.diff(corners, axis=0)
    assert (steps > 0).all()
    assert (np.diff(steps[:, 1] / steps[:, 0]) < 0).all()


@given(POINTS, st.randoms(use_true_random=False))
@quick
def test_the_order_of_points_does_not_matter(points: list[FrontierPoint], lot: object) -> None:
    shuffled = list(points)
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    assert shape(frontier(shuffled)) == shape(frontier(points))


@given(POINTS, st.integers(0, 24), NUMBERS, NUMBERS)
@quick
def test_a_dominated_point_leaves_the_frontier_unchanged(
    points: list[FrontierPoint], which: int, dearer: float, worse: float
) -> None:
    best = points[which % len(points)]
    dominated = FrontierPoint(best.cost_usd + dearer, best.quality - worse)
    assert shape(frontier([*points, dominated])) == shape(frontier(points))


@given(POINTS, st.sampled_from([0.25, 2.0, 1024.0]))
@quick
def test_a_frontier_scales_with_prices(points: list[FrontierPoint], factor: float) -> None:
    dearer = [FrontierPoint(point.cost_usd * factor, point.quality) for point in points]
    scaled = [(cost * factor, quality) for cost, quality in shape(frontier(points))]
    assert shape(frontier(dearer)) == scaled


@given(POINTS)
@quick
def test_no_setting_beats_the_hull_and_cost_and_quality_are_inverse(
    points: list[FrontierPoint],
) -> None:
    curve = frontier(points)
    for point in points:
        assert curve.quality_at_cost(point.cost_usd) >= point.quality - 1e-12
    for corner in curve.hull:
        assert curve.cost_at_quality(corner.quality) == pytest.approx(corner.cost_usd)
        assert curve.quality_at_cost(corner.cost_usd) == pytest.approx(corner.quality)


def test_a_hand_made_frontier_keeps_two_corners_of_five_points() -> None:
    points = [
        FrontierPoint(1.0, 0.4, "small"),
        FrontierPoint(2.0, 0.45, "on the frontier, under the hull"),
        FrontierPoint(3.0, 0.8, "large"),
        FrontierPoint(3.0, 0.7, "as dear, worse"),
        FrontierPoint(4.0, 0.8, "dearer, as good"),
    ]
    curve = frontier(points)
    assert [point.label for point in curve.hull] == ["small", "large"]
    assert len(curve.points) == 3
    assert curve.quality_at_cost(2.0) == pytest.approx(0.6)
    assert curve.cost_at_quality(0.7) == pytest.approx(2.5)
    assert curve.cost_at_quality(0.1) == 1.0
    assert curve.cost_at_quality(0.9) == float("inf")
    assert np.isnan(curve.quality_at_cost(0.5))
    assert curve.quality_at_cost(9.0) == 0.8


def test_a_cost_share_compares_with_always_large_and_is_never_above_one() -> None:
    costs, quality = np.array([1.0, 3.0]), np.array([0.4, 0.8])
    large = FrontierPoint(4.0, 0.8)
    assert cost_share(costs, quality, large, 0.75) == pytest.approx(2.0 / 4.0)
    assert cost_share(costs, quality, FrontierPoint(4.0, 0.9), 1.0) == 1.0


@pytest.mark.parametrize(
    ("points", "message"),
    [([], "at least one"), ([FrontierPoint(float("nan"), 0.5)], "finite")],
)
def test_a_frontier_of_nothing_or_of_no_numbers_is_refused(
    points: list[FrontierPoint], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        frontier(points)
