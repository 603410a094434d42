"""LiteLLM's scores on RouteLLM's tables: does a higher score mean that the strong model gains?

Same prompts and metric as docs/routellm.md; nothing is learnt here, so prompt length stands beside.
"""

import numpy as np

from eval.arrays import FloatArray
from eval.bootstrap import resample_weights
from eval.cells import short, signed, with_interval
from eval.figures import interval
from eval.metrics import apgr, auroc, strong_share_curve
from eval.outcomes import OutcomeTable
from eval.peers.names import RULES_SCORE, V2_PROBABILITIES
from eval.peers.scores import PeerScores
from eval.routellm import STRONG_MODEL, WEAK_MODEL

TASKS = ("mmlu", "gsm8k")
DRAWS = 400
LENGTH = "prompt length (tokens)"


def pair_table(table: OutcomeTable, scores: PeerScores, seed: int) -> list[list[str]]:
    """List APGR of every scorer on both tables, paired with prompt length: rows, the head first."""
    head = ["table", "scorer", "APGR", "minus prompt length", "AUROC of weak failing"]
    return [head, *(row for task in TASKS for row in _rows(task, table, scores, seed))]


def _rows(task: str, table: OutcomeTable, scores: PeerScores, seed: int) -> list[list[str]]:
    clean = (table.task == task) & (np.char.find(table.flags, "contaminated") < 0)
    rows = table.select(clean).for_models((WEAK_MODEL, STRONG_MODEL))
    weak, strong = rows.quality.astype(np.float64).T
    chance = scores.matrix(V2_PROBABILITIES, rows.prompt_ids)
    scorers = {
        LENGTH: rows.input_tokens,
        "LiteLLM complexity rules": scores.matrix((RULES_SCORE,), rows.prompt_ids)[:, 0],
        "LiteLLM heuristic_v2, 1 - P(lowest)": 1.0 - chance[:, 0],
        "LiteLLM heuristic_v2, P(highest) - P(lowest)": chance[:, -1] - chance[:, 0],
    }
    alike = np.full((1, len(rows)), 1.0 / len(rows))
    weights = np.concatenate([alike, resample_weights(rows.group, DRAWS, seed)])

    def samples(score: FloatArray) -> FloatArray:
        return np.array([apgr(strong_share_curve(score, weak, strong, one)) for one in weights])

    found = {name: samples(score) for name, score in scorers.items()}
    return [
        [
            f"{task} ({len(rows):,})",
            name,
            with_interval(interval(found[name])),
            "" if name == LENGTH else signed(interval(found[name] - found[LENGTH])),
            short(auroc(score, weak < 1.0)),
        ]
        for name, score in scorers.items()
    ]
