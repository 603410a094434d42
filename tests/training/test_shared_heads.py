"""The shared network as heads: what it gives, exports, bounds, and learns from."""

import numpy as np
import onnxruntime as ort
import pytest
from synthetic import DIMENSION, N_FEATURES

from eval.metrics import auroc
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from training.candidates import CANDIDATES, Candidate, log_loss
from training.descent import SharedSettings
from training.heads import TEACHER, Known, fit_heads
from training.labels import Examples
from training.lengths import Lengths
from training.otherwise import Pairs
from training.parity import check_parity
from training.settings import SHARED, Settings
from training.shared_graph import build_shared_heads
from training.shared_heads import SharedHeads, fit_shared_heads
from training.shared_rows import PRIOR, outcome_rows, outcomes_outside
from training.student import TOLERANCE


def fitted(
    made_up: OutcomeTable,
    parts: np.ndarray,
    catalog: Catalog,
    lengths: Lengths,
    examples: dict[str, Examples],
    candidates: dict[str, Candidate],
    **options: object,
) -> SharedHeads:
    outcomes = outcomes_outside(made_up, catalog, made_up.group[parts != "train"])
    given = {"dimension": DIMENSION, "seed": 0, **options}
    train, validation = examples["train"], examples["validation"]
    return fit_shared_heads(
        outcomes, None, candidates["lightgbm"], lengths, train, validation, **given
    )


@pytest.fixture(scope="module")
def heads(
    made_up: OutcomeTable,
    parts: np.ndarray,
    catalog: Catalog,
    lengths: Lengths,
    examples: dict[str, Examples],
    candidates: dict[str, Candidate],
) -> SharedHeads:
    return fitted(made_up, parts, catalog, lengths, examples, candidates)


def test_it_foresees_adequacy_on_prompts_it_has_not_seen(
    heads: SharedHeads, examples: dict[str, Examples]
) -> None:
    test = examples["test"]
    said = heads.adequacy(test.inputs)
    base = np.broadcast_to(examples["train"].adequate.mean(axis=0), said.shape)
    assert log_loss(said, test.adequate) < log_loss(base, test.adequate) - 0.05
    assert min(auroc(said[:, t], test.adequate[:, t] > 0) for t in range(heads.tiers)) > 0.6


def test_it_gives_the_lengths_of_the_length_heads(
    heads: SharedHeads, lengths: Lengths, examples: dict[str, Examples]
) -> None:
    inputs = examples["test"].inputs
    ours, theirs = heads.tokens(inputs), lengths.tokens(inputs)
    assert (ours >= 0).all()
    assert np.corrcoef(np.log1p(ours).ravel(), np.log1p(theirs).ravel())[0, 1] > 0.85


def test_the_graph_gives_what_was_fitted_and_passes_the_gate(
    heads: SharedHeads, examples: dict[str, Examples]
) -> None:
    graph = build_shared_heads(heads, dimension=DIMENSION, n_features=N_FEATURES)
    inputs = examples["test"].inputs
    assert check_parity(graph, heads, heads, inputs, DIMENSION).adequacy_max < 1e-4
    session = ort.InferenceSession(graph.SerializeToString())
    adequacy, _ = session.run(
        None, {"vector": inputs[:1, :DIMENSION], "features": inputs[:1, DIMENSION:]}
    )
    np.testing.assert_allclose(adequacy, heads.adequacy(inputs[:1]), atol=1e-4)


def test_beyond_what_was_learnt_a_feature_counts_as_the_bound(
    heads: SharedHeads, examples: dict[str, Examples]
) -> None:
    far = examples["train"].inputs[:1].copy()
    farther = far.copy()
    far[:, DIMENSION:] = heads.high[DIMENSION:]
    farther[:, DIMENSION:] = 1e6
    np.testing.assert_array_equal(heads.adequacy(far), heads.adequacy(farther))


def test_the_same_seed_gives_the_same_heads_and_another_others(
    made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog, lengths: Lengths,
    examples: dict[str, Examples], candidates: dict[str, Candidate],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("training.shared_heads._LEAST_STEPS", 60)  # as many as say so
    first, again, other = (
        fitted(made_up, parts, catalog, lengths, examples, candidates, seed=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(again.out[0], first.out[0])
    assert not np.array_equal(other.out[0], first.out[0])


def test_taught_by_pairs_it_moves_less_when_a_prompt_is_written_otherwise(
    heads: SharedHeads, made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog,
    lengths: Lengths, examples: dict[str, Examples], candidates: dict[str, Candidate],
) -> None:  # fmt: skip
    before = examples["train"].inputs
    after = before.copy()
    after[:, DIMENSION] += before[:, DIMENSION].std()
    pairs = Pairs(before, after, DIMENSION)
    taught = fitted(made_up, parts, catalog, lengths, examples, candidates, pairs=pairs)
    fresh = examples["test"].inputs
    changed = fresh.copy()
    changed[:, DIMENSION] += before[:, DIMENSION].std()
    moved = [np.abs(one.adequacy(fresh) - one.adequacy(changed)).mean() for one in (taught, heads)]
    assert moved[0] < 0.85 * moved[1]


def test_rows_hold_every_model_and_nothing_of_held_out_groups(
    made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog
) -> None:
    known = outcomes_outside(made_up, catalog, made_up.group[parts != "train"])
    assert len(known.inputs) == (parts == "train").sum()
    assert known.labels.shape[1] == len(made_up.models)
    reference = made_up.models.index(catalog.tiers[0].reference_model)
    quality = made_up.quality[parts == "train", reference]
    np.testing.assert_array_equal(known.labels[:, 0], quality >= catalog.adequate_quality)


def test_the_prior_counts_less_than_an_outcome_and_says_nothing_of_other_models(
    made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog, examples: dict[str, Examples]
) -> None:
    known = outcomes_outside(made_up, catalog, made_up.group[parts != "train"])
    prior = examples["test"]  # any examples will do
    rows = outcome_rows(known, prior)
    of_prior = rows.counts[len(known.inputs) :]
    assert len(of_prior) == len(prior)
    assert (of_prior[:, : known.tiers] == np.float32(PRIOR)).all()
    assert not of_prior[:, known.tiers :].any()
    assert PRIOR < 1.0


def test_a_network_that_loses_too_much_of_what_its_teacher_knows_is_not_exported(
    made_up: OutcomeTable,
    parts: np.ndarray,
    catalog: Catalog,
    examples: dict[str, Examples],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where labels are few it does; here it is made to.
    monkeypatch.setattr("training.shared_heads.LEARN", SharedSettings(passes=1, rate=1e-6))
    monkeypatch.setattr("training.shared_heads.SETTLE", SharedSettings(passes=1, rate=1e-6))
    monkeypatch.setattr("training.shared_heads._LEAST_STEPS", 1)
    monkeypatch.setitem(CANDIDATES, TEACHER, ("logistic",))
    held_out = made_up.group[parts != "train"]
    known = Known(made_up, held_out, examples["train"], examples["validation"], None, None)
    told: list[str] = []
    fitted = fit_heads(Settings(), catalog, known, told.append)
    assert fitted.candidate == TEACHER
    assert fitted.losses[SHARED] > fitted.losses[TEACHER] + TOLERANCE
    assert any("as with few labels" in line for line in told)
    said = fitted.adequacy.adequacy(examples["validation"].inputs)
    assert log_loss(said, examples["validation"].adequate) < fitted.losses[SHARED]
