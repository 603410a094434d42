"""RouteLLM's benchmarks as a table: published routers, baselines and ours, with intervals.

``python -m training.pairs_table`` learns, scores and prints; about two minutes on two cores.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.bootstrap import resample_weights
from eval.cells import signed, with_interval
from eval.figures import interval
from eval.metrics import apgr, cpt, strong_share_curve
from eval.outcomes import read_outcomes
from eval.tables import aligned
from router.errors import RouterError
from training.pairs import (
    PairRows,
    conversation_rows,
    mixture_scores,
    out_of_fold,
    pair_rows,
    subtask_scores,
)

# Best published figure of each setting: APGR, CPT50 %, CPT80 % (arXiv 2406.18665 v4, tables 1-3).
PUBLISHED: dict[str, tuple[str, float, float, float]] = {
    "MMLU, ~1,500 labels": ("similarity-weighted, with 65k battles", 0.603, 35.40, 71.55),
    "GSM8K, 5-fold": ("causal LLM, battles and judge", 0.622, 33.64, 63.26),
    "MMLU to MT-Bench": ("similarity-weighted, battles only", 0.610, 37.85, 58.99),
    "MMLU to GSM8K": ("similarity-weighted, battles only", 0.4753, 54.43, 82.11),
}
FEW_LABELS = 1500
DRAWS = 400


def main(argv: Sequence[str] | None = None) -> int:
    """Learn, score and print; 0 when done, 1 when the data are refused."""
    parser = argparse.ArgumentParser(prog="python -m training.pairs_table", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes/routellm.parquet"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=DRAWS, help="resamples behind intervals")
    arguments = parser.parse_args(argv)
    try:
        table = read_outcomes(arguments.data)
        mmlu, gsm8k = pair_rows(table, "mmlu"), pair_rows(table, "gsm8k")
        mt_bench = conversation_rows(table)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(settings_table(mmlu, gsm8k, mt_bench, arguments.seed, arguments.draws))
    return 0


def settings_table(
    mmlu: PairRows, gsm8k: PairRows, mt_bench: PairRows, seed: int, draws: int = DRAWS
) -> str:
    """Return the table of all settings, with intervals over so many resamples."""
    rows = [["setting", "router", "APGR", "CPT50 %", "CPT80 %", "APGR against first baseline"]]
    few, rest = few_labels(mmlu, seed)
    told = "told the subject, nothing else"
    settings = (
        (
            "MMLU, 5-fold", mmlu,
            {told: out_of_fold(mmlu, subtask_scores), "ours": out_of_fold(mmlu, mixture_scores)},
        ),
        (
            "MMLU, ~1,500 labels", rest,
            {told: subtask_scores(few, rest), "ours": mixture_scores(few, rest)},
        ),
        (
            "GSM8K, 5-fold", gsm8k,
            {"prompt length": gsm8k.length, "ours": out_of_fold(gsm8k, mixture_scores)},
        ),
        (
            "MMLU to GSM8K", gsm8k,
            {"prompt length": gsm8k.length, "ours": mixture_scores(mmlu, gsm8k)},
        ),
        (
            "MMLU to MT-Bench", mt_bench,
            {"prompt length": mt_bench.length, "ours": mixture_scores(mmlu, mt_bench)},
        ),
    )  # fmt: skip
    for name, held_out, scores in settings:
        if name in PUBLISHED:
            router, area, half, most = PUBLISHED[name]
            rows.append([name, f"RouteLLM, {router}", f"{area:g}", f"{half:g}", f"{most:g}", ""])
        rows.extend(_lines(name, held_out, scores, seed, draws))
    return aligned(rows)


def few_labels(rows: PairRows, seed: int) -> tuple[PairRows, PairRows]:
    """Draw whole duplicate groups of about ``FEW_LABELS`` rows; return them and the rest."""
    names = np.unique(rows.group)
    share = FEW_LABELS / len(rows)
    drawn = names[np.random.default_rng(seed).random(len(names)) < share]
    chosen = np.isin(rows.group, drawn)
    return rows.select(np.flatnonzero(chosen)), rows.select(np.flatnonzero(~chosen))


def _lines(
    setting: str, rows: PairRows, scores: dict[str, FloatArray], seed: int, draws: int
) -> list[list[str]]:
    weights = resample_weights(rows.group, draws, seed)
    everything = np.concatenate([np.full((1, len(rows)), 1 / len(rows)), weights])
    found = {
        name: np.array([_figures(rows, score, draw) for draw in everything])
        for name, score in scores.items()
    }
    first = next(iter(found.values()))
    return [
        [
            setting,
            name,
            with_interval(interval(figures[:, 0])),
            with_interval(interval(100 * figures[:, 1])),
            with_interval(interval(100 * figures[:, 2])),
            "" if figures is first else signed(interval(figures[:, 0] - first[:, 0])),
        ]
        for name, figures in found.items()
    ]


def _figures(rows: PairRows, scores: FloatArray, weights: FloatArray) -> tuple[float, float, float]:
    curve = strong_share_curve(scores, rows.weak, rows.strong, weights)
    return apgr(curve), cpt(curve, 0.5), cpt(curve, 0.8)


if __name__ == "__main__":
    sys.exit(main())
