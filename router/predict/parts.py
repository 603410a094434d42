"""The parts that an artifact may have or not: one graph of all, contracts, reviews.

Whether it has them the manifest says, which is read in ``artifact``.
"""

from pathlib import Path

from router.errors import ArtifactError, DataError
from router.predict.encoder import open_session
from router.predict.files import ReadOnce
from router.predict.fused import Fused
from router.predict.heads import Heads
from router.promise.calibrated import Promise
from router.promise.saved import counts_from_json
from router.review.heads import ReviewModel
from router.review.saved import review_from_json


def open_fused(path: Path, files: ReadOnce, heads: Heads, dimension: int) -> Fused:
    """Open encoder and heads in one graph.

    Raises:
        ArtifactError: it cannot be opened, or takes or gives something else.
    """
    session = open_session(path, files, refers_to=("encoder.onnx",))
    return Fused(session, heads, dimension=dimension)


def read_promise(path: Path, files: ReadOnce) -> Promise:
    """Read the calibration of contracts.

    Raises:
        ArtifactError: it is none.
    """
    try:
        return Promise(counts_from_json(files.text_of(path.name), str(path)))
    except (DataError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{path}: not a calibration of contracts ({error}); calibrate again",
            reason="ARTIFACT_PROMISE",
            metadata={"file": str(path)},
        ) from error


def read_review(path: Path, files: ReadOnce, n_tiers: int) -> ReviewModel:
    """Read what was learnt about second looks.

    Raises:
        ArtifactError: it is nothing of the kind, or of other tiers.
    """
    try:
        review = review_from_json(files.text_of(path.name), str(path))
        if review.tiers != n_tiers:
            raise DataError(f"{path}: for {review.tiers} tiers, there are {n_tiers}")
    except (DataError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{path}: not a review of this artifact ({error}); run 'make review' again",
            reason="ARTIFACT_REVIEW",
            metadata={"file": str(path)},
        ) from error
    return review
