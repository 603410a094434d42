"""What was learnt of tokens and caches outlives a swap; new prices are seen and warned of."""

import json
import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
from price_rows import plain, row
from swapping import Client, edit, running, with_own_files
from waiting import wait_until

from router.config import Config
from router.cost.book.lines import write_rows
from router.cost.tokens import TOKENS_PER_MESSAGE
from router.v1 import router_pb2 as pb

TURN = pb.RouteRequest(
    prompt="What is kept of this prompt, and for how long? " * 5,
    session_id="s",
    allowed_tiers=["medium"],
)
_MEDIUM = 1


@pytest.fixture
def config(server_config: Config, tiny_artifact: Path, tmp_path: Path) -> Config:
    ours = with_own_files(server_config, tiny_artifact, tmp_path)
    cache = "prompt_cache = { ttl_seconds = 300, min_tokens = 10, hit_rate = 1.0 }\nvision = true"
    text = ours.catalog.read_text(encoding="utf-8")
    ours.catalog.write_text(text.replace("vision = true", cache, 1), encoding="utf-8")
    return ours


def taught(client: Client) -> pb.RouteResponse:
    """Report twice the estimated tokens; return an answer that follows the report."""
    answer = client.router.Route(TURN)
    client.router.RecordOutcome(
        pb.RecordOutcomeRequest(
            decision_id=answer.decision_id,
            request_id="r",
            input_token_count=2 * answer.input_estimate.token_count,
            input_estimate=answer.input_estimate,
        )
    )
    for _ in range(500):  # learning is not waited for by outcomes
        if tokens(client.router.Route(TURN)) > tokens(answer):
            return client.router.Route(TURN)
        time.sleep(0.02)
    raise AssertionError("nothing was learnt in 10 s")


def tokens(answer: pb.RouteResponse) -> int:
    """Return the input tokens that the deployment in question is expected to count."""
    return answer.candidates[_MEDIUM].input_token_count


def test_ratios_and_warm_caches_outlive_new_prices_and_going_back(config: Config) -> None:
    with running(config) as client:
        before = taught(client)
        assert before.input_estimate.warm_token_count == tokens(before)
        edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = 30.0")
        assert client.reload().changed
        swapped = client.router.Route(TURN)
        client.rollback()
        for after in (swapped, client.router.Route(TURN)):
            assert tokens(after) == tokens(before)
            assert after.input_estimate == before.input_estimate


def test_a_canary_counts_as_was_learnt_and_finds_sessions_warm(
    config: Config, other_artifact: Path
) -> None:
    with running(config) as client:
        before = taught(client)
        client.server.versions.set_canary("admin", other_artifact, 1.0)
        after = client.router.Route(TURN)
        assert after.artifact_version != before.artifact_version
        assert tokens(after) == tokens(before)
        assert after.input_estimate == before.input_estimate


def without_first_price(text: str) -> str:
    """Return a catalog whose first deployment states no price."""
    start = text.index("[deployments.price]")
    return text[:start] + text[text.index("[[", start) :]


def test_prices_are_warned_of_at_the_start_and_after_a_reload(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="router.server"), running(config) as client:
        assert caplog.text.count("3 of 3 prices were read more than 30 days ago") == 1
        text = config.catalog.read_text(encoding="utf-8")
        config.catalog.write_text(without_first_price(text), encoding="utf-8")
        assert client.reload().changed
        assert caplog.text.count("is not routable: the catalog states no price") == 1


def test_price_files_are_watched_with_the_catalog_that_names_them(config: Config) -> None:
    text = without_first_price(config.catalog.read_text(encoding="utf-8"))
    text = text.replace("[[deployments]]", '[[deployments]]\nprice_key = "acme/big"', 1)
    text = text.replace("[[tiers]]", '[prices]\nfiles = ["list.jsonl"]\n\n[[tiers]]', 1)
    config.catalog.write_text(text, encoding="utf-8")
    prices = config.catalog.parent / "list.jsonl"
    write_rows(prices, plain())
    with running(replace(config, watch_seconds=0.05)) as client:

        def price() -> float:
            listed = client.router.ListTiers(pb.ListTiersRequest())
            return listed.tiers[0].deployments[0].input_usd_per_mtok

        assert price() == 2.0
        write_rows(prices, [row("input", "3"), row("output", "10")])
        for _ in range(500):
            if price() == 3.0:
                return
            time.sleep(0.02)
        raise AssertionError("the new price was not seen in 10 s")


def test_a_vocabulary_that_changes_is_another_catalog_and_is_watched(
    config: Config, tiny_artifact: Path
) -> None:
    file = config.catalog.parent / "vocabulary.json"
    content = json.loads((tiny_artifact / "tokenizer.json").read_text(encoding="utf-8"))
    file.write_text(json.dumps(content), encoding="utf-8")
    edit(config.catalog, 'tier = "medium"', f'tier = "medium"\ntokenizer = "{file.name}"')
    with running(replace(config, watch_seconds=0.05)) as client:
        before = client.router.Route(TURN)
        assert not client.reload().changed
        # Nothing is split and nothing is known: whatever is counted is one token.
        content["model"]["vocab"] = {"[UNK]": 0}
        content["model"]["unk_token"] = "[UNK]"
        content["added_tokens"] = []
        content["pre_tokenizer"] = None
        file.write_text(json.dumps(content), encoding="utf-8")
        wait_until(lambda: tokens(client.router.Route(TURN)) < tokens(before))
        after = client.router.Route(TURN)
    assert tokens(after) == 1 + TOKENS_PER_MESSAGE
    assert after.catalog_version != before.catalog_version
