"""Runs the steps of CI, all of them or those that are named: `python ci/run.py [STEP...]`.

A step that fails does not keep the others from running; the exit status is 1 if any has failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from steps import STEPS, Step

ROOT: Final = Path(__file__).resolve().parents[1]
USAGE: Final = f"usage: python ci/run.py [STEP...], and a STEP is one of {', '.join(step.name for step in STEPS)}"


def run(step: Step) -> bool:
    """Runs one step from the root of the project, with the tools of this Python's environment first on the path."""
    say(f"== {step.name}: {' '.join(step.command)}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path}
    # The steps start hundreds of processes: what they import is compiled once, whatever the outside thinks of that.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = perf_counter()
    status = subprocess.run(step.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if step is not STEPS[-1]:
        say(f"== {step.name}: {'ok' if status == 0 else f'failed ({status})'}, {perf_counter() - begun:.0f} s")
    return status == 0


def say(line: str) -> None:
    """Prints a line at once: what the steps print stands between."""
    print(line, flush=True)


def main(names: Sequence[str]) -> int:
    """Runs the steps of these names, or all, and gives the exit status."""
    known = {step.name: step for step in STEPS}
    if unknown := [name for name in names if name not in known]:
        print(f"no step {unknown[0]}; {USAGE}", file=sys.stderr)
        return 2
    failed = [step.name for step in ([known[name] for name in names] or STEPS) if not run(step)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
