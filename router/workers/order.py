"""What a worker is told when it starts: where its settings come from, and what is its own."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from router.config import Config
from router.config_sources import load_config


@dataclass(frozen=True, slots=True)
class Order:
    """Settings by their sources, so that a worker reads them as one process alone would.

    Attributes:
        config_file: TOML file of settings; None without one.
        flags: Settings of the command line.
        address: host:port that all workers share.
        index: Number of the worker, from 0.
    """

    config_file: str | None
    flags: Mapping[str, Any]
    address: str
    index: int = 0

    def config(self) -> Config:
        """Return the worker's settings: its own decision log, everything else as configured.

        Raises:
            ConfigError: see ``load_config``.
        """
        path = None if self.config_file is None else Path(self.config_file)
        config = replace(load_config(path, flags=self.flags), address=self.address)
        log = config.decision_log
        if log is None:
            return config
        own = log.with_name(f"{log.stem}.{self.index}{log.suffix}")
        return replace(config, decision_log=own)

    def to_line(self) -> str:
        """Return the order as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> "Order":
        """Return the order of a line that ``to_line`` made."""
        return cls(**json.loads(line))
