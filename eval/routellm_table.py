"""Builds RouteLLM's three benchmarks from an outcome table and sets its figures beside ours.

The procedure itself is ``eval.routellm``. Published figures are from the paper (arXiv 2406.18665v4,
tables 1 to 3 and captions); measured ones come from RouteLLM's own files at commit 0b64fda.
"""

import re
from dataclasses import dataclass

import numpy as np

from eval.arrays import IntArray, StrArray
from eval.metrics import StrongShareCurve, apgr, cpt, strong_share_curve
from eval.outcomes import OutcomeTable
from eval.results import RouteLLMRow
from eval.routellm import (
    STRONG_MODEL,
    WEAK_MODEL,
    PairBenchmark,
    budgeted_oracle_curve,
    oracle_scores,
    random_curve,
    their_apgr,
    their_cpt,
    verifier_scores,
)
from router.errors import DataError

SOURCE = "routellm"
CONTAMINATED = "contaminated"
PAPER = "paper"
MEASURED = "their files"
_TURN = re.compile(r"q(?P<question>\d+)/t[12]")
_JUDGE_LOW, _JUDGE_RANGE = 1.0, 9.0


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of one benchmark; accuracies in % (judge scores 1-10 on MT-Bench).

    Attributes:
        prompts: Routed prompts after decontamination.
        weak: Mixtral-8x7B's score.
        strong: GPT-4-1106's score.
        random: APGR, CPT50 and CPT80 of the paper's random router; CPT in % of calls.
        random_seed_0: The same three from their code with seed 0 and ten iterations.
        random_noise: Standard deviation of the APGR of ten averaged random runs.
        oracle: APGR of their optimal line at eleven points, and of the exact curve.
        oracle_cpt: Exact CPT50, CPT80 and CPT100 of the oracle, in % of calls.
    """

    prompts: int
    weak: float
    strong: float
    random: tuple[float, float, float]
    random_seed_0: tuple[float, float, float]
    random_noise: float
    oracle: tuple[float, float]
    oracle_cpt: tuple[float, float, float]


PUBLISHED: dict[str, Published] = {
    "mmlu": Published(
        14_037, 68.09, 80.59,
        random=(0.500, 50.07, 79.93), random_seed_0=(0.501, 50.0, 79.3), random_noise=0.003,
        oracle=(1.290, 1.285), oracle_cpt=(6.3, 10.0, 12.5),
    ),
    "gsm8k": Published(
        1_307, 63.73, 85.77,
        random=(0.497, 50.00, 80.08), random_seed_0=(0.507, 48.8, 80.2), random_noise=0.0063,
        oracle=(1.131, 1.121), oracle_cpt=(11.0, 17.7, 22.0),
    ),
    "mt_bench": Published(
        72, 8.281, 9.212,
        random=(0.500, 49.03, 78.08), random_seed_0=(0.507, 51.3, 78.5), random_noise=0.022,
        oracle=(0.957, 0.964), oracle_cpt=(8.3, 18.1, 30.6),
    ),
}  # fmt: skip


def pair_benchmarks(table: OutcomeTable) -> list[PairBenchmark]:
    """Build MMLU, GSM8K and MT-Bench as RouteLLM evaluates them.

    Prompts flagged as contaminated are left out; an MT-Bench question goes when either of its turns
    is flagged. MT-Bench scores return to 1-10.

    Args:
        table: Holds the rows of source ``routellm`` with both models.

    Raises:
        DataError: The rows are not there, or a question lacks a turn.
    """
    rows = table.select(table.source == SOURCE)
    if len(rows) == 0:
        raise DataError(
            f"no outcomes of source {SOURCE!r} here: run `make data`, which makes routellm.parquet"
        )
    pairs = rows.for_models((WEAK_MODEL, STRONG_MODEL))
    return [_benchmark(pairs, name) for name in PUBLISHED]


def routellm_rows(table: OutcomeTable) -> tuple[RouteLLMRow, ...]:
    """Compute every figure of RouteLLM that needs no trained router, beside the known one."""
    return tuple(row for bench in pair_benchmarks(table) for row in benchmark_rows(bench))


def benchmark_rows(bench: PairBenchmark) -> list[RouteLLMRow]:
    """Compare one benchmark's figures; accuracies must agree to 0.1 and APGR to 0.01."""
    known = PUBLISHED[bench.name]
    score_tolerance = 0.01 if bench.name == "mt_bench" else 0.1
    scale = 1.0 if bench.name == "mt_bench" else 100.0
    by_lot = random_curve(bench)
    exact = strong_share_curve(oracle_scores(bench), bench.weak, bench.strong)
    expected = StrongShareCurve(
        np.array([0.0, 1.0]), np.array([bench.weak.mean(), bench.strong.mean()])
    )
    noise = max(0.01, 3 * known.random_noise)
    call = 100.0 / known.prompts
    figures = [
        ("routed prompts", known.prompts, MEASURED, bench.weak.size, 0.0),
        ("weak model", known.weak, MEASURED, bench.weak.mean() * scale, score_tolerance),
        ("strong model", known.strong, MEASURED, bench.strong.mean() * scale, score_tolerance),
        ("random APGR, expected", known.random[0], PAPER, apgr(expected), 0.01),
        ("random APGR, seed 0", known.random_seed_0[0], MEASURED, their_apgr(bench, by_lot), noise),
        (
            "random CPT50 %, seed 0",
            known.random_seed_0[1],
            MEASURED,
            their_cpt(bench, by_lot, 0.5) * 100,
            noise * 300,
        ),
        (
            "random CPT80 %, seed 0",
            known.random_seed_0[2],
            MEASURED,
            their_cpt(bench, by_lot, 0.8) * 100,
            noise * 300,
        ),
        (
            "oracle APGR, eleven points",
            known.oracle[0],
            MEASURED,
            their_apgr(bench, budgeted_oracle_curve(bench)),
            0.01,
        ),
        ("oracle APGR, exact", known.oracle[1], MEASURED, apgr(exact), 0.01),
        *(
            (
                f"oracle CPT{level:.0%}".replace("%", " %"),
                share,
                MEASURED,
                cpt(exact, level) * 100,
                call + 0.05,
            )
            for level, share in zip((0.5, 0.8, 1.0), known.oracle_cpt, strict=True)
        ),
    ]
    return [RouteLLMRow(bench.name, *figure) for figure in figures]


