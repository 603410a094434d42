"""Prices begin, end and grow old while a server runs, and it notices."""

import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from price_rows import by_key, plain, row
from swapping import HELLO, running, with_own_files
from waiting import wait_until

from router.config import Config
from router.cost.book.lines import write_rows
from router.rollout.watcher import Watcher
from router.server import following
from router.server.price_watch import PriceWatch, utc_today

OLD = date(2026, 12, 5)


def test_prices_that_grow_old_are_warned_of_once_a_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    catalog, watch = by_key(tmp_path, plain()), PriceWatch()
    said = []
    with caplog.at_level(logging.WARNING, logger="router.server"):
        for day in (date(2026, 11, 26), OLD, OLD, OLD + timedelta(1)):
            caplog.clear()
            watch.look(catalog, day)
            said.append(caplog.text.count("3 of 3 prices were read more than 30 days ago"))
    assert said == [0, 1, 0, 1]


def test_a_new_day_counts_as_a_change_of_files(tmp_path: Path) -> None:
    days, acted = ["Monday"], []
    watcher = Watcher(lambda: [tmp_path], 3600.0, lambda: acted.append(1), also=lambda: days[-1])
    assert [watcher.look() for _ in range(2)] == [True, False]
    days.append("Tuesday")
    assert [watcher.look() for _ in range(3)] == [False, True, False]
    watcher.close()
    assert len(acted) == 2


def test_a_price_that_begins_today_holds_without_a_restart(
    server_config: Config, tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_key(tmp_path, plain())
    (tmp_path / "own").mkdir()
    config = with_own_files(server_config, tiny_artifact, tmp_path / "own")
    config = replace(config, catalog=tmp_path / "catalog.toml", watch_seconds=0.05)
    monkeypatch.setattr("router.catalog.datetime", Yesterday)
    monkeypatch.setattr(following, "utc_today", lambda: Yesterday.now(None).date())
    Yesterday.is_over = False
    write_rows(tmp_path / "prices.jsonl", [*plain(), row("input", "7", valid_from=utc_today())])
    with running(config) as client:
        before = client.router.Route(HELLO)
        Yesterday.is_over = True
        wait_until(lambda: client.router.Route(HELLO).catalog_version != before.catalog_version)
        after = client.router.Route(HELLO)
    costs = [answer.candidates[0].expected_cost_usd for answer in (before, after)]
    assert costs[1] > costs[0]


class Yesterday:
    """A clock that is a day late until told otherwise."""

    is_over = False

    @classmethod
    def now(cls, zone: object) -> "Yesterday":
        return cls()

    def date(self) -> date:
        return utc_today() - timedelta(0 if self.is_over else 1)
