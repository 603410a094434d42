"""MMLU with the encoder's token table trained for routing, beside the table as distilled.

``python -m training.study.token_table --texts DIR`` needs the texts (data/README.md says where they
come from) and torch. In each fold networks learn the weak and the strong model's quality, and
whether the question also stands in MMLU-Pro, from the sentence vector and the text features; the
table is either frozen or moved along. The learner is ``training.study.token_network``.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from eval.arrays import FloatArray
from eval.bootstrap import resample_weights
from eval.cells import signed, with_interval
from eval.figures import interval
from eval.metrics import apgr, strong_share_curve
from eval.outcome_table import OutcomeTable
from eval.outcomes import read_outcomes
from eval.tables import aligned
from router.defaults import default_artifact_directory
from router.errors import DataError, RouterError
from router.predict.encoder import TextEncoder
from router.predict.reading import read
from router.predict.window import window
from training.pairs import PairRows, mixture_scores, out_of_fold, pair_rows, subtask_scores
from training.sources.table import text_id
from training.sources.upstream import read_collection
from training.study.token_network import TableSettings, TokenRows, learn, padded

_TABLE_RATES = (0.0, 1e-4, 1e-3, 3e-3)
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Task:
    """MMLU rows, and the same prompts as a network over tokens reads them."""

    rows: PairRows
    tokens: TokenRows


def main(argv: Sequence[str] | None = None) -> int:
    """Learn, score and print; 0 when done, 1 when the data are refused."""
    parser = argparse.ArgumentParser(prog="python -m training.study.token_table")
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", type=int, default=3, help="seeds that are averaged")
    parser.add_argument("--device", default="cpu", help="of torch, such as cuda")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    try:
        table = read_outcomes(sorted(arguments.data.glob("*.parquet")))
        task = read_task(table, arguments.texts)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    seeds = range(arguments.seed, arguments.seed + arguments.networks)
    print(compare(task, seeds, arguments.device))
    return 0


def read_task(table: OutcomeTable, texts: Path) -> Task:
    """Join MMLU's rows with their token ids.

    Raises:
        DataError: the texts are not those the table was made from.
    """
    directory = default_artifact_directory()
    encoder = TextEncoder(directory)
    here = table.select(table.source == "routellm")
    prompts = read_collection(texts, "routellm").prompts
    if [text_id(prompt.text) for prompt in prompts] != here.prompt_ids.tolist():
        raise DataError(f"the texts in {texts} are not those of the data: run 'make data'")
    clean = np.array(["contaminated" not in flags for flags in here.flags.tolist()])
    chosen = np.flatnonzero((here.task == "mmlu") & clean)
    windows = [window(prompts[row].messages) for row in chosen]
    rows = pair_rows(here, "mmlu")
    also = np.isin(rows.group, table.group[table.source == "mmlu_pro"])
    constants = {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load(directory / "encoder.onnx").graph.initializer
    }
    ids = [encoder.tokenizer.encode_reading(read(text)) for text in windows]
    return Task(
        rows,
        TokenRows(
            ids=padded(ids),
            features=rows.inputs[:, rows.dimension :],
            labels=np.column_stack([rows.weak, rows.strong, also]).astype(np.float32),
            weight=np.ones(3, dtype=np.float32),
            subject=np.full(len(rows), -1),
            table=constants["table"].astype(np.float32) * constants["scales"].reshape(-1, 1),
        ),
    )


def compare(task: Task, seeds: range, device: str) -> str:
    """Return the table of routers, intervals by duplicate group and paired with the others."""
    rows = task.rows
    mixture = _standardised(out_of_fold(rows, mixture_scores))
    scores = {
        "told the subject, nothing else": out_of_fold(rows, subtask_scores),
        "the mixture of training.pairs": mixture,
    }
    for rate in _TABLE_RATES:
        name = f"network, table trained by {rate:g}" if rate else "network, table as distilled"
        scores[name] = _out_of_fold(task, TableSettings(table_rate=rate), seeds, device)
        scores[f"mixture and {name}"] = mixture + scores[name]
    frozen = "network, table as distilled"
    draws = resample_weights(rows.group, _DRAWS, seeds[0])
    weights = np.concatenate([np.full((1, len(rows)), 1 / len(rows)), draws])
    areas = {
        name: np.array(
            [apgr(strong_share_curve(score, rows.weak, rows.strong, draw)) for draw in weights]
        )
        for name, score in scores.items()
    }
    others = [next(iter(areas)), "the mixture of training.pairs", frozen]
    lines = [["router", "APGR", *(f"against {name}" for name in others)]]
    for name, area in areas.items():
        gaps = [signed(interval(area - areas[other])) for other in others]
        lines.append([name, with_interval(interval(area)), *gaps])
    return aligned(lines)


def _out_of_fold(task: Task, settings: TableSettings, seeds: range, device: str) -> FloatArray:
    def score(known: PairRows, held_out: PairRows) -> FloatArray:
        # Groups tell which rows a fold took, in their order: none is on both sides.
        inside = np.flatnonzero(np.isin(task.rows.group, known.group))
        outside = np.flatnonzero(np.isin(task.rows.group, held_out.group))
        gains = []
        for seed in seeds:
            chance = learn(task.tokens, inside, outside, settings, seed, device)
            gains.append(_standardised(chance[:, 1] - chance[:, 0]))
        return _standardised(np.mean(gains, axis=0))

    return out_of_fold(task.rows, score)


def _standardised(scores: FloatArray) -> FloatArray:
    result: FloatArray = (scores - scores.mean()) / scores.std()
    return result


if __name__ == "__main__":
    sys.exit(main())
