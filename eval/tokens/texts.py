"""Texts with the token counts of real tokenizers: reading the file, and nothing else.

The file is ``data/tokens/texts.jsonl``: JSON lines with "kind", "text" and "tokens", a count by
vocabulary. All texts are the project's own.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from router.errors import DataError

DEFAULT_PATH = Path("data/tokens/texts.jsonl")
VOCABULARIES = ("o200k_base", "cl100k_base", "claude-2", "deepseek-v3")


@dataclass(frozen=True, slots=True)
class CountedText:
    """A text of a kind; ``tokens`` follow ``VOCABULARIES``, each > 0."""

    kind: str
    text: str
    tokens: tuple[int, ...]


def load_texts(path: Path) -> list[CountedText]:
    """Read the file.

    Raises:
        DataError: it is missing or a line is not as described above.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [
            CountedText(
                str(row["kind"]),
                str(row["text"]),
                tuple(int(row["tokens"][name]) for name in VOCABULARIES),
            )
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{path}: must be JSON lines with "kind", "text" and "tokens" ({error!r}); '
            "'python -m eval.tokens count' writes them",
            metadata={"file": str(path)},
        ) from error
