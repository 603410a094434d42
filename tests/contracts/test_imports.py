"""Serving stays light, and the rooms import each other in one direction only."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch", "sentence_transformers", "transformers", "mlflow", "lightgbm", "sklearn", "pandas",
    "datasets", "pyarrow", "matplotlib", "onnx", "skl2onnx", "scipy",
}  # fmt: skip
LINT = "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True))"
LISTING = "import json, sys; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"


def loaded_by(statement: str) -> set[str]:
    """Return the packages a fresh interpreter holds after a statement."""
    result = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{LISTING}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(json.loads(result.stdout))


def test_the_server_loads_nothing_of_training_or_evaluation() -> None:
    loaded = loaded_by("import router.server.app")
    assert {"grpc", "onnxruntime", "tokenizers", "numpy"} <= loaded
    assert not loaded & (HEAVY | {"training", "eval"})


def test_importing_the_package_loads_neither_grpc_nor_a_model() -> None:
    loaded = loaded_by("import router")
    assert not loaded & (HEAVY | {"grpc", "google", "onnxruntime", "tokenizers", "numpy"})


def test_the_import_contracts_of_pyproject_hold() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LINT],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout, result.stdout + result.stderr


def test_the_runtime_is_told_to_send_nothing_home_before_it_is_loaded(tmp_path: Path) -> None:
    """Its wheels would keep a device id and a queue of events below the home directory."""
    for package in ("router", "training"):
        code = (
            f"import {package}; from router import load_engine; import os; load_engine(); "
            "print(os.environ['ORT_DISABLE_TELEMETRY'])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )
        assert done.stdout == "1\n"
        assert "telemetry" not in done.stderr
    assert list(tmp_path.rglob("*")) == []
