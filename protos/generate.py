"""Generate router/v1 from protos/ with the pinned generator, or check that it is up to date.

``python protos/generate.py`` writes the stubs; ``--check`` writes them to a temporary directory
and exits 1 naming every file that differs. Run it in the environment of protos/requirements.txt
(``make proto`` and ``make proto-check`` do).
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.rpc import status_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "protos" / "router" / "v1").glob("*.proto"))


def generate(target: Path) -> None:
    """Write the stubs of ``SOURCES`` below ``target`` (which becomes the import root)."""
    well_known = files("grpc_tools") / "_proto"
    google_rpc = Path(status_pb2.__file__).parent.parent.parent
    arguments = [
        "protoc",
        f"-I{ROOT / 'protos'}",
        f"-I{well_known}",
        f"-I{google_rpc}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet:{target}",
        *map(str, SOURCES),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed: see the messages above")


def main() -> int:
    """Generate, or compare with what is committed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, exit 1 on a difference")
    check = parser.parse_args().check
    committed = ROOT / "router" / "v1"
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = Path(directory) / "router" / "v1"
        names = sorted(path.name for path in fresh.iterdir())
        if not check:
            committed.mkdir(exist_ok=True)
            for name in names:
                shutil.copyfile(fresh / name, committed / name)
            print(f"wrote {len(names)} files to router/v1")
            return 0
        _, different, missing = filecmp.cmpfiles(fresh, committed, names, shallow=False)
    if different or missing:
        print(f"router/v1 is not what protos/ generates: {different + missing}; run 'make proto'")
        return 1
    print(f"router/v1 is up to date ({len(names)} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
