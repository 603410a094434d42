"""Prometheus text to numbers: only the metrics that are asked for, however long the text is.

Metrics are found by their names at line starts, so histograms and metrics of others cost a search
in bytes and no parsing. Format: Prometheus text exposition 0.0.4 and OpenMetrics 1.0.
"""

import re
from collections.abc import Iterator, Sequence

from router.errors import RouterError

_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_ESCAPED = re.compile(r'\\[n"\\]')

# Above that a number is no load; and what is learnt of a pool's flow would not forget it for hours.
MOST = 1e12

Labels = Sequence[tuple[str, str]]


class ExpositionError(RouterError):
    """What an endpoint gave is no reading; the message says why."""

    code = "UNAVAILABLE"
    default_reason = "LOAD_UNREADABLE"


def values(text: bytes, name: str, labels: Labels = ()) -> list[float]:
    """Return the values of a metric's series that carry all of some labels, in their order.

    A series that stands there twice, the same labels under either spelling, counts once: the last.

    Args:
        text: What an endpoint gave.
        name: Of the metric; ":" and "_" are taken as the same, since collectors rename.
        labels: Wanted (name, value) pairs.

    Raises:
        ExpositionError: a line of the metric cannot be read, or its value is negative, no number or
            beyond all loads.
    """
    found: dict[frozenset[tuple[str, str]], float] = {}
    for spelling in dict.fromkeys((name, name.replace(":", "_"))):
        for line in _lines(text, spelling.encode()):
            series, value = _parse(line, spelling)
            if all(series.get(key) == wanted for key, wanted in labels):
                found[frozenset(series.items())] = value
    return list(found.values())


def _lines(text: bytes, name: bytes) -> Iterator[str]:
    """Yield what follows a name at the start of a line, up to the line's end."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        stop = text.find(b"\n", end)
        stop = len(text) if stop < 0 else stop
        starts = at == 0 or text[at - 1 : at] == b"\n"
        if starts and text[end : end + 1] in {b"{", b" ", b"\t"}:
            yield text[end:stop].decode("utf-8", "replace").rstrip("\r")
        at = text.find(name, end)


def _parse(rest: str, name: str) -> tuple[dict[str, str], float]:
    """Read ``{labels} value [timestamp] [# exemplar]``."""
    labels: dict[str, str] = {}
    place = 0
    if rest.startswith("{"):
        place = 1
        while (match := _LABEL.match(rest, place)) is not None:
            labels[match[1]] = _ESCAPED.sub(lambda escape: _ESCAPES[escape[0]], match[2])
            place = match.end()
        if rest[place : place + 1] != "}":
            raise _unreadable(name, rest)
        place += 1
    fields = rest[place:].split()
    try:
        value = float(fields[0])
    except (IndexError, ValueError) as error:
        raise _unreadable(name, rest) from error
    if not 0.0 <= value <= MOST:
        raise ExpositionError(f"{name} is {fields[0][:40]}, which is no load")
    return labels, value


def _unreadable(name: str, rest: str) -> ExpositionError:
    return ExpositionError(f"a line of {name} is no Prometheus text: {(name + rest)[:120]!r}")
