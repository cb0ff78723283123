"""With logs that share their entries the code takes the steps that it takes with tuples, executed at every offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.consensus.replica import Replica
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.strand import Buffer, Items, Strand
from quorumlog.simulation.cluster import Cluster
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding, Constants
from tlastep.check.direct_code import DirectCode, execute
from tlastep.check.models import find_project
from tlastep.engine.code_system import BoundModel
from tlastep.language.config import read_config

PROJECT: Final = find_project(Path(__file__).parent)
MODELS: Final = ("ReplicationOldVote", "ReplicationLate", "ReplicationDeposed")


def strand(log: Log) -> Log:
    """A log in a buffer of its own."""
    return Strand.of(log)


def behind_one(log: Log) -> Log:
    """A log whose first entry is read whenever somebody looks at it."""
    kept = tuple(log)
    return Strand.behind(min(1, len(kept)), lambda start, end: kept[start:end], kept[1:])


def with_logs(cluster: Cluster, keep: Callable[[Log], Log]) -> Cluster:
    """The same servers with the same logs, kept in another way; disks share with their server's log what they can."""

    def kept(replica: Replica) -> Replica:
        log, old = keep(replica.log), replica.disk.log
        disk = log[: len(old)] if log[: len(old)] == old else keep(old)
        return replica.change(log=log, disk=replace(replica.disk, log=disk))

    return cluster.change(replicas=FrozenMap({name: kept(each) for name, each in cluster.replicas.items()}))


def stranded(keep: Callable[[Log], Log]) -> Binding[Cluster]:
    """The binding of Replication with logs that are kept in another way."""
    other = copy(replication)

    def started(start: Callable[[Constants], Cluster | Iterable[Cluster]]) -> Callable[[Constants], list[Cluster]]:
        def make(constants: Constants) -> list[Cluster]:
            made = start(constants)
            return [with_logs(each, keep) for each in ([made] if isinstance(made, Cluster) else made)]

        return make

    other.starts = {name: started(start) for name, start in replication.starts.items()}
    return other


def executed(name: str, binding: Binding[Cluster]) -> DirectCode:
    """The code alone, without memory."""
    return execute(BoundModel(binding, read_config(PROJECT.config(PROJECT.model(name)))))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("keep", [strand, behind_one])
def test_strands_make_the_same_steps_as_tuples(
    name: str, keep: Callable[[Log], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[int] = []
    add = Strand.__add__

    def counted(mine: Strand[Entry], more: tuple[Entry, ...]) -> Strand[Entry]:
        added.append(len(more))
        return add(mine, more)

    monkeypatch.setattr(Strand, "__add__", counted)
    mine, theirs = executed(name, stranded(keep)), executed(name, replication)
    assert mine.result == "ok"
    assert mine == replace(theirs, seconds=mine.seconds)
    assert sum(added) > 0


def test_a_strand_that_overwrites_what_others_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(mine: Strand[Entry], more: Items[Entry]) -> Strand[Entry]:
        buffer: Buffer[Entry] = mine._buffer
        buffer.items[mine._end :] = more
        return Strand(buffer, mine._start, mine._end + len(more))

    right = executed("ReplicationDeposed", replication)
    monkeypatch.setattr(Strand, "__add__", careless)
    try:
        wrong = executed("ReplicationDeposed", stranded(strand))
    except (IndexError, AssertionError):
        return
    assert wrong.digest != right.digest