def verifier_apgr(bench: PairBenchmark) -> float:
    """APGR of a router that only knows whether the weak model fails."""
    return apgr(strong_share_curve(verifier_scores(bench), bench.weak, bench.strong))


def _benchmark(pairs: OutcomeTable, name: str) -> PairBenchmark:
    rows = pairs.select(pairs.task == name)
    if len(rows) == 0:
        raise DataError(f"no rows of task {name!r} in source {SOURCE!r}: run `make data`")
    dropped = np.array([CONTAMINATED in flag.split("|") for flag in rows.flags])
    weak, strong = rows.quality[:, 0].astype(np.float64), rows.quality[:, 1].astype(np.float64)
    if name == "gsm8k":
        order = _counting_order(len(rows))
        return PairBenchmark(name, weak[order][~dropped[order]], strong[order][~dropped[order]])
    if name == "mmlu":
        return PairBenchmark(name, weak[~dropped], strong[~dropped])
    question = _questions(rows.subtask)
    numbers, place = np.unique(question, return_inverse=True)
    turns = np.bincount(place)
    if (turns != 2).any():
        raise DataError(
            f"MT-Bench question {numbers[turns != 2][0]} has {turns[turns != 2][0]} turns, not 2: "
            "run `make data`"
        )
    kept = np.bincount(place, weights=dropped) == 0
    means = [np.bincount(place, weights=scores) / 2 for scores in (weak, strong)]
    low, high = (scores[kept] * _JUDGE_RANGE + _JUDGE_LOW for scores in means)
    return PairBenchmark(name, low, high, whole_calls=True)


def _counting_order(count: int) -> IntArray:
    """Put rows that stand in the order of "0", "1", "10", "100", ... into the order of counting.

    The random router's draws follow the order of prompts, and RouteLLM's GSM8K file counts.
    """
    as_text = sorted(range(count), key=str)
    order: IntArray = np.argsort(as_text)
    return order


def _questions(subtask: StrArray) -> IntArray:
    """Read the question's number from ``q<question>/t<turn>``."""
    matches = [_TURN.match(text) for text in subtask.tolist()]
    if None in matches:
        raise DataError(
            f"MT-Bench subtask {subtask[matches.index(None)]!r} does not name question and turn as "
            "q81/t1: run `make data`"
        )
    return np.array([int(match["question"]) for match in matches if match is not None])
