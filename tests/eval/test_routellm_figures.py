"""RouteLLM's procedure by hand, and its published figures from the bundled numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.metrics import apgr, strong_share_curve
from eval.outcomes import OutcomeTable, read_outcomes
from eval.routellm import (
    PairBenchmark,
    budgeted_oracle_curve,
    eleven_point_curve,
    oracle_scores,
    quantile_thresholds,
    random_curve,
    their_apgr,
    their_cpt,
)
from eval.routellm_table import PUBLISHED, pair_benchmarks, routellm_rows, verifier_apgr
from eval.tables import agrees, routellm_table
from router.errors import DataError

BUNDLED = Path(__file__).resolve().parents[2] / "data" / "outcomes" / "routellm.parquet"
TINY = PairBenchmark("tiny", weak=np.arange(20) % 2.0, strong=np.ones(20))


@pytest.fixture(scope="module")
def bundled() -> OutcomeTable:
    return read_outcomes(BUNDLED)


@pytest.fixture(scope="module")
def benchmarks(bundled: OutcomeTable) -> list[PairBenchmark]:
    return pair_benchmarks(bundled)


def test_eleven_points_run_from_nobody_to_everybody() -> None:
    curve = eleven_point_curve(TINY, np.linspace(0, 1, 20))
    assert curve.share.tolist() == pytest.approx(np.linspace(0, 1, 11).tolist())
    assert curve.quality[0] == 0.5
    assert curve.quality[-1] == 1.0
    assert their_apgr(TINY, curve) == pytest.approx(0.5)
    assert their_cpt(TINY, curve, 0.8) == pytest.approx(0.8)


def test_thresholds_are_linear_quantiles_and_refuse_ties() -> None:
    edges = quantile_thresholds(np.array([0.0, 1.0, 2.0, 4.0]), bins=2)
    assert edges.tolist() == [0, 1.5, 4]
    with pytest.raises(DataError, match="too many ties"):
        quantile_thresholds(np.array([0.0, 0.0, 0.0, 1.0]), bins=2)


def test_the_oracle_never_pays_for_a_tie_and_stays_flat() -> None:
    curve = budgeted_oracle_curve(TINY)
    assert curve.quality.tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, *[1.0] * 6])
    few = PairBenchmark("few", np.zeros(5), np.ones(5), whole_calls=True)
    assert budgeted_oracle_curve(few).quality[:4].tolist() == pytest.approx([0, 0, 0.2, 0.2])


def test_exact_and_eleven_point_apgr_agree_on_a_smooth_router() -> None:
    rng = np.random.default_rng(0)
    weak = (rng.random(4000) < 0.6).astype(np.float64)
    bench = PairBenchmark("smooth", weak, np.ones(4000))
    scores = rng.random(4000) - 0.5 * weak
    exact = apgr(strong_share_curve(scores, bench.weak, bench.strong))
    assert their_apgr(bench, eleven_point_curve(bench, scores)) == pytest.approx(exact, abs=0.006)


def test_random_routing_lies_near_one_half() -> None:
    rng = np.random.default_rng(1)
    bench = PairBenchmark("lot", rng.random(500), rng.random(500) + 0.5)
    assert their_apgr(bench, random_curve(bench)) == pytest.approx(0.5, abs=0.03)


def test_every_published_figure_is_reproduced_from_the_bundled_numbers(
    bundled: OutcomeTable,
) -> None:
    rows = routellm_rows(bundled)
    assert {row.benchmark for row in rows} == set(PUBLISHED)
    assert [row for row in rows if not agrees(row)] == []
    assert "DIFFERS" not in routellm_table(rows)


def test_accuracies_agree_to_a_tenth_and_random_and_oracle_apgr_to_a_hundredth(
    benchmarks: list[PairBenchmark],
) -> None:
    for bench in benchmarks:
        known = PUBLISHED[bench.name]
        scale = 1 if bench.name == "mt_bench" else 100
        assert bench.weak.size == known.prompts
        assert bench.weak.mean() * scale == pytest.approx(known.weak, abs=0.01)
        assert bench.strong.mean() * scale == pytest.approx(known.strong, abs=0.01)
        by_lot = their_apgr(bench, random_curve(bench))
        assert by_lot == pytest.approx(known.random_seed_0[0], abs=0.0015)
        assert by_lot == pytest.approx(known.random[0], abs=0.0101)
        their_oracle = their_apgr(bench, budgeted_oracle_curve(bench))
        assert their_oracle == pytest.approx(known.oracle[0], abs=0.001)
        exact = apgr(strong_share_curve(oracle_scores(bench), bench.weak, bench.strong))
        assert exact == pytest.approx(known.oracle[1], abs=0.001)


def test_a_perfect_verifier_stays_below_the_oracle(benchmarks: list[PairBenchmark]) -> None:
    ceilings = [verifier_apgr(bench) for bench in benchmarks]
    assert ceilings == pytest.approx([1.052, 0.982, 0.874], abs=0.001)


def test_missing_or_mangled_rows_are_refused(bundled: OutcomeTable) -> None:
    with pytest.raises(DataError, match="make data"):
        pair_benchmarks(replace(bundled, source=np.full(len(bundled), "mine")))
    with pytest.raises(DataError, match="'gsm8k'"):
        pair_benchmarks(bundled.select(bundled.task != "gsm8k"))
    with pytest.raises(DataError, match="has 1 turns"):
        pair_benchmarks(bundled.select(bundled.subtask != "q81/t2"))
    with pytest.raises(DataError, match="q81/t1"):
        pair_benchmarks(replace(bundled, subtask=np.full(len(bundled), "writing")))
