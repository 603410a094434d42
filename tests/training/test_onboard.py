"""``make onboard``: an artifact with one tier more, whose known tiers have not moved."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import made_up_outcomes, user_records, with_quality, write_jsonl

from eval.outcomes import OutcomeTable
from router.catalog import Catalog, load_catalog
from router.engine import build_engine
from router.errors import CatalogError, TrainingError
from router.predict.artifact import LENGTH_BOUNDS, load_artifact
from router.predict.parts import PROMISE_FILE
from router.types import Goal, Message, Request
from training.__main__ import main
from training.export import MANIFEST_FILE, write_manifest
from training.onboard.ability import fit_ability
from training.onboard.catalog import merged_catalog
from training.onboard.certainty import certainty
from training.onboard.graph import extend_heads
from training.onboard.lengths import fit_length
from training.onboard.line import onboard
from training.onboard.report import report
from training.onboard.slot import find_slot


@pytest.fixture(scope="module")
def base(plain: Path) -> Path:
    return plain


@pytest.fixture(scope="module")
def labels() -> OutcomeTable:
    """Return other prompts than the base was trained on, of the same kind."""
    return made_up_outcomes(prompts=240, seed=11 + 1)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores))


def known_tiers(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return sigmoid(rng.normal(size=(n, 1)) + np.array([-1.0, 0.0, 1.5]))


def test_an_artifact_knows_one_tier_more_and_the_others_have_not_moved(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    done = onboard(base, tmp_path / "out", labels, made_up_catalog_file, "midi-b", tier="between")
    engine = build_engine(load_artifact(tmp_path / "out"), load_catalog(done.catalog))
    before = load_artifact(base)
    rank = done.slot.rank
    assert engine.artifact.tier_names[rank] == "between"
    assert engine.artifact.version == done.artifact_version != before.version
    old = before.heads.run(labels.vectors, labels.features)
    new = engine.artifact.heads.run(labels.vectors, labels.features)
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one, np.delete(other, rank, axis=1))
    np.testing.assert_allclose(
        new[0][:, rank], done.ability.adequacy(old[0].astype(np.float64)), atol=1e-5
    )
    np.testing.assert_allclose(
        new[1][:, rank], old[1][:, done.length.tier] * done.length.ratio, rtol=1e-5
    )
    decision = engine.route(Request((Message("user", "Hello!"),), goal=Goal(quality_target=0.5)))
    assert {one.deployment.tier for one in decision.estimates} == set(engine.artifact.tier_names)


def test_the_same_labels_give_the_same_version(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    versions = {
        onboard(base, tmp_path / name, labels, made_up_catalog_file, "midi-b").artifact_version
        for name in "ab"
    }
    assert len(versions) == 1


def test_a_second_model_may_follow_the_first(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    first = onboard(base, tmp_path / "one", labels, made_up_catalog_file, "midi-b")
    second = onboard(tmp_path / "one", tmp_path / "two", labels, first.catalog, "mini-b")
    engine = build_engine(load_artifact(tmp_path / "two"), load_catalog(second.catalog))
    assert len(engine.artifact.tier_names) == 5
    told = engine.artifact.manifest.extra["onboarded"]
    assert [one["reference_model"] for one in told] == ["midi-b", "mini-b"]
    assert told[1]["base_version"] == first.artifact_version


def test_a_contract_is_not_taken_over(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    from test_promise_calibration import many

    from training.promise import calibrate

    calibrate(base, tmp_path / "with", many(labels), load_catalog(made_up_catalog_file))
    done = onboard(tmp_path / "with", tmp_path / "out", labels, made_up_catalog_file, "midi-b")
    assert done.contract_dropped
    assert not (tmp_path / "out" / PROMISE_FILE).exists()
    assert load_artifact(tmp_path / "out").promise is None


def test_upper_output_lengths_are_not_taken_over_and_the_report_says_so(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    place = tmp_path / "with"
    shutil.copytree(base, place)
    manifest = json.loads((place / MANIFEST_FILE).read_text())
    manifest[LENGTH_BOUNDS] = {"coverage": 0.9, "edges": [[]] * 3, "factors": [[2.0]] * 3}
    write_manifest(place, {key: value for key, value in manifest.items() if key != "version"})
    done = onboard(place, tmp_path / "out", labels, made_up_catalog_file, "midi-b")
    assert load_artifact(place).length_bounds is not None
    assert load_artifact(tmp_path / "out").length_bounds is None
    said = report(done, load_catalog(made_up_catalog_file), "midi-b", tmp_path / "out")
    assert "Upper output lengths: there are none for tier midi-b" in said


def test_of_the_training_table_only_the_held_out_part_gives_labels(
    base: Path, made_up: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    done = onboard(base, tmp_path / "out", made_up, made_up_catalog_file, "midi-b")
    assert done.ability.labels < len(made_up) / 2


def test_few_labels_are_refused_and_nothing_is_written(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    few = labels.select(np.arange(49))
    with pytest.raises(TrainingError, match=r"49 prompts .* at least 50") as caught:
        onboard(base, tmp_path / "out", few, made_up_catalog_file, "midi-b")
    assert caught.value.reason == "TOO_FEW_EXAMPLES"
    assert list(tmp_path.iterdir()) == []


def test_labels_without_lengths_are_refused(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    unknown = replace(labels, output_tokens=np.full_like(labels.output_tokens, np.nan))
    with pytest.raises(TrainingError, match="0 of the 240 labels have output_tokens"):
        onboard(base, tmp_path / "out", unknown, made_up_catalog_file, "midi-b")


def test_a_model_that_is_always_right_is_ranked_highest(
    base: Path, labels: OutcomeTable, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    perfect = with_quality(labels, "midi-b", 1.0)
    done = onboard(base, tmp_path / "out", perfect, made_up_catalog_file, "midi-b")
    assert done.slot.rank == 3
    assert done.ability.adequacy(np.full((1, 3), 0.5))[0] > 0.9


def test_without_labels_a_profile_is_the_mean_of_the_known_tiers() -> None:
    known = known_tiers(50)
    ability = fit_ability(known[:0], np.zeros(0))
    mean = np.log(known / (1 - known)).mean(axis=1)
    np.testing.assert_allclose(ability.adequacy(known), sigmoid(mean), atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(-1.5, 1.5))
def test_a_profile_finds_the_share_of_adequate_answers(seed: int, bias: float) -> None:
    known = known_tiers(500, seed)
    truth = sigmoid(np.log(known / (1 - known)).mean(axis=1) + bias)
    adequate = (np.random.default_rng(seed).random(500) < truth) * 1.0
    ability = fit_ability(known, adequate)
    assert abs(ability.adequacy(known).mean() - adequate.mean()) < 0.01


def test_more_labels_make_a_profile_surer() -> None:
    known = known_tiers(1000)
    adequate = (np.random.default_rng(0).random(1000) < known[:, 1]) * 1.0
    spreads = [fit_ability(known[:n], adequate[:n]).deviation(known).mean() for n in (50, 1000)]
    assert spreads[1] < spreads[0] / 2


def test_labels_by_the_toss_of_a_coin_are_not_shown_to_tell_prompts_apart() -> None:
    known = known_tiers(300)
    adequate = (np.random.default_rng(1).random(300) < 0.5) * 1.0
    found = certainty(known, adequate, np.arange(300).astype(str), seed=0)
    assert found.gain_over_mean.low < 0
    assert found.mean_adequacy.low < 0.5 < found.mean_adequacy.high


def test_exact_probabilities_show_no_more_error_than_noise() -> None:
    known = known_tiers(500)
    adequate = (np.random.default_rng(2).random(500) < known[:, 1]) * 1.0
    found = certainty(known, adequate, np.arange(500).astype(str), seed=0)
    assert found.ece.value < 2 * found.ece_if_calibrated
    assert found.gain_over_mean.low > 0


def test_a_length_follows_the_nearest_tier_and_is_shrunk_towards_it() -> None:
    rng = np.random.default_rng(0)
    expected = np.exp(rng.normal(5, 1, (400, 3)))
    written = 3.0 * expected[:, 1]
    many, few = fit_length(expected, written), fit_length(expected[:20], written[:20])
    assert (many.tier, few.tier) == (1, 1)
    assert many.ratio == pytest.approx(3.0, rel=0.06)
    assert 1.5 < few.ratio < many.ratio


def test_equal_models_are_ranked_by_price(catalog: Catalog) -> None:
    rng = np.random.default_rng(0)
    known = known_tiers(200)
    adequate = (rng.random(200) < known[:, 1]) * 1.0
    midi = next(one.price for one in catalog.deployments if one.tier == "medium")
    ranks = [
        find_slot(
            catalog, adequate, known, np.full(4, 100.0), 100.0,
            replace(midi, output_usd_per_mtok=midi.output_usd_per_mtok * times),
        ).rank
        for times in (0.5, 2.0)
    ]  # fmt: skip
    assert ranks == [1, 2]


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_catalog_keeps_its_text_and_gets_the_tier_at_its_rank(rank: int, tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "data" / "catalog.toml"
    merged = tmp_path / "merged.toml"
    merged.write_text(merged_catalog(shipped, "new", 'a "new" model', rank, None), encoding="utf-8")
    names = load_catalog(merged).tier_names
    assert names == (
        *load_catalog(shipped).tier_names[:rank],
        "new",
        *load_catalog(shipped).tier_names[rank:],
    )
    assert set(shipped.read_text().splitlines()) <= set(merged.read_text().splitlines())
    new = load_catalog(merged).deployments[-1]
    assert (new.model, new.price) == ('a "new" model', None)


def test_a_tier_that_is_there_already_is_refused(made_up_catalog_file: Path) -> None:
    with pytest.raises(CatalogError, match="tier 'small' is there already"):
        merged_catalog(made_up_catalog_file, "small", "midi-b", 1, None)
    with pytest.raises(CatalogError, match="rename it, then onboard"):
        merged_catalog(_with_id(made_up_catalog_file, "midi-b"), "new", "midi-b", 1, None)


def _with_id(path: Path, name: str) -> Path:
    text = path.read_text(encoding="utf-8").replace('id = "midi-1"', f'id = "{name}"')
    other = path.with_name("other.toml")
    other.write_text(text, encoding="utf-8")
    return other


def test_heads_with_an_output_nobody_knows_are_not_extended(base: Path) -> None:
    heads = onnx.load(base / "heads.onnx")
    heads.graph.output.append(heads.graph.output[0])
    heads.graph.output[-1].name = "mood"
    known = known_tiers(100)
    with pytest.raises(TrainingError, match="mood"):
        extend_heads(
            heads, fit_ability(known, known[:, 0].round()), fit_length(known, known[:, 0]), 0
        )


def test_the_extended_graph_takes_any_number_of_rows(base: Path) -> None:
    known = known_tiers(100)
    graph = extend_heads(
        onnx.load(base / "heads.onnx"),
        fit_ability(known, known[:, 0].round()),
        fit_length(known, known[:, 0]),
        0,
    )
    session = ort.InferenceSession(graph.SerializeToString())
    widths = {one.name: one.shape[1] for one in session.get_inputs()}
    for rows in (1, 5):
        given = {name: np.zeros((rows, width), np.float32) for name, width in widths.items()}
        assert [part.shape for part in session.run(None, given)] == [
            (rows, 4),
            (rows, 4),
            (rows, 1),
        ]


def test_the_command_says_what_was_done(
    base: Path, made_up_catalog_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [one | {"model": "newcomer"} for one in user_records(80) if one["model"] == "midi"]
    data = write_jsonl(tmp_path / "labels.jsonl", records)
    status = main(
        [
            "onboard", "--data", str(data), "--model", "newcomer", "--artifact", str(base),
            "--catalog", str(made_up_catalog_file), "--out", str(tmp_path / "out"),
        ]
    )  # fmt: skip
    printed = capsys.readouterr()
    assert status == 0, printed.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["version"] in printed.out
    assert 'reference_model = "newcomer"' in printed.out
    assert "80, 80 of them with output tokens" in printed.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no model given"),
        (["--model", "x", "--labels", "y.jsonl"], "--labels goes with --suggest"),
        (["--suggest", "0"], "must be at least 1"),
        (["--suggest", "3", "--model", "x"], "--labels and --model go together"),
        (["--suggest", "3", "--data", "nowhere.jsonl"], "not a file of prompts"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: list[str], words: str, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["onboard", "--artifact", str(base), *options]) == 1
    assert words in capsys.readouterr().err


def test_a_price_is_given_whole_or_not_at_all(
    base: Path, made_up_catalog_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [one for one in user_records(60) if one["model"] == "midi"]
    data = write_jsonl(tmp_path / "labels.jsonl", records)
    command = ["onboard", "--data", str(data), "--model", "midi", "--artifact", str(base)]
    assert main([*command, "--input-usd-per-mtok", "1"]) == 1
    assert "give all four, or none" in capsys.readouterr().err
