"""The one way from what the user names as data to an outcome table for training.

Bundled outcomes are numbers already; a user's own data are texts, which are read, checked, grouped
and encoded here, and then forgotten.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from eval.outcomes import OutcomeTable, is_outcome_file, read_outcomes, require_inputs
from router.predict.encoder import TextEncoder
from training.settings import Settings
from training.sources.load import load_rows
from training.sources.table import to_outcome_table


def read_training_data(settings: Settings, say: Callable[[str], None]) -> OutcomeTable:
    """Return the outcome table of ``settings.data``.

    Raises:
        DataError: nothing there, bad rows, or vectors or text features of another release.
        ArtifactError: the encoder directory is not one.
    """
    encoder = TextEncoder(settings.encoder)
    path = Path(settings.data)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if files and all(is_outcome_file(file) for file in files):
        table = read_outcomes(files)
        require_inputs(table, encoder.encoder_sha256)
        return table
    rows = load_rows(
        settings.data,
        format=settings.format,
        column_map=dict(settings.column_map),
        on_bad="skip" if settings.skip_bad_rows else "stop",
    )
    for problem in rows.problems:
        say(f"left out: {problem}")
    for line in replace(rows, problems=()).report().splitlines():
        say(line)
    if rows.problems:
        say(f"{len(rows.problems)} bad rows left out, as asked")
    return to_outcome_table(rows, encoder, source=path.stem or settings.data, progress=True)
