"""The predictor: a conversation to a ``Prediction``, by an artifact."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.laps import Lap, no_lap
from router.predict.features import features_of
from router.predict.heads import Float32Matrix
from router.predict.reading import Reading, read
from router.predict.window import window
from router.types import Message, Prediction

if TYPE_CHECKING:
    from router.predict.artifact import Artifact


def predict(artifact: "Artifact", messages: Sequence[Message]) -> Prediction:
    """Predict adequacy and output tokens per tier for one conversation of at least one message."""
    return predict_one(artifact, read(window(messages)))


def predict_one(artifact: "Artifact", reading: Reading, lap: Lap = no_lap) -> Prediction:
    """Predict for the window of one conversation that is read already."""
    if artifact.fused is None:
        (prediction,) = predict_all(artifact, [reading])
        lap("predict")
        return prediction
    ids = artifact.encoder.tokenizer.encode_reading(reading)
    lap("tokenize")
    (prediction,) = predictions_of(*artifact.fused.run(ids, features_of(reading)))
    lap("predict")
    return prediction


def predict_many(
    artifact: "Artifact", conversations: Sequence[Sequence[Message]]
) -> list[Prediction]:
    """Predict for many conversations in one pass; results in their order."""
    return predict_all(artifact, [read(window(messages)) for messages in conversations])


def predict_all(artifact: "Artifact", readings: Sequence[Reading]) -> list[Prediction]:
    """Predict for the windows of many conversations that are read already."""
    if not readings:
        return []
    vectors, features = artifact.encoder.encode_readings(readings)
    return predictions_of(*artifact.heads.run_all(vectors, features))


def predictions_of(
    adequacy: Float32Matrix, output_tokens: Float32Matrix, novelty: Float32Matrix | None = None
) -> list[Prediction]:
    """Return what the heads gave, row by row.

    Args:
        adequacy: Shape (n, n_tiers).
        output_tokens: Shape (n, n_tiers).
        novelty: Shape (n, 1), of an artifact that has it.
    """
    scores = [None] * len(adequacy) if novelty is None else novelty[:, 0].tolist()
    return [
        Prediction(tuple(row), tuple(tokens), score)
        for row, tokens, score in zip(
            adequacy.tolist(), output_tokens.tolist(), scores, strict=True
        )
    ]
