"""The simulation of prompt caches: bills add up, and knowing of caches does what it should."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from eval.caches.__main__ import HEAD, rows_of
from eval.caches.breakpoints import ADVISED, KINDS, costs
from eval.caches.sessions import SCENARIOS, ProviderCache, Turn, draw_session
from eval.caches.simulate import Served, simulate
from router.catalog import load_catalog
from router.cost.price import Price, PromptCache
from router.engine import Engine, build_engine
from router.predict.artifact import Artifact
from router.types import Goal

CATALOG = Path(__file__).resolve().parents[2] / "data" / "catalog.caches.toml"


@pytest.fixture(scope="module")
def simulated(artifact: Artifact) -> Engine:
    return build_engine(artifact, load_catalog(CATALOG))


@pytest.fixture(scope="module")
def results(simulated: Engine) -> dict[str, list[Served]]:
    goal = Goal(willingness_to_pay_usd=0.3)
    return simulate(simulated, goal, SCENARIOS["agent"], 60, true_hit_rate=0.9, seed=3)


def test_a_prompt_grows_by_the_answer_and_what_is_added() -> None:
    turns = draw_session(np.random.default_rng(0), SCENARIOS["chat"], 3)
    for before, after in pairwise(turns):
        assert after.input_tokens > before.input_tokens + before.output_tokens[0]
        assert after.at > before.at


def test_a_provider_reads_what_it_kept_and_writes_the_rest(simulated: Engine) -> None:
    price = simulated.catalog.deployments[4].price
    assert isinstance(price, Price)
    provider = ProviderCache(PromptCache(300.0, 512, 0.9), true_hit_rate=1.0)
    rng = np.random.default_rng(0)
    first = provider.cost_usd(price, Turn(0.0, 1000.0, (0.0,), (1.0,)), 0, rng)
    second = provider.cost_usd(price, Turn(9.0, 1500.0, (0.0,), (1.0,)), 0, rng)
    late = provider.cost_usd(price, Turn(999.0, 1500.0, (0.0,), (1.0,)), 0, rng)
    assert first == (pytest.approx(0.005), 0.0)
    assert second == (pytest.approx((1000 * 0.2 + 500 * 5.0) / 1e6), 1000.0)
    assert late == (pytest.approx(0.0075), 0.0)


def test_knowing_of_caches_switches_less_and_is_worth_more(
    results: dict[str, list[Served]],
) -> None:
    switches = {name: sum(one.switches for one in each) for name, each in results.items()}
    worth = {
        name: sum(0.3 * one.adequacy - one.cost_usd for one in each)
        for name, each in results.items()
    }
    assert switches["aware"] < switches["blind"]
    assert worth["aware"] > worth["blind"]


def test_every_policy_serves_every_turn_and_has_a_row(results: dict[str, list[Served]]) -> None:
    turns = {name: [one.turns for one in each] for name, each in results.items()}
    assert turns["aware"] == turns["blind"] == turns["stay"]
    rows = rows_of("agent", Goal(willingness_to_pay_usd=0.3), results, seed=0)
    assert [row[2] for row in rows] == ["aware", "blind", "stay"]
    assert {len(row) for row in rows} == {len(HEAD)}


def test_advised_breakpoints_cost_about_what_the_best_fixed_habit_does() -> None:
    for kind, best in (
        ("single calls", "none"),
        ("agent", "short always"),
        ("slow", "long always"),
    ):
        found = costs(KINDS[kind], 150, 0.9, 7)
        totals = {name: values.sum() for name, values in found.items()}
        assert min(totals, key=lambda name: (totals[name], name == ADVISED)) in {best, ADVISED}
        assert totals[ADVISED] <= 1.02 * totals[best]
