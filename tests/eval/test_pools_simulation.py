"""The simulated pool keeps its books, and prices come out in the order they must."""

from dataclasses import replace

import numpy as np
import pytest

from eval.pools.__main__ import main
from eval.pools.plant import Plant, PlantSpec
from eval.pools.routers import WAYS
from eval.pools.simulate import simulate
from eval.pools.study import WHAT_IFS, runs, scenario, setting, way, what_if
from eval.pools.traffic import SCENARIOS, draw

SPEC = PlantSpec(replicas=1, step_s=0.01, step_per_request_s=0.0, most_under_way=2)
SHORT = 400.0


def test_requests_share_the_steps_and_wait_for_a_place_in_turn() -> None:
    plant = Plant(SPEC)
    for _ in range(3):
        plant.submit(80, 90)  # 100 steps of 10 ms each, two at once
    assert plant.reading() == (1, 2, pytest.approx(2 * 170 / SPEC.kv_tokens))
    plant.advance(10.0)
    assert plant.delays == [0.0, 0.0, pytest.approx(1.0)]
    assert plant.occupancy == 0
    assert plant.served == pytest.approx(300.0)


def test_a_full_cache_lets_nobody_in_though_there_are_places() -> None:
    plant = Plant(replace(SPEC, kv_tokens=250))
    plant.submit(100, 100)
    plant.submit(100, 100)
    assert plant.reading() == (1, 1, pytest.approx(0.8))
    plant.advance(1.0)
    assert plant.still_waiting() == [pytest.approx(1.0)]


def test_more_requests_at_once_slow_each_other_down() -> None:
    def last_of(n: int) -> float:
        plant = Plant(PlantSpec(replicas=1))
        for _ in range(n):
            plant.submit(0, 1000)
        plant.advance(1000.0)
        return plant.served / n

    assert last_of(1) == last_of(64) == pytest.approx(1000.0)
    spec = PlantSpec(replicas=1)
    alone, crowd = Plant(spec), Plant(spec)
    alone.submit(0, 1000)
    for _ in range(64):
        crowd.submit(0, 1000)
    alone.advance(11.0)
    crowd.advance(11.0)
    assert (alone.occupancy, crowd.occupancy) == (0, 64)


@pytest.mark.parametrize("name", [one.name for one in SCENARIOS])
def test_traffic_is_the_same_for_a_seed_and_of_the_stated_size(name: str) -> None:
    first, again = (draw(scenario(name), 10_000.0, 8, 5) for _ in range(2))
    for a, b in ((first.at, again.at), (first.output_tokens, again.output_tokens)):
        np.testing.assert_array_equal(a, b)
    assert np.all(np.diff(first.at) >= 0)
    work = (first.output_tokens[:, 1] + first.input_tokens / 8).sum() / (10_000.0 * first.seconds)
    stated = {"low": 0.2, "diurnal": 0.65, "steady": 1.3}
    if name in stated:
        assert work == pytest.approx(stated[name], rel=0.05)


def test_every_way_pays_for_the_same_gpus_and_the_shadow_price_lies_between_the_extremes() -> None:
    short = replace(scenario("mixed"), seconds=SHORT)
    found = {one.name: runs(short, one, setting(), [7])[0] for one in WAYS}
    assert len({run.gpu_usd for run in found.values()}) == 1
    assert found["always pool"].api_usd == 0.0
    assert found["always API"].utilisation == 0.0
    shadow = found["shadow price"]
    assert shadow.api_usd < found["always API"].api_usd
    assert shadow.utilisation > found["list price"].utilisation
    assert shadow.p95_delay_s <= found["always pool"].p95_delay_s


def test_under_steady_overload_readings_half_a_minute_apart_make_no_swing() -> None:
    long = replace(scenario("steady"), seconds=900.0)
    settled = {}
    for name in ("shadow price", "last reading alone"):
        (run,) = runs(long, way(name), setting(), [3])
        low, high = np.quantile(run.filled[run.at > 300], (0.05, 0.95))
        settled[name] = high - low
        if name == "shadow price":
            assert run.p95_delay_s < 1.0
    assert settled["shadow price"] < 0.5 * settled["last reading alone"]


def test_what_is_otherwise_is_otherwise() -> None:
    changed = [what_if(one) for one in WHAT_IFS]
    assert len({repr(one) for one in changed}) == len(changed)
    assert changed[0] == setting()


def test_a_run_is_repeated_exactly() -> None:
    short = replace(scenario("burst"), seconds=300.0)
    how = setting()
    traffic = draw(short, 10_000.0, how.routers, 2)
    first, again = (simulate(way("shadow price"), traffic, how, 2) for _ in range(2))
    assert first.total_usd == again.total_usd
    np.testing.assert_array_equal(first.filled, again.filled)


def test_the_command_refuses_a_table_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["weekly"])
    assert "must be of" in capsys.readouterr().err
