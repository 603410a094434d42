"""Bad outcome data: files a user brings to training, and outcome tables of another encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bad_inputs import BadFile

from eval.outcome_table import require_inputs
from eval.outcomes import Origin, OutcomeTable, read_outcomes, write_outcomes
from router.errors import DataError
from router.predict.features import FEATURES_VERSION
from training.sources.load import load_rows

SKIP = "correct them, or leave them out with on_bad='skip' (command line: --on-bad skip)"
GOOD = '{"prompt": "Name a fruit.", "model": "small", "quality": 1.0}\n'
SHAPES = (
    "Long shape: prompt, model, quality. Wide shape: prompt and one column 'quality:<model>' per "
    "model. Map other names with column_map"
)
REBUILD = "run `make data` to rebuild the outcome tables with the encoder at hand"


def rows(name: str, content: str | bytes, **options: object) -> Callable[[Path], object]:
    """Read a file of this name and content as outcomes."""

    def load(_: Path) -> object:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_rows(Path(name), **options)

    return load


def one_bad(given: str, name: str, content: str | bytes, problem: str, total: int = 1) -> BadFile:
    message = f"{name}: {total} bad rows:\n  {problem}\n{SKIP}"
    return BadFile(given, rows(name, content), DataError, "BAD_ROWS", message)


def refused(
    given: str, make: Callable[[Path], object], message: str, reason: str = "DATA_INVALID"
) -> BadFile:
    return BadFile(given, make, DataError, reason, message)


def record(**fields: str) -> str:
    """Return the good line, then one with these fields as JSON text."""
    values = {"prompt": '"Name a river."', "model": '"small"', "quality": "0.5"} | fields
    return GOOD + "{" + ", ".join(f'"{key}": {value}' for key, value in values.items()) + "}\n"


def plain_parquet(_: Path) -> object:
    pq.write_table(pa.table({"x": [1]}), "table.parquet")
    return read_outcomes(Path("table.parquet"))


def two_encoders(_: Path) -> object:
    write_table(Path("one.parquet"), "aa" * 32)
    write_table(Path("two.parquet"), "bb" * 32)
    return read_outcomes([Path("one.parquet"), Path("two.parquet")])


def older_features(_: Path) -> object:
    write_table(Path("table.parquet"), "aa" * 32, features="0")
    return require_inputs(read_outcomes(Path("table.parquet")), "aa" * 32)


def write_table(path: Path, encoder: str, features: str = str(FEATURES_VERSION)) -> None:
    text = np.array(["x"], dtype=np.str_)
    table = OutcomeTable(
        prompt_ids=text,
        source=text,
        task=text,
        subtask=text,
        group=text,
        flags=np.array([""], dtype=np.str_),
        input_tokens=np.array([3.0]),
        vectors=np.array([[1.0, 0.0]], dtype=np.float32),
        features=np.zeros((1, 2), dtype=np.float32),
        models=("small",),
        quality=np.array([[1.0]], dtype=np.float32),
        output_tokens=np.array([[4.0]], dtype=np.float32),
        encoder_sha256=encoder,
        features_version=features,
    )
    write_outcomes(table, path, Origin("test", "1", "none"))


DATA_FILES = [
    refused(
        "a file that is not there",
        lambda _: load_rows(Path("data.jsonl")),
        "data.jsonl: no such file or directory; a data set of the hub is written "
        "datasets:owner/name",
    ),
    refused(
        "a file whose name tells no format",
        rows("data.txt", GOOD),
        "data.txt: the format cannot be told from the name; name one with format=...: jsonl, "
        "csv, parquet, datasets, …",
    ),
    refused("an empty file", rows("data.jsonl", ""), "data.jsonl: no records in it"),
    refused(
        "JSONL without a quality",
        rows("data.jsonl", '{"prompt": "Name a fruit.", "model": "small", "score": 1}\n'),
        f"data.jsonl: no column quality; found prompt, model, score. {SHAPES}",
        "MISSING_COLUMN",
    ),
    one_bad(
        "a JSONL line cut off",
        "data.jsonl",
        GOOD + '{"prompt": "Name',
        "line 2: not JSON (Unterminated string starting at: line 1 column 12 (char 11))",
    ),
    one_bad(
        "a JSONL line that is not UTF-8",
        "data.jsonl",
        GOOD.encode() + b'{"prompt": "caf\xe9"}\n',
        "line 2: not UTF-8 (invalid continuation byte at byte 15)",
    ),
    one_bad(
        "a quality in percent",
        "data.jsonl",
        record(quality="85"),
        "line 2: quality is 85, outside [0, 1]",
    ),
    one_bad(
        "a quality in words",
        "data.jsonl",
        record(quality='"good"'),
        "line 2: quality is not a number: 'good'",
    ),
    one_bad("an empty prompt", "data.jsonl", record(prompt='" "'), "line 2: prompt is empty"),
    one_bad(
        "a row without a model", "data.jsonl", record(model="null"), "line 2: model is missing"
    ),
    one_bad(
        "a negative number of tokens",
        "data.jsonl",
        record(output_tokens="-3"),
        "line 2: output_tokens is -3, must be a number of tokens >= 0",
    ),
    one_bad(
        "two qualities for one prompt and model",
        "data.jsonl",
        record(prompt='"Name a fruit."'),
        "line 2: small has quality 0.5 here and 1 at line 1 for the same prompt",
    ),
    one_bad(
        "a CSV row with a cell too few",
        "data.csv",
        "prompt,model,quality\nName a fruit.,small,1\nName a river.,small\n",
        "line 3: 2 cells, the header has 3",
    ),
    refused(
        "a CSV file that names a column twice",
        rows("data.csv", "prompt,model,model\n"),
        "data.csv: the first line must name every column once",
    ),
    refused(
        "a Parquet file that is none",
        rows("data.parquet", "PAR0"),
        "data.parquet: cannot be read (…)",
    ),
    refused(
        "an outcome table that is another Parquet file",
        plain_parquet,
        f"table.parquet: no outcome table (no 'router.format'); this release reads format '…': "
        f"{REBUILD}",
    ),
    refused(
        "outcome tables of two encoders",
        two_encoders,
        f"these outcomes hold vectors of the encoder {'bb' * 32}, but the encoder here is "
        f"{'aa' * 32}: {REBUILD}",
        "ENCODER_MISMATCH",
    ),
    refused(
        "an outcome table with the text features of an older release",
        older_features,
        "these outcomes hold text features of version 0, but this release computes version …: "
        f"{REBUILD}",
        "FEATURES_MISMATCH",
    ),
]
