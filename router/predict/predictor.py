"""The predictor: a conversation to a ``Prediction``, by an artifact."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.laps import Lap, no_lap
from router.predict.compiled_graph import Compiled
from router.predict.features import features_of
from router.predict.heads import Float32Matrix
from router.predict.reading import Reading, read, read_all
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
    adequacy, output_tokens, *novelty = artifact.fused.run(ids, features_of(reading))
    lap("predict")
    return Prediction(tuple(adequacy), tuple(output_tokens), novelty[0][0] if novelty else None)


def predict_many(
    artifact: "Artifact", conversations: Sequence[Sequence[Message]]
) -> list[Prediction]:
    """Predict for many conversations in one pass; results in their order."""
    return predict_all(artifact, read_all([window(messages) for messages in conversations]))


def predict_all(
    artifact: "Artifact", readings: Sequence[Reading], *, topics: bool = False
) -> list[Prediction]:
    """Predict for the windows of many conversations that are read already.

    Args:
        artifact: That predicts.
        readings: Of the windows.
        topics: Whether to find each prompt's topic as well, if the artifact knows topics.
    """
    if not readings:
        return []
    if type(artifact.fused) is Compiled and not topics:  # which costs less than many at once
        return [predict_one(artifact, reading) for reading in readings]
    return predict_by_vectors(artifact, readings, topics=topics)


def predict_by_vectors(
    artifact: "Artifact", readings: Sequence[Reading], *, topics: bool = False
) -> list[Prediction]:
    """Predict as ``predict_all``, by the encoder and then the heads, whatever else there is."""
    vectors, features = artifact.encoder.encode_readings(readings)
    if topics:
        return predict_recorded(artifact, vectors, features)
    return predictions_of(*artifact.heads.run_all(vectors, features))


def predict_recorded(
    artifact: "Artifact", vectors: Float32Matrix, features: Float32Matrix
) -> list[Prediction]:
    """Predict from vectors and features, each prompt with its topic if the artifact knows topics.

    Args:
        artifact: Whose encoder made the vectors.
        vectors: float32, shape (n, dimension).
        features: float32, shape (n, n_features).
    """
    predictions = predictions_of(*artifact.heads.run_all(vectors, features))
    if artifact.promise is None or artifact.promise.by_topic is None:
        return predictions
    topics = artifact.promise.by_topic.topics.of(vectors).tolist()
    return [one._replace(topic=topic) for one, topic in zip(predictions, topics, strict=True)]


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
