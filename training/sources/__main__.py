"""``python -m training.sources``: check somebody's outcomes, or rebuild the bundled numbers."""

import argparse
import sys
from pathlib import Path

from eval.outcomes import read_outcomes
from router.errors import RouterError
from router.predict.encoder import TextEncoder
from training.sources.answers import bundle_answers
from training.sources.bundle import bundle
from training.sources.load import FORMATS, load_rows
from training.sources.otherwise import bundle_otherwise


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 = done, 1 = refused (the reason stands on stderr)."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.command == "bundle":
            encoder = TextEncoder(parsed.encoder)
            files = bundle(parsed.source, encoder, parsed.out, progress=True, say=_say)
            _say(f"{len(files)} files, {sum(file.size_bytes for file in files) / 1e6:.1f} MB")
            if parsed.answers is not None:
                answers = bundle_answers(parsed.source, encoder, parsed.answers)
                _say(f"wrote {parsed.answers}: digests of {answers.kind.size} answers")
            if parsed.otherwise is not None:
                tables = {file.path.stem: read_outcomes(file.path) for file in files}
                bundle_otherwise(
                    parsed.source, tables, encoder, parsed.otherwise, progress=True, say=_say
                )
        else:
            table = load_rows(
                parsed.source,
                format=parsed.format,
                column_map=dict(pair.split("=", 1) for pair in parsed.map),
                on_bad=parsed.on_bad,
            )
            _say(table.report())
    except RouterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _pair(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not OURS=THEIRS, e.g. quality=score")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.sources", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="read outcomes and say what is in them")
    check.add_argument("source", help="file, directory, or datasets:owner/name[:split]")
    check.add_argument("--format", choices=FORMATS, help="default: told from the suffix")
    check.add_argument("--map", action="append", default=[], type=_pair, metavar="OURS=THEIRS")
    check.add_argument("--on-bad", choices=("stop", "skip"), default="stop")
    make = commands.add_parser("bundle", help="rebuild data/outcomes from collected tables")
    make.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR")
    make.add_argument("--encoder", type=Path, required=True, metavar="DIR")
    make.add_argument("--out", type=Path, required=True, metavar="DIR")
    make.add_argument("--answers", type=Path, metavar="FILE", help="also write answers' digests")
    make.add_argument("--otherwise", type=Path, metavar="DIR", help="also write changed inputs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
