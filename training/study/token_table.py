"""MMLU with the encoder's token table trained for routing, beside the table as distilled.

``python -m training.study.token_table --texts DIR`` needs the texts (data/README.md says where they
come from) and torch; five folds take some ten minutes on two cores. In each fold a network learns
the weak and the strong model's quality, and whether the question also stands in MMLU-Pro, from the
sentence vector and the text features; the table is either frozen or moved along by small steps.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from sklearn.preprocessing import StandardScaler

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

_PASSES = 8
_BATCH = 256
_RATE = 2e-3
_TABLE_RATE = 1e-4
_WORDS_LEFT_OUT = 0.2
_VECTOR_LENGTH = 16.0
"""Unit vectors of 256 numbers times this have numbers of about one, like standardised features."""

_DRAWS = 400

Ids = list[npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Task:
    """MMLU rows with their token ids, the labels (n, 3) of a network, and the table (V, d)."""

    rows: PairRows
    ids: Ids
    labels: npt.NDArray[np.float32]
    table: npt.NDArray[np.float32]


def main(argv: Sequence[str] | None = None) -> int:
    """Learn, score and print; 0 when done, 1 when the data are refused."""
    parser = argparse.ArgumentParser(prog="python -m training.study.token_table")
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    try:
        table = read_outcomes(sorted(arguments.data.glob("*.parquet")))
        task = read_task(table, arguments.texts)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(compare(task, arguments.seed))
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
    return Task(
        rows=rows,
        ids=[encoder.tokenizer.encode_reading(read(text)) for text in windows],
        labels=np.column_stack([rows.weak, rows.strong, also]).astype(np.float32),
        table=constants["table"].astype(np.float32) * constants["scales"].reshape(-1, 1),
    )


def compare(task: Task, seed: int) -> str:
    """Return the table of routers, intervals by duplicate group and paired with the mixture."""
    rows = task.rows
    frozen, trained = (_out_of_fold(task, rate, seed) for rate in (0.0, _TABLE_RATE))
    mixture = _standardised(out_of_fold(rows, mixture_scores))
    scores = {
        "the mixture of training.pairs": mixture,
        "told the subject, nothing else": out_of_fold(rows, subtask_scores),
        "network, table as distilled": frozen,
        "network, table trained": trained,
        "mixture and network, table as distilled": mixture + frozen,
        "mixture and network, table trained": mixture + trained,
    }
    draws = resample_weights(rows.group, _DRAWS, seed)
    weights = np.concatenate([np.full((1, len(rows)), 1 / len(rows)), draws])
    areas = {
        name: np.array(
            [apgr(strong_share_curve(score, rows.weak, rows.strong, draw)) for draw in weights]
        )
        for name, score in scores.items()
    }
    first, subject = list(areas.values())[:2]
    lines = [["router", "APGR", "against the mixture", "against the subject"]]
    for name, area in areas.items():
        gaps = [signed(interval(area - other)) for other in (first, subject)]
        lines.append([name, with_interval(interval(area)), *gaps])
    return aligned(lines)


def _out_of_fold(task: Task, table_rate: float, seed: int) -> FloatArray:
    def score(known: PairRows, held_out: PairRows) -> FloatArray:
        # Groups tell which rows a fold took, in their order: none is on both sides.
        inside = np.flatnonzero(np.isin(task.rows.group, known.group))
        outside = np.flatnonzero(np.isin(task.rows.group, held_out.group))
        return _standardised(_learn(task, inside, outside, table_rate, seed))

    return out_of_fold(task.rows, score)


def _learn(
    task: Task,
    known: npt.NDArray[np.intp],
    unknown: npt.NDArray[np.intp],
    table_rate: float,
    seed: int,
) -> FloatArray:
    """Fit on known rows and return the predicted gain of unknown ones."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    features = task.rows.inputs[:, task.rows.dimension :]
    scaler = StandardScaler().fit(features[known])
    near = np.clip(scaler.transform(features), -3.0, 3.0).astype(np.float32)
    table = torch.nn.EmbeddingBag(*task.table.shape, mode="sum")
    table.weight.data = torch.from_numpy(task.table.copy())
    table.weight.requires_grad_(table_rate > 0)
    width = task.table.shape[1] + near.shape[1]
    network = _network(width, task.labels.shape[1])
    parameters = [{"params": network.parameters(), "lr": _RATE, "weight_decay": 1e-4}]
    if table_rate > 0:
        parameters.append({"params": table.parameters(), "lr": table_rate, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(parameters, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [one["lr"] for one in parameters],
        total_steps=_PASSES * -(-len(known) // _BATCH),
        pct_start=0.2,
    )

    def outputs(rows: npt.NDArray[np.intp], left_out: float) -> torch.Tensor:
        ids = [task.ids[row] for row in rows]
        if left_out:
            ids = [one[generator.random(len(one)) > left_out] for one in ids]
        starts = np.concatenate([[0], np.cumsum([len(one) for one in ids])[:-1]])
        summed = table(torch.from_numpy(np.concatenate(ids)), torch.from_numpy(starts))
        vectors = _VECTOR_LENGTH * torch.nn.functional.normalize(summed, dim=1)
        return network(torch.cat([vectors, torch.from_numpy(near[rows])], dim=1))

    for _ in range(_PASSES):
        order = generator.permutation(known)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                outputs(rows, _WORDS_LEFT_OUT), torch.from_numpy(task.labels[rows])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        parts = [
            torch.sigmoid(outputs(unknown[start : start + 1000], 0.0)).numpy()
            for start in range(0, len(unknown), 1000)
        ]
    chance = np.concatenate(parts).astype(np.float64)
    gain: FloatArray = chance[:, 1] - chance[:, 0]
    return gain


def _network(width: int, outputs: int) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = [torch.nn.Dropout(0.1)]
    for units in (128, 64):
        layers += [torch.nn.Linear(width, units), torch.nn.ReLU(), torch.nn.Dropout(0.3)]
        width = units
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, outputs))


def _standardised(scores: FloatArray) -> FloatArray:
    result: FloatArray = (scores - scores.mean()) / scores.std()
    return result


if __name__ == "__main__":
    sys.exit(main())
