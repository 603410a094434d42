"""A snapshot in Prometheus' text format 0.0.4."""

from collections.abc import Iterator

from router.metrics.families import FAMILIES, Family
from router.metrics.registry import Labels, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def to_text(snapshot: Snapshot) -> str:
    """Return the exposition of a snapshot, families in their order, none without a value."""
    lines: list[str] = []
    for family in FAMILIES:
        cells = snapshot.get(family.name)
        if cells:
            lines.append(f"# HELP {family.name} {family.about}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            for labels, values in sorted(cells.items()):
                lines += _lines(family, labels, values)
    return "\n".join(lines) + "\n"


def _lines(family: Family, labels: Labels, values: list[float]) -> Iterator[str]:
    named = [
        f'{name}="{_escaped(value)}"' for name, value in zip(family.labels, labels, strict=True)
    ]
    if family.kind != "histogram":
        yield f"{family.name}{_in_braces(named)} {_number(values[0])}"
        return
    *counts, total = values
    below = 0.0
    for bound, count in zip((*map(_number, family.bounds), "+Inf"), counts, strict=True):
        below += count
        bucket = _in_braces([*named, f'le="{bound}"'])
        yield f"{family.name}_bucket{bucket} {_number(below)}"
    yield f"{family.name}_sum{_in_braces(named)} {_number(total)}"
    yield f"{family.name}_count{_in_braces(named)} {_number(below)}"


def _in_braces(named: list[str]) -> str:
    return "{" + ",".join(named) + "}" if named else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
