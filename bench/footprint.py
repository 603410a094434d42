"""What the service takes beside time per call: start, import, disk."""

import re
import subprocess
import sys
import tempfile
import time
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from statistics import median

from router.cli.child import ServerProcess
from router.client import RouterClient
from router.errors import NotReadyError

_ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_IMPORT = "import time; t = time.perf_counter(); import router; print(time.perf_counter() - t)"


def start_seconds(artifact: Path, runs: int) -> float:
    """Return the median seconds from spawning ``serve`` to its health saying SERVING."""
    times = []
    with tempfile.TemporaryDirectory() as directory:
        store = str(Path(directory, "outcomes.sqlite3"))
        flags = ["--address", "127.0.0.1:0", "--artifact", str(artifact), "--store", store]
        for _ in range(runs):
            began = time.perf_counter()
            with ServerProcess(flags) as server, RouterClient(server.address) as client:
                if (state := client.health()) != "SERVING":
                    raise NotReadyError(f"the server said it was ready, its health is {state}")
                times.append(time.perf_counter() - began)
    return median(times)


def import_seconds(runs: int) -> float:
    """Return the median seconds of ``import router`` in a fresh interpreter."""
    times = []
    for _ in range(runs):
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _IMPORT], capture_output=True, check=True, text=True, cwd=_ROOT
        )
        times.append(float(done.stdout))
    return median(times)


def install_bytes(pyproject: Path = _ROOT / "pyproject.toml") -> dict[str, int]:
    """Return the bytes on disk of every distribution the base install brings, by its name."""
    content = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    sizes: dict[str, int] = {}
    waiting = list(content["project"]["dependencies"])
    while waiting:
        requirement = waiting.pop()
        found = _NAME.match(requirement)
        if found is None or "extra ==" in requirement:
            continue
        name = found[0].lower().replace("_", "-")
        if name in sizes:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # its marker excludes this platform or Python
            continue
        sizes[name] = _bytes_of(installed)
        waiting += installed.requires or []
    return sizes


def directory_bytes(directory: Path) -> int:
    """Return the bytes of all files below a directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _bytes_of(installed: Distribution) -> int:
    paths = (Path(str(installed.locate_file(file))) for file in installed.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())
