"""``python -m router``: the commands stand in ``router.cli``."""

import sys

from router.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
