"""The predictor: a conversation to a ``Prediction``, by an artifact."""

from collections.abc import Sequence

import numpy as np

from router.predict.artifact import Artifact
from router.predict.features import text_features
from router.predict.window import window
from router.types import Message, Prediction


def predict(artifact: Artifact, messages: Sequence[Message]) -> Prediction:
    """Predict adequacy and output tokens per tier for one conversation of at least one message."""
    text = window(messages)
    features = np.array([text_features(text)], dtype=np.float32)
    adequacy, output_tokens = artifact.heads.run(artifact.encoder.vector(text), features)
    return Prediction(tuple(adequacy[0].tolist()), tuple(output_tokens[0].tolist()))


def predict_many(
    artifact: Artifact, conversations: Sequence[Sequence[Message]]
) -> list[Prediction]:
    """Predict for many conversations in one pass; results in their order."""
    if not conversations:
        return []
    vectors, features = artifact.encoder.encode([window(messages) for messages in conversations])
    adequacy, output_tokens = artifact.heads.run(vectors, features)
    return [
        Prediction(tuple(row), tuple(tokens))
        for row, tokens in zip(adequacy.tolist(), output_tokens.tolist(), strict=True)
    ]
