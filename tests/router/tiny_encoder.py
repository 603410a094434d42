"""The shipped encoder with a seventh of its vocabulary, for tests that only need some encoder.

Making a tokenizer of the whole vocabulary is most of a server's start. What is left out here still
comes apart into smaller pieces, down to single letters. Tests of the shipped encoder do without it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import onnx
from onnx import numpy_helper

from router.defaults import default_artifact_directory
from training.encoder.export import combined_sha256

ENCODER_FILES = ("encoder.onnx", "tokenizer.json", "encoder.json")
# Commonest first, as the shipped vocabulary has them.
WORDS, CONTINUATIONS = 2_000, 500


@cache
def tiny_encoder() -> Mapping[str, bytes]:
    """Return the content of each of ``ENCODER_FILES``."""
    shipped = {name: (default_artifact_directory() / name).read_bytes() for name in ENCODER_FILES}
    tokenizer = json.loads(shipped["tokenizer.json"])
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    kept = list(_kept(vocabulary, special))
    rows = [vocabulary[piece] for piece in kept]
    ids = {piece: at for at, piece in enumerate(kept)}
    tokenizer["model"]["vocab"] = ids
    for token in tokenizer["added_tokens"]:
        token["id"] = ids[token["content"]]
    model = onnx.load_from_string(shipped["encoder.onnx"])
    for constant in model.graph.initializer:
        if constant.name in ("table", "scales"):
            cut = np.ascontiguousarray(numpy_helper.to_array(constant)[rows])
            constant.CopyFrom(numpy_helper.from_array(cut, constant.name))
    made = {
        "encoder.onnx": model.SerializeToString(deterministic=True),
        "tokenizer.json": json.dumps(tokenizer, ensure_ascii=False).encode(),
    }
    files = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    info = json.loads(shipped["encoder.json"])
    info |= {"files": files, "sha256": combined_sha256(files)}
    return made | {"encoder.json": json.dumps(info, indent=2).encode()}


def _kept(vocabulary: Mapping[str, int], special: set[str]) -> Iterator[str]:
    """Yield special tokens, single characters, and the commonest words and continuations."""
    room = {False: WORDS, True: CONTINUATIONS}
    for piece in sorted(vocabulary, key=vocabulary.__getitem__):
        continues = piece.startswith("##") and len(piece) > 2
        letters = piece[2:] if continues else piece
        if piece in special or len(letters) == 1:
            yield piece
        elif not piece.startswith("[unused") and room[continues]:
            room[continues] -= 1
            yield piece
