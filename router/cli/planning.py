"""``router simulate`` and ``router break-even``: the commands of ``eval.planning``, where it is.

Simulations draw pictures and need libraries that a server does without, so they stand in a checkout
and run in a process of their own; nothing of them is imported here.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from router.errors import ConfigError

_COMMANDS = {
    "simulate": "replay traffic through ways to price a pool (in a checkout: docs/planning.md)",
    "break-even": "whether a pool pays over the traffic of a log (likewise)",
}


def add_planning(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the commands to the parser; all that follows them is handed on."""
    for name, words in _COMMANDS.items():
        # With no character that begins a flag, flags are handed on as they are.
        parser = commands.add_parser(name, help=words, prefix_chars="\0", add_help=False)
        parser.add_argument("handed_on", nargs="*")
        parser.set_defaults(run=_run, command=name)


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.command
    try:
        is_there = find_spec("eval.planning") is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise ConfigError(
            f"{name} is not installed with the server: it needs a checkout of the repository. "
            f"There, run 'make {name} LOG=FILE' or 'python -m eval.planning {name} FILE'; "
            "docs/planning.md says what comes out"
        )
    command = [sys.executable, "-m", "eval.planning", name, *arguments.handed_on]
    return subprocess.call(command)  # noqa: S603  # this interpreter, a module of this checkout
