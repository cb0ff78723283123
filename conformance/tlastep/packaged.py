"""Where the TLA+ texts are that a package brings."""

from __future__ import annotations

from pathlib import Path


def spec_file(package: str, name: str) -> Path:
    """A TLA+ text: in an installed package in its folder `specs`, in the tree in the folder `spec`."""
    here = Path(package).parent
    packaged = here / "specs" / name
    if packaged.is_file():
        return packaged
    return next((each / "spec" / name for each in here.parents if (each / "spec" / name).is_file()), packaged)
