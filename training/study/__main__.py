"""``python -m training.study NAME``: repeat one comparison and print its table."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from router.catalog import load_catalog
from router.errors import RouterError
from training.candidates import CANDIDATES
from training.data import read_training_data
from training.settings import Settings
from training.study.coverage_folds import coverage_folds
from training.study.own_labels import own_labels
from training.study.tiers import ground, mixtures_table

_CHAMPION = CANDIDATES["stack mixture"]
_WITH_CHAMPION = ("neighbours", "clusters", "gains", "ability", "peer network")
STUDIES: dict[str, dict[str, tuple[str, ...]]] = {
    "mixtures": {
        **{name: members for name, members in CANDIDATES.items() if members != _CHAMPION},
        **{f"champion, 2 {name}": (*_CHAMPION, name, name) for name in _WITH_CHAMPION},
    },
    "shared": {
        "shared alone": ("shared",),
        "champion, 4 shared": (*_CHAMPION, *["shared"] * 4),
        "network mixture, 4 shared": (*CANDIDATES["network mixture"], *["shared"] * 4),
    },
    "singles": {
        name: (name,) for name in ("network", "neighbours", "clusters", "gains", "ability")
    },
}
COVERAGE = "coverage"
OWN_LABELS = "own-labels"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a study; 0 when done, 1 when the data are refused."""
    parser = argparse.ArgumentParser(prog="python -m training.study", description=__doc__)
    parser.add_argument("study", choices=sorted([*STUDIES, COVERAGE, OWN_LABELS]))
    parser.add_argument("--data", default=str(Settings().data))
    parser.add_argument("--catalog", type=Path, default=Settings().catalog)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    settings = Settings(data=arguments.data, catalog=arguments.catalog, seed=arguments.seed)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        if arguments.study == COVERAGE:
            print(coverage_folds(settings, say))
            return 0
        table = read_training_data(settings, say)
        catalog = load_catalog(settings.catalog)
        if arguments.study == OWN_LABELS:
            print(own_labels(table, catalog, settings.seed, say))
            return 0
        here = ground(table, catalog, settings)
        print(mixtures_table(here, STUDIES[arguments.study], say))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
