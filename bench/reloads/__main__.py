"""``python -m bench.reloads``: reloads under load, of artifacts that must be taken and refused."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

from bench.process import open_descriptors, resident_bytes
from bench.reloads.artifacts import write_variant
from bench.reloads.callers import Callers, Expected, Numbers, Seen
from bench.reloads.reloader import Reloader, Story
from bench.report import Row, lines_of_rows, to_json, write_json
from bench.texts import make_prompt
from router import load_engine
from router.catalog import load_catalog
from router.cli.child import ServerProcess
from router.client import RouterClient
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine
from router.types import Message, Request

_PROMPTS = 40
_MEGA = 1e6


def numbers_of(engine: Engine, prompt: str) -> Numbers:
    """Return what an engine must say of a prompt: adequacy and cost by candidate."""
    decision = engine.route(Request((Message("user", prompt),)))
    return tuple((one.adequacy, one.expected_cost_usd) for one in decision.estimates)


def measure(arguments: argparse.Namespace) -> tuple[list[Row], Story, Seen]:
    """Run everything; return the rows, what became of the reloads and what callers saw."""
    generator = random.Random(arguments.seed)  # noqa: S311 - no secret
    prompts = [make_prompt(generator, generator.choice((20, 100, 500))) for _ in range(_PROMPTS)]
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        good, catalogs = _good(root, arguments)
        expected: Expected = {
            (engine.artifact.version, engine.catalog.version, number): numbers_of(engine, prompt)
            for engine in (load_engine(a, c) for a in good for c in catalogs)
            for number, prompt in enumerate(prompts)
        }
        live = root / "live"
        shutil.copytree(good[0], live)
        flags = [
            "--address", "127.0.0.1:0", "--artifact", str(live), "--catalog", str(catalogs[0]),
            "--store", str(root / "outcomes.sqlite3"), "--admin", "--config", str(_config(root)),
        ]  # fmt: skip
        with ServerProcess(flags) as server, RouterClient(server.address, 60.0) as client:
            with Callers(server.address, prompts, expected, arguments.rate, arguments.seed) as load:
                time.sleep(arguments.quiet)
                began = time.monotonic()
                reloader = Reloader(
                    client, good, catalogs, live, generator, only_good=arguments.only_good
                )
                story = reloader.story
                while (done := sum(story.asked.values())) < arguments.count:
                    if done >= len(story.memory) * arguments.count / 10:
                        story.memory.append(resident_bytes(server.pid))
                        story.files.append(open_descriptors(server.pid))
                    reloader.next()
                    time.sleep(arguments.pause)
                reloader.good_again()
                story.memory.append(resident_bytes(server.pid))
                story.files.append(open_descriptors(server.pid))
                ended = time.monotonic()
                seen = load.stop()
            status = server.stop()
    quiet = [ms for at, ms in seen.calls if at < began]
    busy = [ms for at, ms in seen.calls if began <= at < ended]
    rows = [
        Row("reloads", sum(story.asked.values()), ""),
        Row("reloads that ended otherwise than they must", len(story.unexpected), "", at_most=0),
        Row("decisions", sum(seen.decisions.values()), ""),
        Row("failed calls", sum(seen.failed.values()), "", at_most=0),
        Row("decisions of a bad or mixed artifact", seen.wrong + seen.unknown, "", at_most=0),
        Row("exit status of the server", status, "", at_most=0),
        *_percentiles("Route, before the reloads", quiet),
        *_percentiles("Route, during the reloads", busy),
        *_percentiles("a reload that swaps", [one * 1e3 for one in story.seconds]),
        Row("reloads a second", sum(story.asked.values()) / (ended - began), "1/s"),
        Row("memory after a tenth of them", story.memory[1] / _MEGA, "MB"),
        Row("memory at the end", story.memory[-1] / _MEGA, "MB"),
        Row("open files at the start", story.files[0], ""),
        Row("open files at the end", story.files[-1], ""),
    ]
    return rows, story, seen


def _good(root: Path, arguments: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Write good artifacts, one of them with an encoder of its own, and two catalogs."""
    artifacts = []
    for number, (power, own_encoder) in enumerate(((1.0, False), (1.5, False), (0.7, True))):
        artifacts.append(root / f"good{number}")
        write_variant(arguments.artifact, artifacts[-1], power, own_encoder=own_encoder)
    catalogs = [root / "catalog.toml", root / "dearer.toml"]
    text = arguments.catalog.read_text(encoding="utf-8")
    catalogs[0].write_text(text, encoding="utf-8")
    catalogs[1].write_text(_dearer(text), encoding="utf-8")
    if load_catalog(catalogs[0]).version == load_catalog(catalogs[1]).version:
        raise SystemExit("the two catalogs are the same")
    return artifacts, catalogs


def _config(root: Path) -> Path:
    """Write settings: a machine that is busy otherwise must not make the server turn calls away."""
    path = root / "server.toml"
    path.write_text("max_waiting_calls = 100000\n", encoding="utf-8")
    return path


def _dearer(text: str) -> str:
    """Double every price of output."""
    lines = []
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if key.strip() == "output_usd_per_mtok":
            line = f"{key}{equals} {float(value.split('#')[0]) * 2}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _percentiles(name: str, values: Sequence[float]) -> list[Row]:
    if len(values) < 2:
        return []
    cut = quantiles(values, n=1000)
    return [
        Row(f"{name}: median", cut[499], "ms"),
        Row(f"{name}: p99", cut[989], "ms"),
        Row(f"{name}: p99.9", cut[998], "ms"),
        Row(f"{name}: longest", max(values), "ms"),
    ]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.reloads", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="reloads (1000)")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second (50)")
    parser.add_argument("--quiet", type=float, default=10.0, help="seconds before the first (10)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between reloads (0)")
    parser.add_argument("--only-good", action="store_true", help="nothing that must be refused")
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    parser.add_argument("--catalog", type=Path, default=default_catalog_path())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/reloads.json"), metavar="FILE")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write; 0 if every target is met, else 1."""
    arguments = build_parser().parse_args(argv)
    rows, story, seen = measure(arguments)
    print("\n".join(lines_of_rows(rows)))
    print()
    for (given, came), count in sorted(story.came.items()):
        print(f"{given}: {came} {count}")
    print("memory, MB:", " ".join(f"{one / _MEGA:.0f}" for one in story.memory))
    for line in [*story.unexpected[:20], *map(str, seen.failed.items())]:
        print(f"NOT AS IT MUST BE: {line}")
    settings = {
        name: getattr(arguments, name) for name in ("count", "rate", "quiet", "pause", "only_good")
    }
    write_json(arguments.out, to_json(rows, arguments.seed, settings))
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
