"""What a hard test found, as JSON beside what it was run with."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OUT = Path("build/hard")


def write_report(name: str, settings: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Print what was found and write it to ``build/hard/NAME.json``."""
    content = {
        "name": name,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "settings": dict(settings),
        "found": dict(found),
    }
    for key, value in found.items():
        print(f"{key:40} {value}")
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and greatest, in ms."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    at = {"median": 0.5, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(share * last)] * 1e3, 2) for name, share in at.items()}
