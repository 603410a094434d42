"""Make the file of peers' scores: texts through LiteLLM, vectors through aurelio's index."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from eval.outcomes import OutcomeTable
from eval.peers import index, rules
from eval.peers.scores import NO_FOLD, PeerScores
from eval.peers.texts import read_texts
from router.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be scored: outcomes, catalog, folder of texts, and the folds of the indexes."""

    table: OutcomeTable
    catalog: Catalog
    texts: Path
    seed: int
    folds: int


def make_scores(task: Task, command: str, say: Callable[[str], None]) -> PeerScores:
    """Score every prompt that has a text with LiteLLM, and those with all tiers by the indexes.

    Raises:
        DataError: see ``texts.read_texts``, and ``OutcomeTable.for_models``.
    """
    wanted = np.unique(task.table.prompt_ids)
    texts = read_texts(task.texts, wanted)
    say(f"{len(texts)} of {len(wanted)} prompts have a text; scoring them with {rules.PACKAGE}")
    prompt_ids = np.array(sorted(texts), dtype=np.str_)
    columns = rules.rule_columns([texts[name] for name in prompt_ids.tolist()])
    judged = task.table.for_models([tier.reference_model for tier in task.catalog.tiers])
    say(f"scoring {len(judged)} prompts with {index.PACKAGE} in {task.folds} folds")
    folds, by_index = index.index_folds(
        judged, task.catalog.adequate_quality, task.catalog.tier_names, task.seed, task.folds
    )
    place = {name: at for at, name in enumerate(prompt_ids.tolist())}
    rows = np.array([place[name] for name in judged.prompt_ids.tolist()])
    fold = np.full(len(prompt_ids), NO_FOLD, dtype=np.int64)
    fold[rows] = folds
    for name, values in by_index.items():
        columns[name] = np.full(len(prompt_ids), np.nan)
        columns[name][rows] = values
    made = {
        "command": command,
        "seed": str(task.seed),
        "folds": str(task.folds),
        "encoder_sha256": task.table.encoder_sha256,
        rules.PACKAGE: version(rules.PACKAGE),
        index.PACKAGE: version(index.PACKAGE),
    }
    return PeerScores(prompt_ids, fold, columns, made)
