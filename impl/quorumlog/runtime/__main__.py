"""One server in this process: `python -m quorumlog.runtime --config FILE --identity NAME`.

The same as `quorumlog node`, without what the command line needs beside it, so that it starts faster.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from quorumlog.runtime import config
from quorumlog.runtime.running import run


def main() -> int:
    """Run until somebody stops it."""
    parser = argparse.ArgumentParser(prog="python -m quorumlog.runtime")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--new", action="store_true")
    given = parser.parse_args()
    try:
        return run(config.read(given.config).place(given.identity), is_new=given.new)
    except config.UnusableConfig as error:
        print(f"quorumlog: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
