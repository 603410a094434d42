"""A contract per topic: each is calibrated alone, all hold together, few labels go strong."""

import numpy as np
import pytest

from router.errors import DataError
from router.promise.bounds import binomial_tail_table
from router.promise.contract import CalibrationCounts, count_losses, rejected_in_sequence
from router.promise.rule import realised_loss
from router.promise.topics import TopicCounts, Topics, count_by_topic
from router.promise.topics_file import topics_from_json, topics_to_json

CENTRES = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
TOPICS = Topics(("common", "rare", "unseen"), CENTRES)


def traffic(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.beta(2, 2, (n, 3)), axis=1)
    adequacy = np.clip(truth + rng.normal(0, 0.1, (n, 3)), 0, 1).astype(np.float32)
    return adequacy, realised_loss(rng.random((n, 3)) < truth)


def calibration(common: int = 600, rare: int = 20) -> TopicCounts:
    adequacy, loss = traffic(common + rare, 9)
    vectors = np.repeat(CENTRES[:2], (common, rare), axis=0)
    return count_by_topic(TOPICS, vectors, adequacy, loss)


def test_a_prompt_belongs_to_the_nearest_centre():
    vectors = np.array([[0.9, 0.1], [0.1, 0.2], [-3.0, 1.0]], dtype=np.float32)
    assert TOPICS.of(vectors).tolist() == [0, 1, 2]


def test_every_topic_counts_its_own_prompts():
    by_topic = calibration()
    assert [counts.n for counts in by_topic.counts] == [600, 20, 0]
    adequacy, loss = traffic(620, 9)
    assert by_topic.counts[0] == count_losses(adequacy[:600], loss[:600])


def test_a_topic_with_few_labels_permits_the_top_tier_only():
    by_topic = calibration()
    common, rare, unseen = (by_topic.terms(0.1, 0.1, topic) for topic in range(3))
    assert common.threshold is not None
    assert (rare.threshold, unseen.threshold) == (None, None)
    assert [(one.topic, one.n) for one in (rare, unseen)] == [("rare", 20), ("unseen", 0)]


def test_the_confidence_is_divided_among_the_topics():
    """Without a loss n labels suffice from log(delta / 3) / log(1 - alpha) on: 33, not 22."""
    for n, enough in ((32, False), (33, True)):
        counts = CalibrationCounts((0.0,), (0.0,), n, True, "any")
        terms = TopicCounts(TOPICS, (counts,) * 3).terms(0.1, 0.1, 0)
        assert (terms.threshold is not None) is enough
        assert (terms.delta, terms.topics, terms.level) == (0.1, 3, pytest.approx(0.1 / 3))


def test_all_topics_hold_together_with_the_confidence_asked_for():
    """Risks just above alpha past the first threshold: any topic that takes it breaks the promise.

    Tested at delta each, some topic would break it in about three of ten calibrations.
    """
    alpha, delta, n, topics = 0.1, 0.1, 300, 4
    rng = np.random.default_rng(2)
    totals = rng.binomial(n, [0.02, 0.1001], (5_000, topics, 2)).reshape(-1, 2)
    table = binomial_tail_table(n, alpha)

    def any_broken(level: float) -> float:
        taken = rejected_in_sequence(table[totals], level).reshape(-1, topics)
        return float((taken == 2).any(axis=1).mean())

    assert any_broken(delta / topics) <= delta
    assert any_broken(delta) > 2 * delta


def test_topics_survive_json():
    by_topic = calibration()
    again = topics_from_json(topics_to_json(by_topic), 2)
    assert again.counts == by_topic.counts
    assert again.topics.names == TOPICS.names
    assert np.array_equal(again.topics.centres, CENTRES)


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("{", "[", "not JSON"),
        ('"format": 1', '"format": 2', "format 2"),
        ('"rare"', '"common"', "named once each"),
        ('"rare"', '""', "non-empty string"),
        ("[0.0, 1.0]", "[0.0]", "must be 2 numbers"),
        ("[0.0, 1.0]", "[0.0, 1e9]", "centre.1"),
        ('"n": 20', '"n": -1', "whole number"),
        ('"n": 20', '"m": 20', "unknown key"),
    ],
)
def test_altered_topics_are_refused_by_name(good: str, bad: str, message: str):
    text = topics_to_json(calibration())
    assert good in text
    with pytest.raises(DataError, match=message):
        topics_from_json(text.replace(good, bad, 1), 2, "topics.json")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Topics((), CENTRES[:0]), "at least one"),
        (lambda: Topics(("a", "a", "b"), CENTRES), "once each"),
        (lambda: Topics(("a", "b"), CENTRES), "one row for each"),
        (lambda: TopicCounts(TOPICS, ()), "0 counts given"),
    ],
)
def test_topics_that_cannot_be_right_are_refused(call, message: str):
    with pytest.raises(DataError, match=message):
        call()
