"""Behaviour of baselines and bounds on outcomes small enough to check by hand."""

from dataclasses import replace

import numpy as np
import pytest

from eval.baselines import (
    WILLINGNESS_TO_PAY_USD,
    best_single_tier,
    nearest_neighbours,
    oracle,
    perfect_verifier,
    prompt_length,
    random_mix,
    task_mean,
    task_means,
    trade_off_choices,
    zero_router,
)
from eval.frontier import hull_indices
from eval.outcomes import OutcomeTable
from eval.recorded import PriceList, Recorded, Sweep, price_list, recorded_outcomes
from router.catalog import Catalog
from router.engine import Engine
from router.errors import CatalogError, DataError

PRICES = PriceList(
    deployment_ids=("s", "l-dear", "l"),
    tier_index=np.array([0, 1, 1]),
    input_usd_per_mtok=np.array([1.0, 30.0, 10.0]),
    output_usd_per_mtok=np.array([2.0, 60.0, 20.0]),
)
INPUT = np.array([100.0, 200.0, 300.0])
OUTPUT = np.array([[10.0, 20.0], [10.0, 20.0], [10.0, 20.0]])
TWO_TIERS = Recorded(
    tiers=("small", "large"),
    quality=np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]),
    output_tokens=OUTPUT,
    cost_usd=PRICES.tier_cost_usd(INPUT, OUTPUT),
    deployment_cost_usd=PRICES.deployment_cost_usd(INPUT, OUTPUT),
    prices=PRICES,
)
SMALL_USD = np.array([120e-6, 220e-6, 320e-6])
LARGE_USD = np.array([1400e-6, 2400e-6, 3400e-6])


def means(sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
    return sweep.cost_usd.mean(axis=0), sweep.quality.mean(axis=0)


def test_a_tier_costs_what_its_cheapest_deployment_costs() -> None:
    np.testing.assert_allclose(TWO_TIERS.cost_usd, np.column_stack([SMALL_USD, LARGE_USD]))


def test_the_zero_router_is_the_single_tiers_and_the_random_mix_lies_between() -> None:
    costs, quality = means(zero_router(TWO_TIERS))
    assert costs == pytest.approx([SMALL_USD.mean(), LARGE_USD.mean()])
    assert quality == pytest.approx([1 / 3, 2 / 3])
    mixed_costs, mixed_quality = means(random_mix(TWO_TIERS))
    np.testing.assert_allclose(mixed_quality, np.interp(mixed_costs, costs, quality))


def test_the_oracle_pays_for_the_cheapest_adequate_tier_only() -> None:
    costs, quality = means(oracle(TWO_TIERS))
    best = hull_indices(costs, quality)[-1]
    assert quality[best] == pytest.approx(2 / 3)
    assert costs[best] == pytest.approx((SMALL_USD[0] + LARGE_USD[1] + SMALL_USD[2]) / 3)


def test_the_perfect_verifier_pays_for_every_answer_it_asked_for() -> None:
    sweep = perfect_verifier(TWO_TIERS, adequate_quality=0.5)
    assert sweep.labels == ("small", "large", "small then large")
    asked_twice = [SMALL_USD[0], SMALL_USD[1] + LARGE_USD[1], SMALL_USD[2] + LARGE_USD[2]]
    assert sweep.cost_usd[:, 2] == pytest.approx(asked_twice)
    assert sweep.quality[:, 2].tolist() == [1, 1, 0]


def test_a_tie_goes_to_the_cheaper_tier() -> None:
    choices = trade_off_choices(np.array([[0.5, 0.5]]), np.array([[2.0, 1.0]]))
    assert (choices == 1).all()


def test_a_rising_willingness_to_pay_never_lowers_predicted_quality_or_cost() -> None:
    rng = np.random.default_rng(0)
    quality, cost = rng.random((50, 4)), rng.random((50, 4)) * 0.01
    choices = trade_off_choices(quality, cost)
    assert (np.diff(np.take_along_axis(quality, choices, axis=1)) >= 0).all()
    assert (np.diff(np.take_along_axis(cost, choices, axis=1)) >= 0).all()


def test_category_means_fall_back_to_the_overall_mean_for_a_new_category() -> None:
    values = np.array([[0.0, 1.0], [1.0, 1.0], [0.5, 0.0]])
    found = task_means(values, np.array(["b", "b", "a"]), np.array(["a", "b", "new"]))
    assert found.tolist() == [[0.5, 0.0], [0.5, 1.0], [0.5, 2 / 3]]


def test_learned_baselines_find_what_there_is_to_find(
    engine: Engine, outcomes: OutcomeTable
) -> None:
    """Quality depends on the task alone, so nobody told the task may do worse than a mix."""
    held_out = outcomes.select(np.arange(len(outcomes)) % 2 == 0)
    known = outcomes.select(np.arange(len(outcomes)) % 2 == 1)
    truth = recorded_outcomes(held_out, engine.catalog)
    task = task_mean(truth, known, held_out)
    assert len(set(task.quality.mean(axis=0).round(6).tolist())) > 2
    for sweep in (
        task,
        prompt_length(truth, known, held_out),
        nearest_neighbours(truth, known, held_out),
    ):
        assert sweep.cost_usd.shape == (len(held_out), len(WILLINGNESS_TO_PAY_USD))
        cheapest, dearest = sweep.cost_usd.mean(axis=0)[[0, -1]]
        assert cheapest == pytest.approx(truth.cost_usd[:, 0].mean())
        assert dearest > cheapest
    best = best_single_tier(truth, known)
    assert best.labels == ("large",)


def test_unknown_tokens_are_refused_with_the_prompts_named(
    engine: Engine, outcomes: OutcomeTable
) -> None:
    output_tokens = outcomes.output_tokens.copy()
    output_tokens[3, 1] = np.nan
    holed = replace(outcomes, output_tokens=output_tokens)
    with pytest.raises(DataError, match="1 of 240 prompts lack token counts") as caught:
        recorded_outcomes(holed, engine.catalog)
    assert caught.value.problems == ("p3: tokens unknown",)
    with pytest.raises(DataError, match="needs output tokens"):
        task_mean(recorded_outcomes(outcomes, engine.catalog), holed, outcomes)


def test_other_models_and_tiers_without_a_price_are_refused(
    engine: Engine, outcomes: OutcomeTable
) -> None:
    with pytest.raises(DataError, match="reference model"):
        recorded_outcomes(replace(outcomes, models=("a", "b", "c")), engine.catalog)
    catalog: Catalog = engine.catalog
    first, *others = catalog.deployments
    unpriced = replace(catalog, deployments=(replace(first, price=None), *others))
    with pytest.raises(CatalogError, match="no deployment of tier small has a price"):
        price_list(unpriced)
