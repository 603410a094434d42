"""Peers enter the evaluation by their stored scores, at every setting they could run at."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.evaluate import split_held_out
from eval.judged import judge
from eval.outcomes import OutcomeTable, read_outcomes
from eval.peers.contenders import contenders, index, route_offsets
from eval.peers.index import cheapest_adequate
from eval.peers.names import INDEXES, RULES_SCORE, RULES_TIER, V2_PROBABILITIES, index_columns
from eval.peers.pairs import pair_table
from eval.peers.scores import NO_FOLD, PeerScores, read_scores, write_scores
from eval.peers.shipped import belief_rows, shipped_rows
from eval.peers.texts import read_texts
from eval.recorded import Recorded
from router.catalog import load_catalog
from router.defaults import default_catalog_path
from router.engine import Engine
from router.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
JUDGED = ("zeroeval.parquet", "bfcl.parquet")
BUNDLED = ROOT / "data" / "peers" / "scores.parquet"


@pytest.fixture(scope="module")
def scores(outcomes: OutcomeTable, recorded: Recorded, engine: Engine) -> PeerScores:
    rng = np.random.default_rng(2)
    rows = len(outcomes)
    rising = np.sort(rng.random((rows, 4)), axis=1)
    columns = {RULES_SCORE: rng.normal(size=rows), RULES_TIER: np.zeros(rows)}
    columns |= dict(zip(V2_PROBABILITIES, rising.T, strict=True))
    for name in INDEXES:
        shares = rng.random((rows, 3))
        columns |= dict(zip(index_columns(name, recorded.tiers), shares.T, strict=True))
    made = {"command": "a test", "encoder_sha256": outcomes.encoder_sha256}
    held_out = set(split_held_out(engine, outcomes).test.prompt_ids.tolist())
    fold = np.array([int(one in held_out) for one in outcomes.prompt_ids.tolist()])
    return PeerScores(outcomes.prompt_ids, fold, columns, made)


def test_every_peer_can_send_everything_to_either_end(
    engine: Engine, outcomes: OutcomeTable, scores: PeerScores
) -> None:
    split = split_held_out(engine, outcomes)
    judged = judge(engine, split.test, split.known, contenders(scores, with_indexes=True))
    peers = [one for one in judged.sweeps if one.kind == "peer"]
    assert len(peers) == 4 + len(INDEXES)
    for peer in peers:
        for tier in (0, -1):
            if not peer.name.endswith("_learnt"):
                same = peer.cost_usd == judged.recorded.cost_usd[:, [tier]]
                assert same.all(axis=0).any()


def test_an_index_that_may_have_held_judged_prompts_is_refused(
    engine: Engine, outcomes: OutcomeTable, scores: PeerScores, recorded: Recorded
) -> None:
    split = split_held_out(engine, outcomes)
    same = replace(scores, fold=np.zeros(len(outcomes), dtype=np.int64))
    with pytest.raises(DataError, match="other folds than these"):
        index(same, next(iter(INDEXES)), recorded, split.known, split.test)


def test_an_index_of_another_encoder_is_refused(
    engine: Engine, outcomes: OutcomeTable, scores: PeerScores, recorded: Recorded
) -> None:
    split = split_held_out(engine, outcomes)
    other = replace(scores, made=scores.made | {"encoder_sha256": "another"})
    with pytest.raises(DataError, match="but the encoder here is another"):
        index(other, next(iter(INDEXES)), recorded, split.known, split.test)


def test_prompts_without_a_score_are_refused(scores: PeerScores, outcomes: OutcomeTable) -> None:
    with pytest.raises(DataError, match="lack 1 of 1 prompts"):
        scores.matrix((RULES_SCORE,), np.array(["nobody"]))
    columns = {RULES_SCORE: np.full(len(outcomes), np.nan)}
    with pytest.raises(DataError, match="have no score in litellm_rules:score"):
        replace(scores, columns=columns).matrix((RULES_SCORE,), outcomes.prompt_ids[:2])
    with pytest.raises(DataError, match="have no column colour"):
        scores.matrix(("colour",), outcomes.prompt_ids)


def test_scores_read_as_they_were_written(scores: PeerScores, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    write_scores(scores, path)
    found = read_scores(path)
    assert found.prompt_ids.tolist() == scores.prompt_ids.tolist()
    assert found.fold.tolist() == scores.fold.tolist()
    assert found.made == scores.made
    np.testing.assert_allclose(found.columns[RULES_SCORE], scores.columns[RULES_SCORE], rtol=1e-6)


def test_another_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="make peers-scores"):
        read_scores(tmp_path / "nothing.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"prompt_id": ["a"]}), other)
    with pytest.raises(DataError, match="format None"):
        read_scores(other)


def test_the_label_is_the_cheapest_adequate_tier_or_the_lowest() -> None:
    quality = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert cheapest_adequate(quality, 0.5).tolist() == [0, 1, 2, 0]


def test_offsets_let_any_single_route_win_always() -> None:
    for tiers in (2, 3, 5):
        offsets = route_offsets(tiers)
        shares = np.eye(tiers)
        winners = {tuple(np.argmax(shares + offset, axis=1)) for offset in offsets}
        assert {(tier,) * tiers for tier in range(tiers)} <= winners


def test_texts_are_found_by_their_hash_and_conversations_are_left_out(tmp_path: Path) -> None:
    texts = {"ba7816bf8f01cfea": "abc"}
    (tmp_path / "made_up").mkdir()
    table = pa.table({"prompt": ["abc", "abc", "abcd"], "task": ["t", "t", "mt_bench"]})
    pq.write_table(table, tmp_path / "made_up" / "outcomes.parquet")
    wanted = np.array(["ba7816bf8f01cfea", "88d4266fd4e6338d"])
    assert read_texts(tmp_path, wanted) == texts
    with pytest.raises(DataError, match="none of the 1 prompts"):
        read_texts(tmp_path, np.array(["0" * 16]))
    with pytest.raises(DataError, match="name the folder of collected texts"):
        read_texts(tmp_path / "made_up", wanted)


def test_the_bundled_scores_cover_every_judged_prompt_and_hold_no_text() -> None:
    scores = read_scores(BUNDLED)
    catalog = load_catalog(default_catalog_path())
    models = [tier.reference_model for tier in catalog.tiers]
    judged = read_outcomes(ROOT / "data" / "outcomes").for_models(models)
    assert (scores.fold[scores.place(judged.prompt_ids)] != NO_FOLD).all()
    for name in INDEXES:
        assert np.isfinite(
            scores.matrix(index_columns(name, catalog.tier_names), judged.prompt_ids)
        ).all()
    texts = [field.name for field in pq.read_schema(BUNDLED) if field.type == pa.string()]
    assert texts == ["prompt_id"]
    assert {len(one) for one in scores.prompt_ids.tolist()} == {16}


def test_as_shipped_every_prompt_goes_somewhere_and_probabilities_meet_outcomes() -> None:
    scores, catalog = read_scores(BUNDLED), load_catalog(default_catalog_path())
    table = read_outcomes([ROOT / "data" / "outcomes" / name for name in JUDGED])
    for row in shipped_rows(table, catalog, scores)[1:]:
        assert sum(float(cell.rstrip("%")) for cell in row[1:4]) == pytest.approx(100, abs=1.5)
        assert 0 < float(row[4]) < 1
    assert [row[0] for row in belief_rows(table, catalog, scores)[1:]] == list(catalog.tier_names)


def test_litellm_stands_beside_prompt_length_on_both_of_routellms_tables() -> None:
    table = read_outcomes(ROOT / "data" / "outcomes" / "routellm.parquet")
    small = table.select(np.isin(table.task, ("mmlu", "gsm8k")) & (np.arange(len(table)) % 9 == 0))
    rows = pair_table(small, read_scores(BUNDLED), seed=0)
    assert len(rows) == 1 + 2 * 4
    assert sum("prompt length" in row[1] for row in rows) == 2
