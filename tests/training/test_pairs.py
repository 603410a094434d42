"""Two models on the same prompts: what is learnt of the gain, and that held out means held out."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import made_up_outcomes

from eval.metrics import apgr, strong_share_curve
from eval.outcomes import OutcomeTable
from eval.routellm import STRONG_MODEL, WEAK_MODEL
from router.errors import TrainingError
from training.pairs import (
    PairRows,
    conversation_rows,
    mixture_scores,
    out_of_fold,
    pair_rows,
    subtask_scores,
)
from training.pairs_table import FEW_LABELS, few_labels, settings_table


def as_pairs(prompts: int, seed: int, task: str = "mmlu") -> OutcomeTable:
    """Return made-up outcomes under RouteLLM's names; every tenth prompt is contaminated."""
    table = made_up_outcomes(prompts, seed).for_models(("mini", "maxi"))
    return replace(
        table,
        models=(WEAK_MODEL, STRONG_MODEL),
        task=np.array([task] * prompts),
        subtask=table.task,
        flags=np.array(["contaminated" if i % 10 == 0 else "" for i in range(prompts)]),
    )


@pytest.fixture(scope="module")
def rows() -> PairRows:
    return pair_rows(as_pairs(600, 11), "mmlu")


def area(rows: PairRows, scores: np.ndarray) -> float:
    return apgr(strong_share_curve(scores, rows.weak, rows.strong))


def test_contaminated_prompts_are_left_out(rows: PairRows) -> None:
    assert len(rows) == 540


def test_a_benchmark_that_is_not_there_is_refused() -> None:
    with pytest.raises(TrainingError, match="no outcomes of RouteLLM's 'gsm8k' here"):
        pair_rows(as_pairs(50, 1), "gsm8k")


def test_the_mixture_recovers_more_of_the_gap_than_chance(rows: PairRows) -> None:
    assert area(rows, out_of_fold(rows, mixture_scores)) > 0.6


def test_out_of_fold_scores_come_from_learners_that_saw_no_row_of_the_group(
    rows: PairRows,
) -> None:
    met: list[set[str]] = []

    def spy(known: PairRows, held_out: PairRows) -> np.ndarray:
        met.append(set(known.group.tolist()) & set(held_out.group.tolist()))
        return np.arange(len(held_out), dtype=np.float64)

    out_of_fold(rows, spy)
    assert met == [set()] * 5


def test_held_out_outcomes_do_not_change_their_scores(rows: PairRows) -> None:
    known, held_out = rows.select(np.arange(400)), rows.select(np.arange(400, 540))
    turned = replace(held_out, weak=1.0 - held_out.weak, strong=1.0 - held_out.strong)
    np.testing.assert_array_equal(mixture_scores(known, held_out), mixture_scores(known, turned))


def test_a_subtask_never_seen_gets_the_mean_gain(rows: PairRows) -> None:
    strange = replace(rows, subtask=np.array(["new"] * len(rows)))
    np.testing.assert_allclose(subtask_scores(rows, strange), (rows.strong - rows.weak).mean())


def test_few_labels_are_whole_groups() -> None:
    many = pair_rows(as_pairs(3 * FEW_LABELS, 5), "mmlu")
    few, rest = few_labels(many, seed=0)
    assert len(few) + len(rest) == len(many)
    assert not set(few.group.tolist()) & set(rest.group.tolist())
    assert 0.7 * FEW_LABELS < len(few) < 1.3 * FEW_LABELS


def test_the_table_sets_ours_beside_published_and_baselines() -> None:
    table = settings_table(
        pair_rows(as_pairs(FEW_LABELS + 300, 5), "mmlu"),
        pair_rows(as_pairs(150, 7, "gsm8k"), "gsm8k"),
        pair_rows(as_pairs(150, 9, "gsm8k"), "gsm8k"),
        seed=0,
        draws=20,
    )
    assert table.count("ours") == 5
    assert table.count("RouteLLM, ") == 4
    assert "told the subject, nothing else" in table


def turns(questions: int, second_turns: int) -> OutcomeTable:
    """Return conversations of two turns, some of them without the second."""
    table = as_pairs(questions + second_turns, 3, "mt_bench")
    names = [f"q{i}/t1" for i in range(questions)] + [f"q{i}/t2" for i in range(second_turns)]
    return replace(table, subtask=np.array(names), flags=np.array([""] * len(names)))


def test_a_conversation_is_routed_on_its_first_turn_and_scored_on_both() -> None:
    table = turns(20, 20)
    rows = conversation_rows(table)
    assert len(rows) == 20
    place = table.subtask.tolist()
    both = [place.index(f"{rows.group[3]}/t{turn}") for turn in (1, 2)]
    column = table.models.index(WEAK_MODEL)
    assert rows.weak[3] == pytest.approx(table.quality[both, column].mean())
    np.testing.assert_array_equal(rows.inputs[3, : rows.dimension], table.vectors[both[0]])


def test_a_question_without_its_second_turn_is_refused() -> None:
    with pytest.raises(TrainingError, match="lack a turn"):
        conversation_rows(turns(20, 19))
