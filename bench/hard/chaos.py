"""All hard tests one after the other, and one report of what they found; a failure stops none."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.hard.report import OUT

TIMES: Mapping[str, int] = {
    "crashes": 1_000,
    "kills": 100,
    "stops": 100,
    "moves": 100,
    "fuzz-wire": 1_000_000,
    "fuzz-files": 100_000,
    "fuzz-kernel": 1_000_000,
}
_SOAK_MINUTES = 20.0
_RELOADS = 1_000


def chaos(scale: float, seed: int) -> dict[str, Any]:
    """Run all tests, each in a process of its own, and write ``build/hard/chaos.md``.

    Args:
        scale: Of counts and of the soak's minutes, > 0; 1 for the full counts.
        seed: Of every test.
    """
    rows, failed = [], []
    for name, command in _commands(scale, seed):
        print(f"== {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        status = subprocess.run([sys.executable, "-m", *command], check=False).returncode  # noqa: S603 - our own modules
        rows.append((name, status, time.monotonic() - began))
        failed += [name] if status else []
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "chaos.md"
    path.write_text("\n".join(_report(rows, scale, seed)) + "\n", encoding="utf-8")
    print(f"written to {path}")
    return {"tests": len(rows), "tests that failed": failed}


def _commands(scale: float, seed: int) -> list[tuple[str, Sequence[str]]]:
    seeded = ("--seed", str(seed))
    counted = [
        (name, ("bench.hard", name, "--times", str(max(round(times * scale), 1)), *seeded))
        for name, times in TIMES.items()
    ]
    reloads = str(max(round(_RELOADS * scale), 1))
    return [
        *counted,
        ("reloads", ("bench.reloads", "--count", reloads, *seeded)),
        ("overload", ("bench.hard", "overload", *seeded)),
        ("soak", ("bench.hard", "soak", "--minutes", f"{_SOAK_MINUTES * scale:g}", *seeded)),
    ]


def _report(rows: Sequence[tuple[str, int, float]], scale: float, seed: int) -> list[str]:
    lines = [
        "# Hard tests",
        "",
        f"Scale {scale:g}, seed {seed}, {time.strftime('%Y-%m-%d', time.gmtime())}.",
        "",
        "| test | came out | minutes |",
        "|---|---|---|",
        *(
            f"| {name} | {'as it must' if not status else 'FAILED'} | {seconds / 60:.1f} |"
            for name, status, seconds in rows
        ),
    ]
    for name, _, _ in rows:
        path = OUT / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["found"]
            lines += ["", f"## {name}, load average {content['load_average']:.1f}", ""]
            lines += [f"- {key}: {value}" for key, value in found.items()]
    return lines
