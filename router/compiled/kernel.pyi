from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from router.predict.reading import Reading
from router.predict.reading_tables import Tables

VERSION: int
LONGEST_WORD: int
CODES: dict[str, int]
TAILS: dict[str, int]
STATISTICS: tuple[str, ...]

class Reader:
    def __init__(self, tables: Tables, made: Callable[[tuple[Any, ...]], Reading]) -> None: ...
    def read(self, text: str, wants_features: bool) -> Reading: ...

class Runs:
    def __init__(self, marks: bytes, least: int) -> None: ...
    def found(self, text: str) -> bool: ...

class Pieces:
    def __init__(
        self,
        whole: dict[bytes, int],
        continuing: dict[bytes, int],
        unknown: int,
        longest_word: int,
        normal: bytes,
        inside: bytes,
        most_ids: int,
    ) -> None: ...
    def ids(self, encoded: bytes, others: Callable[[str], bytes]) -> bytes: ...

class Graph:
    def __init__(
        self,
        lengths: Sequence[int],
        values: Sequence[npt.NDArray[Any] | None],
        steps: Sequence[tuple[str, int, tuple[int, ...], tuple[Any, ...]]],
        outputs: Sequence[tuple[int, list[tuple[str, float]]]],
        n_features: int,
    ) -> None: ...
    def run(self, ids: npt.NDArray[np.int64], features: list[float]) -> list[list[float]]: ...
