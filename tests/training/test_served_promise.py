"""The parts of the served demonstration beside the server: halves, catalog, table, picture."""

from pathlib import Path

import numpy as np

from eval.outcomes import OutcomeTable
from eval.promise.served import Stretch
from training.served_promise import HEADER, row_of
from training.served_promise_life import Life, halves, pair_catalog
from training.served_promise_picture import draw_life

QUIET = Stretch(100, 40, 2, 3, False, ((50, 1.5),), (20, 60))
BROKEN = Stretch(50, 50, 15, 4, True, ((10, 2.0), (50, 12.0)), tuple(range(1, 16)))
AFTER = Stretch(100, 10, 1, 2, False, (), (7,))


def test_halves_share_no_duplicate_group_and_leave_nobody_out(made_up: OutcomeTable):
    first, second = halves(made_up, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(len(made_up)))
    assert not set(made_up.group[first]) & set(made_up.group[second])


def test_the_catalog_of_the_pair_loads_and_orders_the_two_by_price(tmp_path: Path):
    catalog = pair_catalog(tmp_path / "pair.toml")
    assert catalog.tier_names == ("weak", "strong")
    weak, strong = (one.price for one in catalog.deployments)
    assert weak is not None
    assert strong is not None
    assert weak.output_usd_per_mtok < strong.output_usd_per_mtok


def test_a_row_counts_only_lives_that_were_awake_when_the_traffic_changed():
    alarmed = Life(Stretch(100, 40, 9, 9, True, (), ()), BROKEN, None)
    row = row_of("logistic", 0.05, [Life(QUIET, BROKEN, AFTER), alarmed])
    assert row.count("|") == HEADER[0].count("|")
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[4] == "1 of 2"
    assert cells[5:11] == ["1.00", "0.300", "1 of 1", "4, 4", "50, 50", "15, 15"]
    assert cells[11:] == ["0.10", "0.010", "0 of 1"]


def test_a_life_is_drawn(tmp_path: Path):
    draw_life([QUIET, BROKEN, AFTER], 0.05, 0.9, tmp_path / "life.png")
    assert (tmp_path / "life.png").stat().st_size > 10_000
