"""Each line of the storage that keeps a promise is missed when it is gone: some check or some program fails."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, cast

import apsw
import pytest
from tests.unit.runtime import store_checks, store_damage
from tests.unit.runtime.store_trial import Compact, Fail, Opens, Read, Restart, Save, Step, Tidy, Trial, Write

import quorumlog
from quorumlog import runtime
from quorumlog.runtime.errors import DiskFailed, UnusableStore

CHECKS: Final = (*store_checks.CHECKS, *store_damage.CHECKS)
PACKAGE: Final = Path(quorumlog.__file__).parent
DATABASE: Final = "runtime.database"
BATCHES: Final = "runtime.batches"
SNAPSHOTS: Final = "runtime.snapshots"
STORAGE: Final = "runtime.storage"
MODULES: Final = ("records", DATABASE, BATCHES, SNAPSHOTS, STORAGE)
"""In the order in which one imports the other."""


class Mutant(NamedTuple):
    """One line of a module, and what it becomes."""

    says: str
    module: str
    find: str
    replace: str


MUTANTS: Final = (
    Mutant("no sync at all", DATABASE, '"synchronous": "full"', '"synchronous": "off"'),
    Mutant("the checksum of a batch is not checked", BATCHES, "if checksum(batch) != written:", "if False:"),
    Mutant("rows are not looked at", BATCHES, "if not (isinstance(begins, int)", "if False and not (bool()"),
    Mutant("truncation is forgotten", BATCHES, "    if truncated:\n", "    if False:\n"),
    Mutant(
        "truncation takes too much",
        "runtime.batches",
        'first > ?", (added[0].first - 1',
        'first > ?", (added[0].first - 9',
    ),
    Mutant("a gap is not seen", BATCHES, "if batch.first > known + 1:", "if False:"),
    Mutant("a lost end is not seen", BATCHES, "if known < state.last:", "if False:"),
    Mutant("what lies beyond the end is not seen", BATCHES, "if beyond is not None:", "if False:"),
    Mutant("one batch too many is dropped", BATCHES, "(upto + 1, PIECE", "(upto + 9, PIECE"),
    Mutant("the pages are not looked at", DATABASE, 'if said != "ok":', "if False:"),
    Mutant("a damaged middle is a torn tail", DATABASE, "> state.writes + 1]", "> state.writes + 999]"),
    Mutant("a torn tail is a damaged middle", DATABASE, "> state.writes + 1]", "> state.writes]"),
    Mutant("a torn tail is kept", DATABASE, "mode=apsw.SQLITE_CHECKPOINT_TRUNCATE", ""),
    Mutant("a torn tail comes back", DATABASE, "    files.sync(WAL)\n", ""),
    Mutant("a torn tail is not reported", DATABASE, "if not is_torn:", "if True:"),
    Mutant(
        "what is left of old writes is taken for a torn tail", "runtime.database", "if not is_torn:", "if not torn:"
    ),
    Mutant("what a failed sync lost is believed", DATABASE, "        files.rewrite(WAL)\n", "        pass\n"),
    Mutant("a name that may vanish is believed", DATABASE, "    files.sync_folder()\n", ""),
    Mutant("the record is not checked", DATABASE, "    if state is None or None in states:\n", "    if False:\n"),
    Mutant("a record of a batch is not checked", DATABASE, " or None in states:", ":"),
    Mutant("the record of a batch is not looked at", DATABASE, "    records += [each for", "    _ = [each for"),
    Mutant(
        "any record of both is the state", DATABASE, "key=lambda each: each.writes,", "key=lambda each: -each.writes,"
    ),
    Mutant("a batch alone knows where it ends", DATABASE, "    settle(connection, state)\n", ""),
    Mutant("at the end only a batch knows it", STORAGE, "        settle(self._connection, self._state)\n", ""),
    Mutant("what anybody writes is a record", DATABASE, "if found.salt == state.salt]", "]"),
    Mutant("names of any length", DATABASE, "if len(owner.encode()) > LONGEST:", "if False:"),
    Mutant("a vote alone is not written", BATCHES, "    if not added:\n", "    if False:\n"),
    Mutant("a batch replaces nothing", BATCHES, "== 1 and not truncated:", "== 1:"),
    Mutant("another's log is taken", DATABASE, "if state.owner != owner:", "if False:"),
    Mutant("another's file is taken", DATABASE, "if application != APPLICATION:", "if False:"),
    Mutant("a newer format is taken", DATABASE, "if version != FORMAT:", "if False:"),
    Mutant("a lost database is made anew", DATABASE, "if not files.size(FILE) and", "if False and"),
    Mutant("a snapshot is not synced", SNAPSHOTS, "    files.sync(UNFINISHED)\n", ""),
    Mutant("the name of a snapshot is not synced", SNAPSHOTS, "    files.sync_folder()\n", ""),
    Mutant("the checksum of a snapshot is not checked", SNAPSHOTS, "unsealed(file, len(MAGIC))", "file[29:]"),
    Mutant("only one snapshot is kept", SNAPSHOTS, "KEPT: Final = 2", "KEPT: Final = 1"),
    Mutant("old snapshots stay", SNAPSHOTS, "        if index not in left:\n", "        if False:\n"),
    Mutant(
        "a failure is forgotten", "runtime.storage", "        if self._failed is not None:\n", "        if False:\n"
    ),
    Mutant("a failed deed is no failure", STORAGE, "self._failed = error if", "_ = error if"),
    Mutant(
        "entries are replaced by none",
        "runtime.storage",
        "if after == before and not added:",
        "if after == before:",
    ),
    Mutant("what changes nothing is written", STORAGE, "if after == before and not added:", "if False:"),
    Mutant("old entries are remembered", STORAGE, "            if truncated:\n", "            if False:\n"),
    Mutant("decided entries are replaced", STORAGE, "max([before.start, *self._snapshots])", "before.start"),
    Mutant(
        "entries are placed one behind the other", "runtime.storage", "    del known[max(first - begins, 0) :]\n", ""
    ),
    Mutant("no snapshot is needed to drop", STORAGE, "min(self._snapshots, default=0))", "below)"),
    Mutant("one snapshot is enough to drop", STORAGE, "if len(self._snapshots) < snapshots.KEPT:", "if False:"),
    Mutant("what the older snapshot needs goes", STORAGE, "min(self._snapshots, d", "max(self._snapshots, d"),
    Mutant("a lost tail under a snapshot", STORAGE, "elif index > state.last:", "elif False:"),
    Mutant("a snapshot of another term", STORAGE, "entries[0].term != snapshot.term", "not entries"),
    Mutant("lost entries and no snapshot", STORAGE, "        if state.start:\n", "        if False:\n"),
    Mutant("no checkpoint when it is idle", STORAGE, "IDLE_FRAMES: Final = 64", "IDLE_FRAMES: Final = 6400"),
    Mutant(
        "no checkpoint when it is busy", "runtime.storage", "MOST_FRAMES: Final = 1024", "MOST_FRAMES: Final = 9999"
    ),
    Mutant("all but the last store is ignored", "records", "min(store.kept for store in stores)", "stores[-1].kept"),
)


@pytest.fixture
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Opens:
    """The class of stores with a mutant in it. Every other module of the package stays as it is."""
    mutant: Mutant = request.param
    for name in MODULES:
        text = (PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        if name == mutant.module:
            assert text.count(mutant.find) == 1, f"{mutant.says}: {text.count(mutant.find)} times in {name}"
            text = text.replace(mutant.find, mutant.replace)
        full = f"quorumlog.{name}"
        module = ModuleType(full)
        monkeypatch.setitem(sys.modules, full, module)
        monkeypatch.setattr(runtime if "." in name else quorumlog, name.split(".")[-1], module, raising=False)
        exec(compile(text, full, "exec"), module.__dict__)
    return cast("Opens", sys.modules["quorumlog.runtime.storage"].__dict__["Storage"])


def program(seed: int) -> list[Step]:
    """A random program: the kinds of steps that Hypothesis draws elsewhere, in a few milliseconds."""
    dice, steps = random.Random(seed), list[Step]()
    for _ in range(dice.randrange(1, 25)):
        parts = tuple((dice.choice((0, 0, 1, 3)), dice.choice((0, 1, 1, 2, 40))) for _ in range(dice.choice((1, 1, 2))))
        kinds: tuple[tuple[int, Step], ...] = (
            (10, Write(parts, dice.random() < 0.3)),
            (2, Save(dice.randrange(5))),
            (1, Compact(dice.randrange(5))),
            (1, Tidy(dice.random() < 0.5)),
            (2, Read(dice.randrange(60), dice.randrange(60))),
            (2, Restart(dice.choice(("close", "kill", "crash")), dice.randrange(1000))),
            (2, Fail(dice.choice(("power", "full", "failed")), dice.randrange(1, 20))),
        )
        steps += dice.choices([step for _, step in kinds], [weight for weight, _ in kinds])
    return steps


def killed_by(stores: Opens) -> str | None:
    """What fails, by an assertion or by saying no where it must not; None if the mutant lives."""
    for check in CHECKS:
        try:
            check(stores)
        except (AssertionError, UnusableStore, DiskFailed, apsw.Error, TypeError, AttributeError, IndexError) as error:
            return f"{check.__name__}: {error!r}"
    for seed in range(3_000):
        try:
            Trial(stores).run(program(seed))
        except (AssertionError, UnusableStore, DiskFailed) as error:
            return f"program {seed}: {error!r}"
    return None


@pytest.mark.parametrize("stores", MUTANTS, indirect=True, ids=[mutant.says for mutant in MUTANTS])
def test_a_mutant_is_found(stores: Opens) -> None:
    found = killed_by(stores)
    assert found is not None
    print(found)


@pytest.mark.parametrize("stores", [Mutant("nothing", "records", "HEAD: Final = 8", "HEAD: Final = 8")], indirect=True)
def test_without_a_mutant_nothing_is_found(stores: Opens) -> None:
    for check in CHECKS:
        check(stores)
    for seed in range(40):
        Trial(stores).run(program(seed))
