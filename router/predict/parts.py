"""The parts that an artifact may have or not: one graph of all, contracts, reviews.

Whether it has them the manifest says, which is read in ``artifact``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from router.errors import ArtifactError, DataError
from router.predict.compiled_graph import Compiled, compiled_graph
from router.predict.encoder import open_session
from router.predict.features import FEATURE_NAMES
from router.predict.files import ReadOnce
from router.predict.fused import Fused
from router.predict.graph import check_graph
from router.predict.heads import Heads
from router.predict.plain import Plain
from router.predict.program import program_of
from router.promise.calibrated import Promise
from router.promise.reviewed import reviewed_from_json
from router.promise.saved import counts_from_json
from router.promise.topics_file import topics_from_json
from router.review.heads import ReviewModel
from router.review.saved import review_from_json

PROMISE_FILE = "contract.json"
TOPICS_FILE = "topics.json"
FUSED_FILE = "fused.onnx"
REVIEW_FILE = "review.json"
REVIEWED_FILE = "reviewed.json"
_BESIDE = ("encoder.onnx",)
"""Files that the fused graph may take constants from."""

Content = TypeVar("Content")


class Parts:
    """Reads the optional parts of one artifact.

    Args:
        files: Of its directory, verified.
        has: Whether the manifest lists a file.

    Every method gives None where the manifest does not list the part's file, and raises
    ``ArtifactError`` where the file is not what it should be.
    """

    def __init__(self, files: ReadOnce, has: Callable[[str], bool]) -> None:
        self._files = files
        self._has = has

    def fused(self, heads: Heads, dimension: int) -> Fused | Plain | Compiled | None:
        """Open encoder and heads in one graph, without the runtime where that can be."""
        if not self._has(FUSED_FILE):
            return None
        path = self._files.directory / FUSED_FILE
        content = self._files.bytes_of(FUSED_FILE)
        check_graph(content, path, _BESIDE)
        beside = {name: self._files.bytes_of(name) for name in _BESIDE}
        program = program_of(content, path, beside, heads.outputs, len(FEATURE_NAMES))
        if program is not None:
            return compiled_graph(program) or Plain(program)
        session = open_session(path, self._files, refers_to=_BESIDE)
        return Fused(session, heads, dimension=dimension)

    def promise(self, dimension: int) -> Promise | None:
        """Read the calibrations of contracts: over all traffic, per topic, over reviews."""
        again = "calibrate again"
        counts = self._read(
            PROMISE_FILE,
            counts_from_json,
            ("not a calibration of contracts", again, "ARTIFACT_PROMISE"),
        )
        by_topic = self._read(
            TOPICS_FILE,
            lambda text, origin: topics_from_json(text, dimension, origin),
            ("not a calibration of topics", again, "ARTIFACT_TOPICS"),
        )
        reviewed = self._read(
            REVIEWED_FILE,
            reviewed_from_json,
            ("not a calibration of reviews", "run 'make review' again", "ARTIFACT_REVIEWED"),
        )
        return None if counts is None else Promise(counts, by_topic, reviewed)

    def review(self, n_tiers: int) -> ReviewModel | None:
        """Read what was learnt about second looks."""

        def read(text: str, origin: str) -> ReviewModel:
            review = review_from_json(text, origin)
            if review.tiers != n_tiers:
                raise DataError(f"{origin}: for {review.tiers} tiers, there are {n_tiers}")
            return review

        wrong = ("not a review of this artifact", "run 'make review' again", "ARTIFACT_REVIEW")
        return self._read(REVIEW_FILE, read, wrong)

    def _read(
        self, name: str, read: Callable[[str, str], Content], wrong: tuple[str, str, str]
    ) -> Content | None:
        """Read a file.

        Args:
            name: Of the file.
            read: Its content from its text and its path.
            wrong: What to say of a content that is refused, what to do then, the error's reason.
        """
        if not self._has(name):
            return None
        path: Path = self._files.directory / name
        what, remedy, reason = wrong
        try:
            return read(self._files.text_of(name), str(path))
        except (DataError, UnicodeDecodeError) as error:
            raise ArtifactError(
                f"{path}: {what} ({error}); {remedy}", reason=reason, metadata={"file": str(path)}
            ) from error
