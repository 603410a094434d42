"""Command line: ``python -m training.encoder {static,transformer} --out DIR``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from router.errors import RouterError
from training.encoder.export import Encoder, write_encoder
from training.encoder.source import find_source, load_model


def main(arguments: Sequence[str] | None = None) -> int:
    """Build an encoder directory; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.encoder",
        description="Make an encoder directory from the installed sentence-transformer.",
    )
    parser.add_argument(
        "kind",
        choices=("static", "transformer"),
        help="static: a distilled table of token vectors, the default in serving; "
        "transformer: the model itself, more exact and far slower",
    )
    parser.add_argument("--out", type=Path, required=True, help="directory to write into")
    options = parser.parse_args(arguments)
    try:
        encoder = _build(options.kind)
        write_encoder(encoder, options.out)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(
        f"{options.out}: {encoder.name}, {encoder.dimension} numbers, "
        f"{len(encoder.onnx) / 1e6:.1f} MB, checks {dict(encoder.checks)}",
        file=sys.stderr,
    )
    return 0


def _build(kind: str) -> Encoder:
    source = find_source()
    model = load_model(source.directory)
    # Only now is it known that what these import is installed.
    if kind == "static":
        from training.encoder.static import build_static

        return build_static(model, source)
    from training.encoder.transformer import build_transformer

    return build_transformer(model, source)


if __name__ == "__main__":
    sys.exit(main())
