"""Recorded answers as numbers: one digest per prompt and model, never a text.

The layout of the file is described in data/README.md; it is made by ``training.sources.answers``.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from eval.outcomes import Origin, OutcomeTable
from router.errors import DataError
from router.review.digest import ANSWER_FEATURE_NAMES, ANSWER_FEATURES_VERSION

DEFAULT_ANSWERS = Path("data/answers/zeroeval.parquet")
FORMAT = "1"
_REBUILD = "rebuild it with 'make data'"


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of m models to n prompts.

    Attributes:
        prompt_ids: (n,) as in the outcome files.
        models: The m models.
        kind: (n, m) ``router.review.final.Kind``.
        final_hash: (n, m) hash of the final answer, empty if there is none.
        features: (n, m, features) ``ANSWER_FEATURE_NAMES``.
        output_tokens: (n, m) tokens.
        truncated: (n, m) whether the answer was cut off by a token limit.
        quality: (n, m) in [0, 1].
        cosine: (n, m, m) cosine of the answers' encoder vectors.
    """

    prompt_ids: StrArray
    models: tuple[str, ...]
    kind: IntArray
    final_hash: StrArray
    features: FloatArray
    output_tokens: IntArray
    truncated: BoolArray
    quality: FloatArray
    cosine: FloatArray

    def __len__(self) -> int:
        return len(self.prompt_ids)

    def select(self, rows: IntArray | BoolArray, models: Sequence[str] | None = None) -> "Answers":
        """Return some prompts, and of them some models in the given order.

        Raises:
            DataError: a model has no answers here.
        """
        wanted = self.models if models is None else tuple(models)
        missing = [model for model in wanted if model not in self.models]
        if missing:
            raise DataError(f"no answers of {missing}; there are some of {list(self.models)}")
        columns = [self.models.index(model) for model in wanted]
        return Answers(
            self.prompt_ids[rows],
            wanted,
            self.kind[rows][:, columns],
            self.final_hash[rows][:, columns],
            self.features[rows][:, columns],
            self.output_tokens[rows][:, columns],
            self.truncated[rows][:, columns],
            self.quality[rows][:, columns],
            self.cosine[rows][:, columns][:, :, columns],
        )


def match(answers: Answers, table: OutcomeTable) -> tuple[IntArray, IntArray]:
    """Pair prompts of both: places in ``answers`` and in ``table``, once per prompt, in order."""
    _, first = np.unique(answers.prompt_ids, return_index=True)
    place = {str(answers.prompt_ids[row]): int(row) for row in first}
    seen: set[str] = set()
    pairs = []
    for row, name in enumerate(table.prompt_ids.tolist()):
        if name in place and name not in seen:
            seen.add(name)
            pairs.append((place[name], row))
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def write_answers(answers: Answers, path: Path, origin: Origin) -> None:
    """Write answers; features are kept as float32, cosines as float16."""
    columns: dict[str, pa.Array] = {"prompt_id": pa.array(answers.prompt_ids.tolist())}
    for column, model in enumerate(answers.models):
        columns[f"kind:{model}"] = pa.array(answers.kind[:, column], pa.int8())
        columns[f"final_hash:{model}"] = pa.array(answers.final_hash[:, column].tolist())
        columns[f"output_tokens:{model}"] = pa.array(answers.output_tokens[:, column], pa.int32())
        columns[f"truncated:{model}"] = pa.array(answers.truncated[:, column])
        columns[f"quality:{model}"] = pa.array(answers.quality[:, column], pa.float32())
        columns[f"features:{model}"] = pa.FixedSizeListArray.from_arrays(
            pa.array(answers.features[:, column].ravel(), pa.float32()), len(ANSWER_FEATURE_NAMES)
        )
        columns[f"cosine:{model}"] = pa.FixedSizeListArray.from_arrays(
            pa.array(answers.cosine[:, column].ravel().astype(np.float16), pa.float16()),
            len(answers.models),
        )
    metadata = {
        "review.format": FORMAT,
        "review.features_version": str(ANSWER_FEATURES_VERSION),
        "review.models": json.dumps(answers.models),
        "router.origin": json.dumps(asdict(origin), sort_keys=True),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, compression="zstd")


def read_answers(path: Path = DEFAULT_ANSWERS) -> Answers:
    """Read a file of answers.

    Raises:
        DataError: missing, not such a file, of another format or of other answer features.
    """
    try:
        table = pq.read_table(path).combine_chunks()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REBUILD}") from error
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    wanted = {"review.format": FORMAT, "review.features_version": str(ANSWER_FEATURES_VERSION)}
    found = {key: metadata.get(key) for key in wanted}
    if found != wanted:
        raise DataError(f"{path}: {found}, this release reads {wanted}: {_REBUILD}")
    models = tuple(json.loads(metadata["review.models"]))

    def column(name: str) -> np.ndarray:
        return np.stack(
            [table[f"{name}:{model}"].to_numpy(zero_copy_only=False) for model in models], axis=1
        )

    def lists(name: str, width: int) -> np.ndarray:
        flat = [
            table[f"{name}:{model}"].chunk(0).flatten().to_numpy(zero_copy_only=False)
            for model in models
        ]
        return np.stack([one.astype(np.float64).reshape(-1, width) for one in flat], axis=1)

    return Answers(
        prompt_ids=np.array(table["prompt_id"].to_pylist(), dtype=np.str_),
        models=models,
        kind=column("kind").astype(np.int64),
        final_hash=column("final_hash").astype(np.str_),
        features=lists("features", len(ANSWER_FEATURE_NAMES)),
        output_tokens=column("output_tokens").astype(np.int64),
        truncated=column("truncated").astype(np.bool_),
        quality=column("quality").astype(np.float64),
        cosine=lists("cosine", len(models)),
    )
