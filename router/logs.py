"""How log records look on stderr: a line of text, or an object of JSON for machines.

Records hold ids, versions, counts and paths, and never text of a request.
"""

import json
import logging
import time

from router.config import Config


def set_up_logs(config: Config, worker: int | None = None) -> None:
    """Send records of all loggers to stderr.

    Args:
        config: ``log_level`` and ``log_format``.
        worker: Number of the worker this process is; None for a process alone.
    """
    handler = logging.StreamHandler()
    where = "" if worker is None else f" worker {worker}"
    handler.setFormatter(
        _JsonLines(worker)
        if config.log_format == "json"
        else logging.Formatter(f"%(asctime)s{where} %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler], force=True)


class _JsonLines(logging.Formatter):
    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        content: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._worker is not None:
            content["worker"] = self._worker
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)
