"""The figures as records, as a table beside their targets, and as JSON.

The file is ``{"format": 1, "date", "seed", "machine", "versions", "kernel", "settings", "rows"}``;
a row is ``{"name", "value", "unit", "target", "met"}``. ``target`` is text such as "<= 1.5" or
null, ``met`` is null without a target. docs/benchmarks.md describes every row.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.tables import markdown
from router.cli.table import lines_of_table, painted
from router.compiled import IMPLEMENTATION

FORMAT = 1
_PACKAGES = ("grpcio", "numpy", "onnxruntime", "protobuf", "tokenizers")


@dataclass(frozen=True, slots=True)
class Row:
    """A figure. At most one of ``at_most`` and ``at_least`` is its target."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str | None:
        """The target as text, or None."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return None if self.at_least is None else f">= {self.at_least:g}"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least


def to_json(rows: Sequence[Row], seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of the file that is described above."""
    return {
        "format": FORMAT,
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        },
        "versions": {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES},
        "kernel": IMPLEMENTATION,
        "settings": dict(settings),
        "rows": [
            {key: asdict(row)[key] for key in ("name", "value", "unit")}
            | {"target": row.target, "met": row.met}
            for row in rows
        ],
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file, making its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def publish(rows: Sequence[Row], seed: int, settings: Mapping[str, Any], path: Path) -> None:
    """Print the figures and write them to a file."""
    print("\n".join(lines_of_rows(rows)))
    write_rows(rows, seed, settings, path)


def write_rows(rows: Sequence[Row], seed: int, settings: Mapping[str, Any], path: Path) -> None:
    """Write the figures to a file, for who prints them otherwise."""
    write_json(path, to_json(rows, seed, settings))
    print(f"\nWritten to {path}.")


def lines_of_rows(rows: Sequence[Row]) -> list[str]:
    """Return the figures beside their targets."""
    cells = []
    for row in rows:
        state = {None: "", True: painted("met", "green"), False: painted("missed", "yellow")}
        cells.append((row.name, _number(row.value), row.unit, row.target or "", state[row.met]))
    return lines_of_table(("figure", "value", "unit", "target", ""), cells, right=(1, 3))


def table_of_rows(rows: Sequence[Row]) -> str:
    """Return the figures beside their targets as a table in Markdown."""
    met = {None: "", True: "met", False: "missed"}
    head = ("figure", "value", "unit", "target", "")
    lines = [
        (row.name, _number(row.value), row.unit, row.target or "", met[row.met]) for row in rows
    ]
    return markdown([head, *lines])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
