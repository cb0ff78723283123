"""Transcripts: a few commands on a cluster, and what happened, as text that people read and tests compare.

    # A server stands for election, and says so once its disk knows it.
    > cluster a b c
    > timeout a; sync a
        a       stands in term 1; owes vote-request 1 last 0 → *
        a       writes term 1, vote a; sends vote-request 1 last 0 → *

`parse` reads a script and `perform` runs it. The performance's `text` is the script with the output that belongs there.
"""

from quorumlog.simulation.transcript.files import Differing, differing, files
from quorumlog.simulation.transcript.performance import Performance, perform
from quorumlog.simulation.transcript.script import Command, Line, MalformedScript, Script, parse
from quorumlog.simulation.transcript.stage import Step

__all__ = [
    "Command",
    "Differing",
    "Line",
    "MalformedScript",
    "Performance",
    "Script",
    "Step",
    "differing",
    "files",
    "parse",
    "perform",
]
