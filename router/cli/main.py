"""The entry point: which command, and errors as one line.

Exit status: 0 done, 1 refused or failed (one line on stderr), 2 the command line is wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from router import __version__
from router.errors import RouterError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    from router.cli.admin import add_admin
    from router.cli.batch import add_batch
    from router.cli.demo import add_demo
    from router.cli.explain_decision import add_explain
    from router.cli.files import add_check, add_outcomes, add_tiers
    from router.cli.keys import add_keys
    from router.cli.planning import add_planning
    from router.cli.pools import add_pools
    from router.cli.prices import add_prices
    from router.cli.promise import add_promise
    from router.cli.route import add_route
    from router.cli.serve import add_health, add_serve
    from router.cli.sign import add_sign

    parser = argparse.ArgumentParser(
        prog="python -m router",
        description="A learned LLM request router: the cheapest tier of models that keeps the "
        "promised quality. It never calls a language model itself.",
        epilog="Exit status: 0 done, 1 refused or failed, 2 wrong command line.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        add_serve,
        add_route,
        add_tiers,
        add_check,
        add_pools,
        add_planning,
        add_health,
        add_promise,
        add_prices,
        add_batch,
        add_admin,
        add_demo,
        add_outcomes,
        add_keys,
        add_sign,
        add_explain,
    ):
        add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except RouterError as error:
        print(f"error: {' '.join(error.message.split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a path that is too long or that nobody may search
        print(f"error: {error}", file=sys.stderr)
        return 1
    except UnicodeError as error:  # its text quotes single characters only
        print(
            f"error: text that is not UTF-8 was given, or cannot be printed here ({error})",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 1
    return status
