"""Exact token counts, for deployments whose ``tokenizer.json`` the catalog names.

A count takes time with the length of the conversation, some 30 microseconds for 100 tokens, so it
is made for who asks for it only. Vocabularies are the operator's; none ship.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from router.cost.tokens import TOKENS_PER_MESSAGE
from router.errors import CatalogError
from router.types import Deployment, Message


class Vocabularies:
    """Tokenizers of some deployments, each file loaded once.

    Args:
        deployments: Those with a ``tokenizer`` are counted for.

    Raises:
        CatalogError: a file is missing or no ``tokenizer.json``.
    """

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self._users: dict[Path, list[str]] = {}
        for item in deployments:
            if item.tokenizer is not None:
                self._users.setdefault(item.tokenizer, []).append(item.id)
        self._tokenizers = {path: _load(path, users) for path, users in self._users.items()}

    def __bool__(self) -> bool:
        return bool(self._tokenizers)

    def count(self, messages: Sequence[Message]) -> Mapping[str, float]:
        """Return input tokens by deployment, with a few per message for its frame."""
        texts, frame = [message.content for message in messages], TOKENS_PER_MESSAGE * len(messages)
        counts: dict[str, float] = {}
        for path, tokenizer in self._tokenizers.items():
            encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
            total = frame + sum(len(encoding.ids) for encoding in encodings)
            counts.update(dict.fromkeys(self._users[path], total))
        return counts


def _load(path: Path, users: Sequence[str]) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise CatalogError(
            f"{path}: cannot be read as a tokenizer.json ({error}); give the file that comes with "
            f"the model of {', '.join(users)}, or leave 'tokenizer' out",
            metadata={"file": str(path)},
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
