"""What is known of a watch while reports are open, late, in another order or missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.promise.audit import (
    WINDOW,
    audited_loss,
    calibration_id,
    fold,
    foreseen,
    settled_prefix,
)
from router.promise.monitor import MonitorPlan, start_monitor
from router.promise.saved import monitor_to_json
from router.promise.wealth import after_loss, initial_wealth, total

PLAN = MonitorPlan(0.05, 0.1, 0.02)
ONE = np.ones(1)
LOSSES = st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("quality", "top_quality", "lost"),
    [(0.4, 0.5, 1.0), (0.5, 1.0, 0.0), (0.4, 0.4, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 1.0)],
)
def test_an_audit_loses_only_where_the_top_tier_alone_was_adequate(quality, top_quality, lost):
    assert audited_loss(quality, top_quality, 0.5) == lost


@settings(max_examples=50, deadline=None)
@given(LOSSES, st.data())
def test_what_is_known_never_exceeds_what_all_reports_would_show(losses, data):
    """Whatever is open, evidence and lower bound stay at or below those with every loss known."""
    is_open = data.draw(st.lists(st.booleans(), min_size=len(losses), max_size=len(losses)))
    known = [None if o else loss for o, loss in zip(is_open, losses, strict=True)]
    start = start_monitor(PLAN)
    seen, whole = foreseen(start, known), fold(start, losses)
    assert seen.greatest_evidence <= whole.greatest_evidence * (1 + 1e-9)
    assert seen.lower_bound <= whole.lower_bound


@settings(max_examples=50, deadline=None)
@given(LOSSES, st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_change_where_a_watch_ends(losses, random):
    """Reports in any order: once all are in, the state is that of the draws' order, to the bit."""
    order = list(range(len(losses)))
    random.shuffle(order)
    state, settled, known = start_monitor(PLAN), 0, [None] * len(losses)
    for place in order:
        known[place] = losses[place]
        prefix = settled_prefix(known[settled:])
        state = fold(state, known[settled : settled + prefix])
        settled += prefix
    assert settled == len(losses)
    assert monitor_to_json(state) == monitor_to_json(fold(start_monitor(PLAN), losses))


def test_an_open_audit_holds_up_the_settled_ones_until_the_window_has_passed():
    losses: list[float | None] = [0.0, None, *([0.0] * (WINDOW - 1))]
    assert settled_prefix(losses) == 1
    assert settled_prefix([*losses, 0.0]) == WINDOW + 2


def rejected(losses: np.ndarray, alpha: float, delta: float) -> np.ndarray:
    """Which rows of (paths, audits) losses are ever rejected."""
    wealth, found = initial_wealth((len(losses),)), np.zeros(len(losses), dtype=bool)
    for seen in range(losses.shape[1]):
        wealth = after_loss(wealth, seen, losses[:, seen], ONE, np.array([alpha]))
        found |= total(wealth) >= 1 / delta
    return found


def test_bulk_reports_break_the_guarantee_in_the_order_of_reports_and_keep_it_in_that_of_draws():
    """Risk exactly alpha; a fifth of requests goes cheap, and those are reported every 500 draws.

    By reports each bulk is zeros of the top tier first, then cheap audits at five times alpha.
    """
    rng, alpha, delta, cheap, bulk = np.random.default_rng(5), 0.05, 0.1, 0.2, 500
    paths, audits = 400, 2000
    is_cheap = rng.random((paths, audits)) < cheap
    lost = is_cheap & (rng.random((paths, audits)) < alpha / cheap)
    day = np.arange(audits) // bulk
    by_report = np.lexsort((is_cheap, np.broadcast_to(day, is_cheap.shape)), axis=1)
    as_reported = np.take_along_axis(lost, by_report, axis=1).astype(float)
    assert rejected(as_reported, alpha, delta).mean() > 1.5 * delta
    assert rejected(lost.astype(float), alpha, delta).mean() <= delta


def test_a_calibration_is_another_one_when_counts_data_or_heads_differ_and_not_for_a_card():
    manifest = {"files": {"heads.onnx": "a", "contract.json": "b"}, "promise": {"data_sha256": "c"}}
    same = {**manifest, "files": {**manifest["files"], "MODEL_CARD.md": "d"}, "version": "e"}
    assert calibration_id(same) == calibration_id(manifest)
    others = [
        {**manifest, "files": {**manifest["files"], "contract.json": "x"}},
        {**manifest, "files": {**manifest["files"], "heads.onnx": "x"}},
        {**manifest, "promise": {"data_sha256": "x"}},
    ]
    assert len({calibration_id(one) for one in [manifest, *others]}) == 4
