"""Files of the vocabularies that a catalog names, which are part of what it is; nothing is parsed.

Who counts with them is ``vocabulary``.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from router.types import Deployment


def vocabulary_files(deployments: Sequence[Deployment]) -> tuple[Path, ...]:
    """Return each file once, in the order of the deployments."""
    named = (item.tokenizer for item in deployments if item.tokenizer is not None)
    return tuple(dict.fromkeys(named))


def vocabulary_hash(deployments: Sequence[Deployment]) -> str:
    """Return hex digits over the content of all files, in their order; empty without any.

    A file that cannot be read counts as no content; who counts with it says what is wrong.
    """
    digests = []
    for path in vocabulary_files(deployments):
        try:
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError:
            digests.append("")
    return ",".join(digests)
