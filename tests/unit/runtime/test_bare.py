"""Without what a server's process needs beyond the core, whoever asks for a cluster is told what to install."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys; sys.modules['apsw'] = None; "


def last_line(code: str) -> str:
    """What a Python without apsw says in the end."""
    ran = subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, check=False)
    return (ran.stderr or ran.stdout).strip().splitlines()[-1]


def test_a_cluster_says_what_it_needs() -> None:
    says = "ImportError: expected apsw to be installed, as by: pip install 'quorumlog[cluster]'"
    assert last_line("from quorumlog import Cluster") == says


def test_the_core_needs_none_of_it() -> None:
    assert last_line("import quorumlog.core.consensus.log, quorumlog; print('here')") == "here"
