"""Luck has a size: random routers, and the paired test of a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.baselines import random_mix, zero_router
from eval.bootstrap import resample_weights
from eval.figures import TOLD_APART_SE, figures, p_value, paired_differences, resamples
from eval.knowledge import events
from eval.noise import noise_floors
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded
from eval.results import LEVELS, NoiseFloor, Results


@pytest.fixture(scope="module")
def floors(recorded: Recorded, outcomes: OutcomeTable) -> dict[str, NoiseFloor]:
    return {one.figure: one for one in measured(recorded, outcomes, seed=1)}


def measured(recorded: Recorded, outcomes: OutcomeTable, seed: int) -> tuple[NoiseFloor, ...]:
    doubt = np.random.default_rng(0).normal(scale=0.03, size=recorded.quality.shape)
    adequacy = np.array([0.45, 0.65, 0.85]) + doubt
    foreseen = events(recorded, 0.5, adequacy, adequacy)
    return noise_floors(recorded, adequacy, outcomes.task, foreseen, seed=seed, routers=60)


def test_random_routers_are_a_coin_on_average(floors: dict[str, NoiseFloor]) -> None:
    for name in ("apgr", "auroc:gain", "auroc_within_task:gain"):
        one = floors[name].random_router
        assert one.value == pytest.approx(0.5, abs=0.05)
        assert one.low < 0.5 < one.high


def test_random_routers_scatter_around_the_mix_of_single_tiers(
    floors: dict[str, NoiseFloor], recorded: Recorded
) -> None:
    alike = np.full((1, len(recorded.quality)), 1 / len(recorded.quality))
    zero = figures(zero_router(recorded), resamples(recorded, alike)).cost_shares[0]
    for level, share in zip(LEVELS, zero, strict=True):
        one = floors[f"cost_share@{level:g}"].random_router
        assert one.low <= one.value <= one.high
        assert one.value == pytest.approx(share, abs=0.1)


def test_the_same_seed_gives_the_same_floor(recorded: Recorded, outcomes: OutcomeTable) -> None:
    assert measured(recorded, outcomes, 4) == measured(recorded, outcomes, 4)
    assert measured(recorded, outcomes, 4) != measured(recorded, outcomes, 5)


def test_a_difference_that_every_resample_shows_has_the_least_p_value() -> None:
    assert p_value(np.full(999, -0.1)) == pytest.approx(2 / 1000)
    assert p_value(np.zeros(999)) == 1.0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_the_test_does_not_care_about_the_sign(samples: list[float]) -> None:
    found = p_value(np.array(samples))
    assert 0 < found <= 1
    assert found == p_value(-np.array(samples))


def test_what_can_be_shown_shrinks_with_the_prompts(recorded: Recorded) -> None:
    shown = []
    for copies in (1, 4):
        part = Recorded(
            recorded.tiers,
            *(np.tile(getattr(recorded, name), (copies, 1)) for name in FIELDS),
            recorded.prices,
        )
        groups = np.arange(len(part.quality)).astype(np.str_)
        draws = resamples(part, resample_weights(groups, 200, 0))
        pair = (figures(router(part), draws) for router in (zero_router, random_mix))
        shown.append(paired_differences(*pair)[-1].smallest_shown)
    assert shown[1] == pytest.approx(shown[0] / 2, rel=0.25)
    assert pytest.approx(2.8) == TOLD_APART_SE


FIELDS = ("quality", "output_tokens", "cost_usd", "deployment_cost_usd")


def test_every_baseline_is_tested_at_every_level(results: Results) -> None:
    baselines = {one.name for one in results.routers if one.kind == "baseline"}
    tested = {(one.baseline, one.figure) for one in results.differences}
    assert {name for name, _ in tested} == baselines
    for name in baselines:
        assert (name, "cost_share@0.9") in tested
    assert ("best_single_tier", "aiq") not in tested
