"""What a router does for its clients, without HTTP: it holds their requests until a group has answered, whoever leads.

A command with a key of its client's is the first command of a session that is named by the key, so that it is the same
command through every router and at every try. On shards a command may meet a transfer in doubt, and nothing happens:
then the next command of that session is the same again, and whoever asks with this key goes through the same commands
to the same answer. Commands without a key are numbered in a session of the router, for which the servers remember no
more than it has not heard. Nothing else is remembered here, and routers need not know each other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import Any, Final

from quorumlog.core.event_sourcing import raised
from quorumlog.core.leader_output import Answered, Conflict, Named, Request
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Command, Total
from quorumlog.ledger.coordinated import FORGOTTEN
from quorumlog.runtime.checks import check_numbers, check_size, named, value_of
from quorumlog.runtime.client import Client
from quorumlog.runtime.config import Config
from quorumlog.runtime.feed import Feed
from quorumlog.runtime.hosting import LEDGER_CODEC, AnyHosted, NoQuestion
from quorumlog.runtime.session import Full, Refused, Session
from quorumlog.runtime.trouble import PERHAPS, RETRY, Trouble, bad, nobody, refused, result_of, unknown_group
from quorumlog.sharding.clients import Doing, Ended, Operation, Way

AGAIN: Final = 0.5
"""Seconds after which a command is sent again, though the connection stands."""
IN_DOUBT: Final = 0.02
"""Seconds before a command is tried again that has met a transfer in doubt; more at each try."""
KEY: Final = "key:"
KEPT: Final = 64
"""Answers of a session that are kept if its client does not say which ones it has."""


class Group:
    """A group with the connections to it, and the session of the commands that have no key.

    The copy of its events is begun when somebody wants it.
    """

    def __init__(self, name: str, config: Config, dice: Random) -> None:
        self.name = name
        self.hosted: AnyHosted = config.hosted(name)
        self._dice = dice
        self.session: Session[Any] = fresh(dice)
        self.client: Client[Any, Any, Any] = Client(
            name, config.groups[name], self.hosted.codec, session=fresh(dice).name, dice=dice
        )
        self._servers = config.groups[name]
        self._feed: Feed | None = None

    @property
    def feed(self) -> Feed:
        """The copy of its events."""
        if self._feed is None:
            self._feed = Feed(self.name, self._servers, self.hosted)
        return self._feed

    def renew(self, asked: asyncio.Future[Any], session: str) -> None:
        """A session that was not taken is of no use, also when others are: another begins with its first command."""
        is_full = not asked.cancelled() and isinstance(asked.exception(), Full)
        if is_full and session == self.session.name:
            self.session = fresh(self._dice)

    async def close(self) -> None:
        """Whatever is not answered is never answered."""
        await self.client.close()
        if self._feed is not None:
            await self._feed.close()


@dataclass(frozen=True)
class Done:
    """An answer, and of each group that has given it how many events there were: the client has seen so much."""

    answer: Any
    at: dict[str, int]


@dataclass(frozen=True)
class Numbered:
    """Which command of a client's session one is, and how many of the session's first answers the client has."""

    session: str
    number: int
    received: int


@dataclass(frozen=True)
class Wanted:
    """A command of a client, how it is known, how many events it expects, and until when it waits.

    It is known by a key, or by its number in a session.
    """

    command: Any
    until: float
    key: str | None = None
    expected: int | None = None
    numbered: Numbered | None = None


class Gateway:
    """All groups of a cluster, in this loop. `dice` are those of the machine; in virtual time, others."""

    def __init__(self, config: Config, dice: Random | None = None) -> None:
        self.config = config
        self.placement = config.placement
        self.is_sharded = bool(self.placement.shards)
        self._loop = asyncio.get_running_loop()
        self._dice = dice if dice is not None else SystemRandom()
        self._open: Counter[str] = Counter()
        self._waiting: dict[Named, int] = {}
        self.groups: dict[str, Group] = {name: Group(name, config, self._dice) for name in config.groups}

    @property
    def is_ledger(self) -> bool:
        """Whether there are accounts: one ledger, on shards or whole."""
        only = len(self.groups) == 1 and self._types(next(iter(self.groups)))[0] == LEDGER_CODEC.types[0]
        return self.is_sharded or only

    @property
    def open(self) -> int:
        """How much was asked of the groups and is not answered, though nobody may be waiting for it any more."""
        return self._open.total()

    async def close(self) -> None:
        """Whatever is not answered is never answered."""
        for group in self.groups.values():
            await group.close()

    # -- who is asked --------------------------------------------------------------------------------------------

    def group(self, name: str) -> Group:
        """A group, by its name. Raises `Trouble` if there is none."""
        if name not in self.groups:
            raise unknown_group(name, list(self.groups))
        return self.groups[name]

    def types_of(self, name: str | None) -> str:
        """The group whose types a command has to have. Raises `Trouble` if that is open."""
        if self.is_sharded:
            if name is not None:
                raise bad("group", "expected none, for accounts say which shard it is")
            return self.placement.shards[0]
        if name is not None:
            return self.group(name).name
        if len(self.groups) > 1:
            raise bad("group", f"expected one of {', '.join(self.groups)}")
        return next(iter(self.groups))

    def command_type(self, name: str | None) -> Any:
        """The type of the commands for a group."""
        return self._types(self.types_of(name))[0]

    def _types(self, name: str) -> tuple[Any, Any, Any]:
        return self.groups[name].hosted.codec.types

    def _doing(self, command: Command, way: Way = "log") -> Doing:
        asks = isinstance(command, Balance | Total)
        if not asks and EXCHANGE in (getattr(command, each, "") for each in ("account", "source", "to")):
            raise bad("account", f"expected an account other than {EXCHANGE!r}, which is on all shards")
        doing = Doing(Operation("", command, way), self.placement)
        if "" in doing.groups:
            raise Trouble(404, "this cluster has no coordinator, so that nothing moves between its shards")
        return doing

    # -- commands ------------------------------------------------------------------------------------------------

    async def submit(self, wanted: Wanted, name: str | None) -> Done:
        """Have a command executed. Raises `Trouble`."""
        check_numbers(wanted.command)
        if wanted.numbered is not None:
            group = self._group_of_session(wanted, name)
            answered = await self._command(group, wanted, None, 1)
            return Done(value_of(answered.said) if self.is_sharded else answered.said, {group.name: answered.at})
        if not self.is_sharded:
            group = self.group(self.types_of(name))
            answered = await self._command(group, wanted, wanted.key, 1)
            return Done(answered.said, {group.name: answered.at})
        doing = self._doing(wanted.command)
        if doing.is_of_all and wanted.expected is not None:
            raise bad("expected", "expected nothing, for this is asked of all shards")
        if doing.is_of_all:
            return await self._survey(doing, wanted)
        return await self._placed(self.groups[doing.groups[0]], wanted)

    def _group_of_session(self, wanted: Wanted, name: str | None) -> Group:
        """The group in which a session counts its commands. On shards the client says what it thinks, and is told."""
        if not self.is_sharded:
            return self.group(self.types_of(name))
        doing = self._doing(wanted.command)
        if doing.is_of_all:
            raise bad("session", "expected none, for this is asked of all shards")
        if name != doing.groups[0]:
            raise bad("group", f"expected {doing.groups[0]}, whose command of the session this is, found {name}")
        return self.groups[doing.groups[0]]

    async def _placed(self, group: Group, wanted: Wanted) -> Done:
        """A command to one shard or the coordinator: again as long as it meets transfers in doubt."""
        number = 0
        while True:
            number += 1
            answered = await self._command(group, wanted, wanted.key, number)
            said = answered.said
            if said == FORGOTTEN:
                raise Trouble(410, "how this transfer has ended is not remembered any more")
            if said is not None:
                return Done(value_of(said), {group.name: answered.at})
            await self._pause(number, wanted.until)

    async def _pause(self, number: int, until: float) -> None:
        if self._loop.time() >= until:
            raise Trouble(503, "something is in doubt, and nothing has happened: ask again", retry=RETRY)
        wait = min(IN_DOUBT * number, AGAIN) * self._dice.uniform(0.5, 1.5)
        await asyncio.sleep(min(wait, max(until - self._loop.time(), 0)))

    async def _survey(self, doing: Doing, wanted: Wanted) -> Done:
        """What is on all shards: each is asked twice, until nothing has changed in between."""
        begun, number, at = doing, 0, dict[str, int]()
        while True:
            number += 1
            after: Doing | Ended = begun
            while isinstance(after, Doing):
                groups = after.asks()
                asked = (self._finding(self.groups[group], after.operation.way, wanted) for group in groups)
                for group, (found, events) in zip(groups, await asyncio.gather(*asked), strict=True):
                    at[group] = events
                    after = after.hear(group, found) if isinstance(after, Doing) else after
            if after.how == "ok":
                return Done(after.value, at)
            await self._pause(number, wanted.until)

    async def _finding(self, group: Group, way: Way, wanted: Wanted) -> tuple[Any, int]:
        if way == "index":
            return await self._question(group, wanted), group.client.at
        answered = await self._command(group, wanted, None, 1)
        return answered.said, answered.at

    async def _command(self, group: Group, wanted: Wanted, key: str | None, number: int) -> Answered[Any]:
        session, numbered = group.session, wanted.numbered
        self._check_room(group)
        if numbered is not None:
            request = Request(numbered.session, numbered.number, numbered.received, wanted.expected, wanted.command)
            check_size(request, self.config)
        elif key is None:
            check_size(Request(session.name, 1, 0, wanted.expected, wanted.command), self.config)
            request = session.ask(wanted.expected, wanted.command)
        else:
            request = Request(KEY + key, number, 0, wanted.expected, wanted.command)
            check_size(request, self.config)
        is_ours = key is None and numbered is None
        answered = await self._answered(group, request, wanted.until, is_ours=is_ours)
        if isinstance(answered.said, Conflict):
            if answered.said.reason:
                raise refused(answered.said.reason)
            found = f"expected {wanted.expected} events before it, found {answered.at}: nothing has happened"
            raise Trouble(409, found, events=answered.at)
        return answered

    async def _answered(self, group: Group, request: Request[Any], until: float, *, is_ours: bool) -> Answered[Any]:
        """Ask until there is an answer. A command of the router's own session goes on when nobody waits any more."""
        named = request.session, request.number
        self._waiting[named] = self._waiting.get(named, 0) + 1
        session = group.session  # later, the group may have another one
        known: asyncio.Future[Answered[Any]] | None = None
        try:
            while True:
                asked = self._forwarded(group, request)
                if asked is not known:
                    known = asked
                    self._count(group, asked)
                    if is_ours:
                        asked.add_done_callback(lambda _: session.accept(request.number))
                left = until - self._loop.time()
                await asyncio.wait([asked], timeout=max(min(AGAIN, left), 0))
                if asked.done():
                    if is_ours:
                        group.renew(asked, request.session)
                    answered: Answered[Any] = result_of(asked)
                    return answered
                if left <= AGAIN:
                    raise nobody(group.name)
                if not is_ours:
                    group.client.ask_about(request.session)
        finally:
            self._waiting[named] -= 1
            if not self._waiting[named]:
                del self._waiting[named]
                if not is_ours:
                    group.client.forget(*named)

    def _forwarded(self, group: Group, request: Request[Any]) -> asyncio.Future[Answered[Any]]:
        try:
            return group.client.forward(request)
        except (Refused, RuntimeError) as error:
            raise Trouble(502, f"group {group.name} cannot be asked: {error}; {PERHAPS}") from error

    def _check_room(self, group: Group) -> None:
        """Nothing more is asked of a group that leaves so much unanswered; others may answer. Raises `Trouble`."""
        most = self.config.router.outstanding
        if self._open[group.name] >= most:
            raise Trouble(503, f"{most} requests to group {group.name} are not answered yet", retry=RETRY)

    def _count(self, group: Group, asked: asyncio.Future[Any]) -> None:
        self._open[group.name] += 1
        asked.add_done_callback(lambda _: self._open.subtract([group.name]))

    # -- questions -----------------------------------------------------------------------------------------------

    async def question(self, wanted: Wanted, name: str | None) -> Done:
        """Ask what is true now, without an entry in the log. Raises `Trouble`."""
        self.check_question(wanted.command, name)
        if not self.is_sharded:
            group = self.group(self.types_of(name))
            return Done(await self._question(group, wanted), {group.name: group.client.at})
        doing = self._doing(wanted.command, "index")
        if doing.is_of_all:
            return await self._survey(doing, wanted)
        group = self.groups[doing.groups[0]]
        number = 0
        while (found := await self._question(group, wanted)) is None:
            number += 1
            await self._pause(number, wanted.until)
        return Done(value_of(found), {group.name: group.client.at})

    def check_question(self, question: Any, name: str | None) -> None:
        """Whether it is one: others that were asked with it would suffer too. Raises `Trouble`."""
        hosted = self.groups[self.types_of(name)].hosted
        try:
            hosted.answer(hosted.application.start(), question)
        except NoQuestion as error:
            raise bad("question", f"expected something that changes nothing, found {named(question)}") from error
        except Exception:
            return  # in another state it may have an answer: the servers will say

    async def _question(self, group: Group, wanted: Wanted) -> Any:
        check_size(wanted.command, self.config)
        self._check_room(group)
        try:
            asked = group.client.question(wanted.command)
        except (Refused, RuntimeError) as error:
            raise Trouble(502, f"group {group.name} cannot be asked: {error}") from error
        self._count(group, asked)
        await asyncio.wait([asked], timeout=max(wanted.until - self._loop.time(), 0))
        if not asked.done():
            raise Trouble(503, f"group {group.name} has not answered in time", retry=RETRY)
        return result_of(asked)

    # -- the copy ------------------------------------------------------------------------------------------------

    def home(self, command: Any, name: str | None) -> Group:
        """The one group whose copy answers a question. Raises `Trouble` if it is several."""
        if not self.is_sharded:
            return self.group(self.types_of(name))
        doing = self._doing(command)
        if doing.is_of_all:
            raise bad("through", "expected log or index, for this is on all shards, and their copies differ in age")
        return self.groups[doing.groups[0]]

    async def caught_up(self, group: Group, seen: int, until: float) -> None:
        """The copy of a group has so many events. Raises `Trouble` if it does not get them in time."""
        caught_up = await group.feed.until(seen, max(until - self._loop.time(), 0))
        if group.feed.failure is not None:
            raise Trouble(410, f"there is no copy of group {group.name}: {group.feed.failure}")
        if not caught_up:
            found = f"group {group.name}: the copy has {group.feed.position} events, and {seen} were seen before"
            raise Trouble(503, found, retry=RETRY)

    async def current(self, group: Group, until: float) -> None:
        """It is known how old the copy of a group is. Raises `Trouble` if it is not in time."""
        if not await group.feed.current(max(until - self._loop.time(), 0)):
            raise Trouble(503, f"no server of group {group.name} has told of its events in time", retry=RETRY)

    async def copied(self, wanted: Wanted, group: Group, seen: int) -> Done:
        """What the copy of a group answers, once that has all that the client has seen. Raises `Trouble`."""
        await self.caught_up(group, seen, wanted.until)
        known, question = group.feed.projection, wanted.command
        if isinstance(question, Balance) and question.account not in known.accounts:
            raise Trouble(404, f"account: {question.account!r} occurs in none of {known.events} events")
        try:
            answer = group.hosted.answer(known.state, question)
        except Exception as error:  # whatever the application's own code raises
            raise refused(raised(error)) from error
        return Done(value_of(answer) if self.is_sharded else answer, {group.name: known.events})


def fresh(dice: Random) -> Session[Any]:
    """A session of the router."""
    return Session(f"router:{dice.getrandbits(64):016x}")
