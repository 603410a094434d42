"""Reviews on recorded answers: fitted on some, measured on others, every answer paid for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_answers import MODELS, made_up_answers

from eval.outcomes import Origin, OutcomeTable, write_outcomes
from eval.recorded import Sweep
from eval.review.__main__ import main
from eval.review.answers import Answers, match, read_answers, write_answers
from eval.review.contracts import policies
from eval.review.fit import choose_ridge, fit_head, fit_line, fit_review
from eval.review.measure import cross_fitted, sweeps
from eval.review.predictions import Predictions, read_predictions, write_predictions
from eval.review.prepare import Prepared, prepare, willingness_to_pay_usd
from eval.review.replay import given_answers
from eval.review.shares import shares
from router.catalog import Catalog, load_catalog
from router.errors import DataError
from router.promise.contract import DEFAULT_GRID, ContractTerms
from router.review.covered import covered_by
from router.review.heads import ReviewModel, prompt_rows, sigmoid
from router.review.look import look
from router.review.rule import Action
from router.types import Contract, Goal

ORIGIN = Origin("made up", "none", "none")
PROMPTS = 400


@pytest.fixture(scope="module")
def reviewed_catalog() -> Catalog:
    return load_catalog(Path(__file__).parents[1] / "router" / "catalog.toml")


@pytest.fixture(scope="module")
def answers() -> Answers:
    return made_up_answers(PROMPTS)[0]


@pytest.fixture(scope="module")
def outcomes(answers: Answers) -> OutcomeTable:
    n = len(answers)
    return OutcomeTable(
        prompt_ids=answers.prompt_ids,
        source=np.full(n, "made-up"),
        task=np.where(np.arange(n) % 2, "odd", "even"),
        subtask=np.full(n, ""),
        group=answers.prompt_ids,
        flags=np.full(n, ""),
        input_tokens=np.full(n, 60.0),
        vectors=np.full((n, 4), 0.5, dtype=np.float32),
        features=np.zeros((n, 2), dtype=np.float32),
        models=MODELS,
        quality=answers.quality.astype(np.float32),
        output_tokens=answers.output_tokens.astype(np.float32),
        encoder_sha256="e",
        features_version="1",
    )


@pytest.fixture(scope="module")
def predictions(answers: Answers) -> Predictions:
    _, adequacy, tokens = made_up_answers(PROMPTS)
    names = ("small", "medium", "large")
    fold = np.arange(len(answers)) % 3
    return Predictions(names, answers.prompt_ids, fold, adequacy, tokens, 0)


@pytest.fixture(scope="module")
def data(
    outcomes: OutcomeTable, answers: Answers, predictions: Predictions, reviewed_catalog: Catalog
) -> Prepared:
    pays = willingness_to_pay_usd(12)
    return prepare(outcomes, answers, predictions, reviewed_catalog, pays)


@pytest.fixture(scope="module")
def model_of(data: Prepared, reviewed_catalog: Catalog) -> Callable[[int], ReviewModel]:
    return cross_fitted(data, reviewed_catalog)


@pytest.fixture(scope="module")
def routers(
    data: Prepared, reviewed_catalog: Catalog, model_of: Callable[[int], ReviewModel]
) -> list[Sweep]:
    return sweeps(data, reviewed_catalog, model_of)


def test_a_head_without_evidence_says_what_the_predictor_says() -> None:
    offset = np.linspace(-2, 2, 50)
    rng = np.random.default_rng(0)
    labels = (rng.random(50) < sigmoid(offset)).astype(float)
    stiff = fit_head(rng.normal(size=(50, 3)), labels, offset, ridge=1e9)
    assert np.abs(stiff.weights[:-1]).max() < 1e-6


def test_lengths_are_right_on_average() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(500, 2))
    log_tokens = inputs[:, 0] + rng.normal(0, 1, 500) + 3
    head = fit_line(inputs, log_tokens, ridge=1.0)
    assert np.exp(head.score(inputs)).mean() == pytest.approx(np.exp(log_tokens).mean(), rel=0.15)


def test_noise_gets_a_stiff_penalty_and_signal_a_loose_one() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(300, 20))
    groups = np.array([f"g{i}" for i in range(300)])
    none = np.zeros(300)
    noise = (rng.random(300) < 0.5).astype(float)
    signal = (inputs[:, 0] > 0).astype(float)
    stiff, loose = (choose_ridge(inputs, labels, none, groups, 0) for labels in (noise, signal))
    assert stiff > loose


def test_a_review_fitted_on_agreement_saves_against_none_on_prompts_it_has_not_seen(
    data: Prepared, routers: list[Sweep]
) -> None:
    found = shares(data, routers, seed=0, draws=50)
    reviewed = {
        share.level: share
        for share in found
        if (share.router, share.part) == ("with review", "all")
    }
    assert reviewed[0.97].minus_plain is not None
    assert reviewed[0.97].minus_plain.high < 0
    bound = next(
        share
        for share in found
        if share.router.startswith("perfect verifier")
        and (share.part, share.level) == ("all", 0.97)
    )
    assert bound.share.value < reviewed[0.97].share.value


def test_a_review_under_a_contract_only_undoes_losses_and_is_replayed_as_it_is_served(
    data: Prepared,
    routers: list[Sweep],
    model_of: Callable[[int], ReviewModel],
    reviewed_catalog: Catalog,
) -> None:
    plain, served, free = policies(data, model_of, routers[0], reviewed_catalog.adequate_quality)
    assert (served.lost <= plain.lost).all()
    assert (plain.lost[:, :-1] <= plain.counted).all()
    assert (served.cost_usd >= plain.cost_usd).all()
    assert free.lost[:, :-1].tolist() == free.counted.tolist()
    terms = ContractTerms(0.1, 0.1, 0.05, 400, 0.0, 0.0, "clopper-pearson", "any", 1)
    column = DEFAULT_GRID.index(0.05)
    for row in range(40):
        one, given = data.candidates[row], given_answers(data.answers, row)
        covered = covered_by(terms, one.adequacy)
        first = covered.tiers.index(True)
        branch = look(
            model_of(row), one, [given[first]], Goal(contract=Contract(0.1)), covered=covered
        ).branch
        assert served.lost[row, column] == (plain.lost[row, column] and branch.tier == first)
        assert served.answers[row, column] == 1 + (branch.action is Action.ESCALATE)


def test_answers_survive_being_written(answers: Answers, tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    write_answers(answers, path, ORIGIN)
    again = read_answers(path)
    assert again.models == answers.models
    assert (again.final_hash == answers.final_hash).all()
    assert np.allclose(again.features, answers.features, atol=1e-6)
    write_answers(again, tmp_path / "again.parquet", ORIGIN)
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_prompts_are_matched_by_their_id_once(answers: Answers, outcomes: OutcomeTable) -> None:
    doubled = OutcomeTable.concat([outcomes.select(np.arange(4, 8)), outcomes])
    of_answers, of_table = match(answers, doubled)
    assert (answers.prompt_ids[of_answers] == doubled.prompt_ids[of_table]).all()
    assert len(np.unique(of_answers)) == len(of_answers) == len(answers)


def test_too_few_comparable_answers_are_refused(answers: Answers) -> None:
    few = answers.select(np.arange(100))
    rows = prompt_rows(np.full((100, 3), 0.5), np.full((100, 3), 50.0))
    with pytest.raises(DataError, match="comparable answers"):
        fit_review(rows, few, few.quality > 0.5, few.prompt_ids, 0)


def test_a_model_without_answers_is_named(answers: Answers) -> None:
    with pytest.raises(DataError, match="nobody"):
        answers.select(np.arange(3), ["nobody"])


def test_the_command_prints_a_table_for_every_task(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    outcomes: OutcomeTable,
    answers: Answers,
    predictions: Predictions,
) -> None:
    monkeypatch.setattr("eval.review.contracts.RESAMPLES", 4)
    write_outcomes(outcomes, tmp_path / "outcomes.parquet", ORIGIN)
    write_answers(answers, tmp_path / "answers.parquet", ORIGIN)
    write_predictions(predictions, tmp_path / "predictions.parquet")
    assert read_predictions(tmp_path / "predictions.parquet").tiers == predictions.tiers
    given = ["--data", tmp_path / "outcomes.parquet", "--answers", tmp_path / "answers.parquet"]
    given += ["--predictions", tmp_path / "predictions.parquet", "--draws", "5"]
    given += ["--settings", "4", "--calibrations", "20"]
    assert main([str(one) for one in given]) == 0
    printed = capsys.readouterr().out
    for part in ("even: 200 prompts", "odd: 200 prompts", "all: 400 prompts"):
        assert part in printed
    assert "with review - no review" in printed
    assert printed.count("| 0.05 | over reviews |") == 3
    assert main(["--predictions", str(tmp_path / "nowhere.parquet"), *map(str, given[:4])]) == 1


def test_predictions_of_other_tiers_are_refused(
    outcomes: OutcomeTable, answers: Answers, predictions: Predictions, reviewed_catalog: Catalog
) -> None:
    with pytest.raises(DataError, match="tiers"):
        prepare(outcomes, answers, replace(predictions, tiers=("a", "b", "c")), reviewed_catalog)
