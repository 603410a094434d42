"""What a pool costs on average and from which traffic it pays, against closed forms."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.catalog import load_catalog
from router.cli.main import main
from router.cost.pools.average import average_usd, bill, cold_start_usd, usd_per_hour
from router.cost.pools.break_even import break_even
from router.cost.pools.pool import ColdStart, Pool, Throughput

EXAMPLE = Path(__file__).resolve().parents[3] / "data" / "catalog.pools.toml"
(BOX,) = load_catalog(EXAMPLE).pools
PLAIN = Pool(
    name="plain", replicas=4, gpus_per_replica=2, usd_per_gpu_hour=2.0,
    throughput=Throughput(prefill_tokens_per_s=10_000, decode_tokens_per_s=1_000, concurrency=32),
)  # fmt: skip
OPS, HYPERSCALER = {"operations_usd_per_month": 4000.0}, {"usd_per_gpu_hour": 6.88}
RESERVED = {"discount": 0.4}

# Published worked cases: two H100 at 2.95 USD, a 70B model in FP8. Prices in and out per million
# tokens, input tokens per output token, changes of the pool, and the share of its throughput.
PUBLISHED = [
    (0.10, 0.32, 1, {}, 0.88),
    (0.10, 0.32, 1, OPS, 1.70),
    (0.72, 0.72, 1, {}, 0.26),
    (0.72, 0.72, 1, OPS, 0.50),
    (1.25, 10.0, 1, {}, 0.033),
    (1.25, 10.0, 1, OPS, 0.064),
    (2.0, 10.0, 1, OPS, 0.060),
    (1.25, 10.0, 1, OPS | HYPERSCALER, 0.108),
    (1.25, 10.0, 1, OPS | RESERVED, 0.050),
    (1.25, 10.0, 8, OPS, 0.199),
]
tokens = st.floats(0.0, 1e9)
shares = st.floats(0.01, 1.0)


@pytest.mark.parametrize(("dear_in", "dear_out", "ratio", "changes", "published"), PUBLISHED)
def test_the_published_break_even_table_is_reproduced(
    dear_in: float, dear_out: float, ratio: float, changes: dict[str, float], published: float
) -> None:
    point = break_even(replace(BOX, **changes), dear_in, dear_out, ratio)
    assert point.utilisation == pytest.approx(published, abs=0.005)


def test_break_even_is_exact_where_it_can_be_worked_out_by_hand() -> None:
    # 8 GPUs at 2 USD: 384 USD a day. One output and two input tokens at 2 and 1 USD a million: 4.
    point = break_even(PLAIN, 1.0, 2.0, 2.0)
    assert point.output_tokens_per_day == 96_000_000
    assert point.input_tokens_per_day == 192_000_000
    # A replica takes 1/1000 + 2/10000 seconds for one output token and its input.
    assert point.most_output_tokens_per_day == pytest.approx(4 * 86_400 / 0.0012, rel=1e-12)
    assert point.utilisation == pytest.approx(1 / 3, rel=1e-12)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0, 50))
def test_at_break_even_both_sides_cost_the_same(
    dear_in: float, dear_out: float, ratio: float
) -> None:
    point = break_even(PLAIN, dear_in, dear_out, ratio)
    api = (point.input_tokens_per_day * dear_in + point.output_tokens_per_day * dear_out) / 1e6
    assert api == pytest.approx(usd_per_hour(PLAIN) * 24)


def test_against_an_api_that_is_free_a_pool_never_pays() -> None:
    assert break_even(PLAIN, 0.0, 0.0, 1.0).utilisation == float("inf")
    assert break_even(PLAIN, 0.0, 0.0, 0.0).input_tokens_per_day == 0.0
    # Nor where only input costs something and there is none.
    assert break_even(PLAIN, 1.0, 0.0, 0.0)[:3] == (float("inf"), 0.0, float("inf"))


def test_a_pool_that_costs_nothing_has_a_bill_of_nothing() -> None:
    free = replace(PLAIN, usd_per_gpu_hour=0.0, host_usd_per_hour=0.0, operations_usd_per_month=0.0)
    assert bill(free, 1.0, 1e6, 1e6) == (0.0, 0.0)
    assert bill(free, 1.0, 1e6, 1e6).utilisation == 0.0


@given(tokens, tokens)
def test_the_average_cost_is_the_whole_cost_over_the_work(a: float, b: float) -> None:
    full = average_usd(PLAIN, a, b, 1.0)
    assert average_usd(PLAIN, a, b, 0.2) == pytest.approx(5 * full)
    assert average_usd(PLAIN, a, b) == pytest.approx(full / PLAIN.planned_utilisation)


@given(st.floats(0.1, 1000), tokens, tokens)
def test_work_and_idle_add_up_to_what_was_paid(hours: float, a: float, b: float) -> None:
    line = bill(PLAIN, hours, a, b)
    assert line.allocated_usd + line.idle_usd == pytest.approx(usd_per_hour(PLAIN) * hours)
    assert line.idle_usd >= 0.0
    assert 0.0 <= line.utilisation <= 1.0


def test_a_full_hour_leaves_nothing_idle() -> None:
    line = bill(PLAIN, 1.0, 0.0, 4 * 3600 * 1000)
    assert line.idle_usd == pytest.approx(0.0)


def test_hosts_and_operations_count_and_a_discount_is_for_gpus_only() -> None:
    dear = replace(PLAIN, host_usd_per_hour=3.0, operations_usd_per_month=730.0, discount=0.5)
    assert usd_per_hour(dear) == pytest.approx(8 * 2.0 * 0.5 + 3.0 + 1.0)


def test_two_measured_mixes_are_met_exactly_by_the_rates_they_give() -> None:
    rate = BOX.throughput
    for ratio, measured in ((1.0, 4418.0), (8.0, 796.0)):
        per_output = 1 / rate.decode_tokens_per_s + ratio / rate.prefill_tokens_per_s
        assert 1 / per_output == pytest.approx(measured)


def test_waking_a_pool_costs_its_start_its_hold_and_the_wait() -> None:
    cold = replace(PLAIN, cold_start=ColdStart(100.0, 260.0, wait_usd_per_hour=36.0))
    assert cold_start_usd(cold) == pytest.approx(4.0 * 360 / 3600 + 1.0)
    assert cold_start_usd(PLAIN) == 0.0


def test_the_commands_print_cost_and_break_even(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pools", "show", "--catalog", str(EXAMPLE)]) == 0
    assert "5.90" in capsys.readouterr().out
    assert main(["pools", "break-even", "--catalog", str(EXAMPLE), "--discount", "0"]) == 0
    out = capsys.readouterr().out
    assert "88.3%" in out
    assert "337 M" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show"], "there is no pool; add [[pools]]"),
        (["show", "--catalog", str(EXAMPLE), "--pool", "x"], "there is no pool 'x'"),
        (["show", "--catalog", str(EXAMPLE), "--discount", "1"], "must be >= 0 and < 1"),
    ],
)
def test_the_commands_say_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["pools", *arguments]) == 1
    assert message in capsys.readouterr().err
