"""Topics and their calibration counts as JSON text: ``topics.json`` of an artifact."""

import json
from dataclasses import asdict

import numpy as np

from router.promise.contract import CalibrationCounts
from router.promise.saved import FORMAT, counts_of, numbers, opened
from router.promise.topics import TopicCounts, Topics

_TOPIC = {"name", "centre", "counts"}
_FARTHEST = 1e6  # of any coordinate; vectors have unit length


def topics_to_json(content: TopicCounts) -> str:
    """Write topics as one line of JSON."""
    topics = zip(content.topics.names, content.topics.centres, content.counts, strict=True)
    listed = [
        {"name": name, "centre": centre.tolist(), "counts": asdict(counts)}
        for name, centre, counts in topics
    ]
    return json.dumps({"format": FORMAT, "topics": listed}, ensure_ascii=False, allow_nan=False)


def topics_from_json(text: str, dimension: int, origin: str = "topics") -> TopicCounts:
    """Read what ``topics_to_json`` wrote.

    Args:
        text: The JSON.
        dimension: Width of the encoder's vectors.
        origin: Where it came from, for messages.

    Raises:
        DataError: not JSON, another format, a key missing, unknown or out of range, a topic named
            twice, or centres of another width.
    """
    tables = opened(text, origin, {"topics"}).tables("topics", _TOPIC)
    centres = [numbers(table, "centre", -_FARTHEST, _FARTHEST) for table in tables]
    for table, centre in zip(tables, centres, strict=True):
        if len(centre) != dimension:
            raise table.error("centre", len(centre), f"must be {dimension} numbers")
    fields = set(CalibrationCounts.__dataclass_fields__)
    counts = tuple(counts_of(table.table("counts", fields)) for table in tables)
    names = tuple(table.text("name") for table in tables)
    return TopicCounts(Topics(names, np.array(centres)), counts)
