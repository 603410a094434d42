"""Write an encoder directory: encoder.onnx, tokenizer.json and encoder.json with their hashes.

This is the only place that knows the layout; how a graph is made is in ``graph`` and
``transformer``.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.encoder.source import Source

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Encoder:
    """Everything an encoder directory holds.

    Attributes:
        name: Short name, as in ``static-minilm-128``.
        kind: What stands behind the graph.
        dimension: Length of an embedding.
        max_tokens: Most token ids a text may have, special tokens included.
        adds_special_tokens: Whether the tokenizer puts [CLS] and [SEP] around a text.
        method: One line on how it was made.
        source: The model it was made from.
        onnx: The serialised graph.
        tokenizer: The tokenizer as JSON text.
        checks: Measured agreement with what it was made from, rounded.
    """

    name: str
    kind: Literal["static", "transformer"]
    dimension: int
    max_tokens: int
    adds_special_tokens: bool
    method: str
    source: Source
    onnx: bytes
    tokenizer: str
    checks: Mapping[str, float]


def tokenizer_json(tokenizer: str, *, special_tokens: bool) -> str:
    """Return a tokenizer without truncation and padding: the serving side bounds and pads texts.

    Args:
        tokenizer: JSON text as ``tokenizers`` writes it.
        special_tokens: Whether the post-processor that adds [CLS] and [SEP] stays.
    """
    content = json.loads(tokenizer)
    content["truncation"] = None
    content["padding"] = None
    if not special_tokens:
        content["post_processor"] = None
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def combined_sha256(files: Mapping[str, str]) -> str:
    """Hash the sorted lines ``name:sha256``, joined by newlines, into one digest."""
    lines = sorted(f"{name}:{digest}" for name, digest in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_encoder(encoder: Encoder, out: Path) -> None:
    """Write the three files into ``out``, which may hold other files.

    Each file is replaced whole and encoder.json last, so a reader in between sees hashes that do
    not fit rather than half a file.
    """
    contents = {
        "encoder.onnx": encoder.onnx,
        "tokenizer.json": encoder.tokenizer.encode(),
    }
    contents["encoder.json"] = _manifest(encoder, contents)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".encoder-", dir=out) as temporary:
        for name, content in contents.items():
            (Path(temporary) / name).write_bytes(content)
        for name in contents:
            (Path(temporary) / name).replace(out / name)


def _manifest(encoder: Encoder, contents: Mapping[str, bytes]) -> bytes:
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {
        "format": FORMAT,
        "name": encoder.name,
        "kind": encoder.kind,
        "dimension": encoder.dimension,
        "max_tokens": encoder.max_tokens,
        "lowercase": bool((json.loads(encoder.tokenizer)["normalizer"] or {}).get("lowercase")),
        "adds_special_tokens": encoder.adds_special_tokens,
        "source": {
            "package": encoder.source.package,
            "version": encoder.source.version,
            "weights_sha256": encoder.source.weights_sha256,
            "method": encoder.method,
        },
        "checks": dict(encoder.checks),
        "files": files,
        "sha256": combined_sha256(files),
    }
    return (json.dumps(manifest, indent=2) + "\n").encode()
