"""Limits a request must keep, in one record so that the conversion stays free of configuration."""

from dataclasses import dataclass

MAX_ID_CHARS = 128
MAX_TAGS = 32
MAX_TAG_KEY_CHARS = 64
MAX_TAG_VALUE_CHARS = 256
MAX_TOKENS = 100_000_000
# A million characters are read in a second; no model writes as many at once.
MAX_ANSWER_CHARS = 1_000_000
# Of every list that has no limit of its own.
MAX_REPEATED = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, each at least 1."""

    max_batch: int = 1024
    max_messages: int = 4096
