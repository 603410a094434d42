"""Count texts with real tokenizers, where their vocabularies are at hand. Needs tiktoken.

A directory of vocabularies holds what litellm's wheel (MIT) ships in
``litellm/litellm_core_utils/tokenizers``: two files of tiktoken's under its own names, and two
``tokenizer.json``. They are read here and not part of this project.
"""

import json
import os
from pathlib import Path

from tokenizers import Tokenizer

from eval.tokens.compose import compose
from eval.tokens.texts import VOCABULARIES
from router.errors import DataError, MissingExtraError


def write_counted(directory: Path, out: Path, seed: int) -> int:
    """Compose the texts, count each in every vocabulary, write them; return how many.

    Raises:
        DataError: a vocabulary is missing.
        MissingExtraError: tiktoken is not installed.
    """
    os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
    try:
        import tiktoken
    except ImportError as error:
        raise MissingExtraError("tiktoken", "tokens") from error
    try:
        theirs = [tiktoken.get_encoding(name) for name in VOCABULARIES[:2]]
        others = [
            Tokenizer.from_file(str(directory / name))
            for name in ("anthropic_tokenizer.json", "deepseek_tokenizer.json")
        ]
    except Exception as error:  # tokenizers raises plain Exception
        raise DataError(
            f"{directory}: a vocabulary is missing ({error}); see eval/tokens/count.py"
        ) from error
    lines = []
    for kind, text in compose(seed):
        counts = [len(encoding.encode(text, disallowed_special=())) for encoding in theirs]
        counts += [len(other.encode(text, add_special_tokens=False).ids) for other in others]
        tokens = dict(zip(VOCABULARIES, counts, strict=True))
        lines.append(json.dumps({"kind": kind, "text": text, "tokens": tokens}, ensure_ascii=False))
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
