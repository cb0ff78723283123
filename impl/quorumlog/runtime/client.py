"""Clients of one group over a native connection: pipelined, with one frame a turn, and sent again until answered.

A client finds out who leads, and asks again there when that changes, with the same numbers: a command that was executed
is answered, and not executed again (`core/client.py`, Spec: LeaderOutput). `Client` is for a loop, `SyncClient` for
everybody else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from random import Random
from types import TracebackType
from typing import Any, Final, Generic, TypeVar, cast

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Folds
from quorumlog.core.leader_output import Answered, Named, Request
from quorumlog.runtime import wire
from quorumlog.runtime.read_model import ReadModel
from quorumlog.runtime.session import Expected, NotAQuestion, Refused, Rejected, Session, Unanswered, no_answer, spread
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import BadFrame, Codec, Hello, Read, Status, frame

__all__ = ["Client", "Expected", "NotAQuestion", "Refused", "Rejected", "Session", "Unanswered"]

Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
State = TypeVar("State")
Waited = TypeVar("Waited")

LARGEST: Final = 64 << 20
BUFFER: Final = 8 << 20
FIRST_WAIT: Final = 0.01
LONGEST_WAIT: Final = 0.5
"""Seconds before the next server is tried."""
FRAME: Final = 4096
"""Requests that go into one frame."""
EARLY: Final = 192
"""So many do not wait for the end of the turn: the leader begins with them while others are asked for."""


class Client(Generic[Command, Event, Answer]):
    """A session with one group. `servers` are the addresses of its members, by name.

    `patience` is how many seconds without any answer pass before another server is tried; `session` is a name that no
    other client has or has had.
    """

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, tuple[str, int]],
        codec: Codec[Command, Event, Answer],
        *,
        patience: float = 1.0,
        session: str | None = None,
        dice: Random | None = None,
    ) -> None:
        self.session: Session[Command] = Session(session or secrets.token_hex(8))
        self.at = 0
        """How many events there were, as far as this client was told."""
        self._loop = asyncio.get_running_loop()
        self._group = group
        self._servers = dict(servers)
        self._codec = codec
        self._patience = patience
        self._dice = dice if dice is not None else Random()
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._forwarded: dict[Named, tuple[Request[Command], asyncio.Future[Answered[Answer]]]] = {}
        self._reads: dict[int, tuple[Read[Command], list[asyncio.Future[Answer]]]] = {}
        self._questions: list[tuple[Command, asyncio.Future[Answer]]] = []
        self._statuses: list[asyncio.Future[Status]] = []
        self._calls = 0
        self._unsent: list[Request[Command]] = []
        self._unsent_reads: list[Read[Command]] = []
        self._flushing = False
        self._target = next(iter(self._servers))
        self._connection: Connection | None = None
        self._welcome = False
        self._wait = FIRST_WAIT
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._loop.time()
        self._closed = False
        self._refusal: str | None = None
        self._watch: asyncio.TimerHandle = self._loop.call_later(patience / 2, self._look)

    # -- what users call ----------------------------------------------------------------------------------------

    def submit(self, command: Command, expected: int | None = None) -> asyncio.Future[Answer]:
        """Ask for a command; the future has the application's answer, or raises `Expected` or `Rejected`.

        `expected` is how many events there must be before it. Cancelling takes nothing back.
        """
        if self._closed:
            self._check()
        request = self.session.ask(expected, command)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answers[request.number] = answer
        self._unsent.append(request)
        if len(self._unsent) >= EARLY and self._welcome and self._connection is not None:
            self._send_requests(self._connection)
        elif not self._flushing:
            self._soon()
        return answer

    async def ask(self, command: Command, expected: int | None = None, timeout: float | None = None) -> Answer:
        """Ask for a command and wait for the answer. Raises `Unanswered` after `timeout` seconds."""
        return await self._within(self.submit(command, expected), timeout)

    def forward(self, request: Request[Command]) -> asyncio.Future[Answered[Answer]]:
        """Ask in the name of another session, now or once more; all who do share one future, which nobody may cancel.

        Of the same command the first request counts, as it does for the servers. They leave one out whose answer they
        have forgotten, or that has overtaken an earlier one of its session: whoever asks has to ask again.
        """
        self._check()
        named = request.session, request.number
        request, answer = self._forwarded.setdefault(named, (request, self._loop.create_future()))
        self._unsent.append(request)
        self._soon()
        return answer

    def forget(self, session: str, number: int) -> None:
        """Nobody waits for the answer to this command of another session any more."""
        _, answer = self._forwarded.pop((session, number), (None, None))
        if answer is not None:
            answer.cancel()

    def ask_about(self, session: str) -> None:
        """Ask what is known of another session: commands of it whose answers are forgotten raise `Forgotten`."""
        if self._welcome and self._connection is not None:
            self._connection.send(frame(wire.ASK_SESSION, wire.AskSession(session)))

    def question(self, question: Command) -> asyncio.Future[Answer]:
        """Ask a question of what is true now, without an entry in the log; all of one turn are asked at one point."""
        self._check()
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._questions.append((question, answer))
        self._soon()
        return answer

    async def read(self, question: Command, timeout: float | None = None) -> Answer:
        """Ask a question and wait for the answer. Raises `NotAQuestion`, or `Unanswered` after `timeout` seconds."""
        return await self._within(self.question(question), timeout)

    async def status(self, timeout: float | None = None) -> Status:
        """How the leader is. Raises `Unanswered` after `timeout` seconds."""
        self._check()
        status: asyncio.Future[Status] = self._loop.create_future()
        self._statuses.append(status)
        self._soon()
        return await self._within(status, timeout)

    def read_model(
        self, projection: Folds[State, Event], *, subscribes: bool = True, source: ServerId | None = None
    ) -> ReadModel[State]:
        """A read model of the same group, to be closed for itself; `view(client.token)` tells what was written here."""
        return ReadModel(self._group, self._servers, self._codec, projection, subscribes=subscribes, source=source)

    @property
    def token(self) -> dict[str, int]:
        """What this client has seen, for read models. Spec: ReadModel!Decide."""
        return {self._group: self.at}

    @property
    def leader(self) -> ServerId | None:
        """The server that this client talks to, and that leads as far as anybody knows."""
        return self._target if self._welcome else None

    async def close(self) -> None:
        """Whatever is not answered is never answered."""
        self._closed = True
        self._watch.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self._connection.close()
        for open_ in self._open():
            open_.cancel()
        await asyncio.sleep(0)

    def _open(self) -> list[asyncio.Future[Any]]:
        questions = [answer for _, answer in self._questions]
        reads = [answer for _, waiting in self._reads.values() for answer in waiting]
        forwarded = [answer for _, answer in self._forwarded.values()]
        return [*self._answers.values(), *forwarded, *reads, *questions, *self._statuses]

    async def __aenter__(self) -> Client[Command, Event, Answer]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def _within(self, answer: asyncio.Future[Waited], timeout: float | None) -> Waited:
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            raise Unanswered(f"group {self._group} has not answered within {timeout} s") from error

    def _check(self) -> None:
        if self._refusal is not None:
            raise Refused(self._refusal)
        if self._closed:
            raise RuntimeError("the client is closed")

    # -- sending ------------------------------------------------------------------------------------------------

    def _soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """What has gathered in this turn goes out, if there is somebody to send it to; else it is sent again then."""
        self._flushing = False
        while self._questions:
            number = wire.fitting([question for question, _ in self._questions[:FRAME]])
            questions, answers = zip(*self._questions[:number], strict=True)
            del self._questions[:number]
            self._call(questions, [*answers])
        if not self._welcome or self._connection is None:
            self._unsent, self._unsent_reads = [], []
            if self._connection is None and self._dialling is None and self._timer is None:
                self._dial()
            return
        self._send_requests(self._connection)
        reads, self._unsent_reads = self._unsent_reads, []
        for read in reads:
            self._connection.send(frame(wire.READ, read))
        if self._statuses:
            self._connection.send(frame(wire.ASK_STATUS, wire.AskStatus()))

    def _send_requests(self, connection: Connection) -> None:
        requests, self._unsent = self._unsent, []
        for start in range(0, len(requests), FRAME):
            for each in wire.frames_of(wire.REQUESTS, requests[start : start + FRAME]):
                connection.send(each)

    def _call(self, questions: tuple[Command, ...], waiting: list[asyncio.Future[Answer]]) -> None:
        self._calls += 1
        read = Read(self._calls, questions)
        self._reads[read.call] = read, waiting
        self._unsent_reads.append(read)

    def _again(self) -> None:
        """A new server hears all that is open."""
        self._unsent = [*self.session.again(), *(request for request, _ in self._forwarded.values())]
        self._unsent_reads = [read for read, _ in self._reads.values()]
        self._soon()

    # -- finding the leader ---------------------------------------------------------------------------------------

    def _dial(self) -> None:
        self._timer = None
        if not self._closed:
            self._dialling = self._loop.create_task(self._connect(self._target))

    async def _connect(self, server: ServerId) -> None:
        host, port = self._servers[server]
        try:
            async with asyncio.timeout(self._patience):
                await self._loop.create_connection(lambda: Connection(self, LARGEST, BUFFER), host, port)
        except (OSError, TimeoutError):
            self._elsewhere(None)
        finally:
            self._dialling = None

    def _elsewhere(self, leader: ServerId | None) -> None:
        """Turn to this server, or to the next one after a short time."""
        self._welcome = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._closed or self._timer is not None:
            return
        known = leader is not None and leader in self._servers and leader != self._target
        names = list(self._servers)
        self._target = leader if known and leader else names[(names.index(self._target) + 1) % len(names)]
        wait = FIRST_WAIT if known else self._wait * self._dice.uniform(0.5, 1.5)
        self._wait = min(self._wait * 1.5, LONGEST_WAIT)
        self._timer = self._loop.call_later(wait, self._dial)

    def _look(self) -> None:
        """Nobody answers: perhaps somebody else does."""
        self._watch = self._loop.call_later(self._patience / 2, self._look)
        if not (self._answers or self._forwarded or self._reads or self._statuses):
            self._heard = self._loop.time()
        elif self._loop.time() - self._heard > self._patience:
            self._heard = self._loop.time()
            if self._dialling is None:
                self._elsewhere(None)

    # -- the owner of its connection --------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """A server is there."""
        if self._closed:
            connection.close()
            return
        self._connection = connection
        connection.send(frame(wire.HELLO, Hello(self._group)))

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """A server says something."""
        if connection is not self._connection:
            return
        if kind == wire.ANSWERS:
            self._answered(body)
        elif kind == wire.READ_ANSWERED:
            self._read_answered(body)
        elif kind == wire.WELCOME:
            self._welcomed(wire.decoded(wire.WELCOME_DECODER, body))
        elif kind == wire.STATUS:
            told, self._statuses = self._statuses, []
            status = wire.decoded(wire.STATUS_DECODER, body)
            spread([status] * len(told), told)
        elif kind == wire.NOT_LEADER:
            self._elsewhere(wire.decoded(wire.NOT_LEADER_DECODER, body).leader)
        elif kind == wire.SESSION_KNOWN:
            self._learned(wire.decoded(wire.SESSION_KNOWN_DECODER, body))
        elif kind == wire.REFUSAL:
            self._refused(wire.decoded(wire.REFUSAL_DECODER, body).reason)
        else:
            raise BadFrame(f"a message of the unknown kind {kind}")

    def closed(self, connection: Connection, reason: str | None) -> None:
        """A server is gone."""
        if connection is self._connection:
            self._elsewhere(None)

    def _welcomed(self, welcome: wire.Welcome) -> None:
        if not welcome.leads:
            self._elsewhere(welcome.leader)
            return
        self._welcome = True
        self._wait = FIRST_WAIT
        self._heard = self._loop.time()
        self._again()

    def _answered(self, body: memoryview) -> None:
        self._heard = self._loop.time()
        name, accept, pop = self.session.name, self.session.accept, self._answers.pop
        for row in self._codec.answers(body):
            if row.session != name:
                self._hand_on(row)
            elif accept(row.number):
                answer = pop(row.number)
                if row.at > self.at:
                    self.at = row.at
                if row.conflict and not answer.done():
                    answer.set_exception(Rejected(row.reason) if row.reason else Expected(row.at))
                elif not answer.done():
                    answer.set_result(cast("Answer", row.said))

    def _hand_on(self, row: wire.AnswerRow[Answer]) -> None:
        _, answer = self._forwarded.pop((row.session, row.number), (None, None))
        if answer is not None and not answer.done():
            answer.set_result(row.answered())

    def _learned(self, known: wire.SessionKnown) -> None:
        named = [each for each in self._forwarded if each[0] == known.session]
        over = [each for each in named if known.full or each[1] <= known.forgotten]
        open_: list[tuple[int, asyncio.Future[Any]]] = [(each[1], self._forwarded.pop(each)[1]) for each in over]
        if known.full and known.session == self.session.name:
            open_ += self._answers.items()
            self._answers, self.session = {}, Session(secrets.token_hex(8))  # the next command is the first of another
        for number, answer in open_:
            if not answer.done():
                answer.set_exception(no_answer(known.session, number, full=known.full))

    def _read_answered(self, body: memoryview) -> None:
        self._heard = self._loop.time()
        found = self._codec.read_answered(body)
        read, waiting = self._reads.pop(found.call, (None, []))
        self.at = max(self.at, found.at)
        if found.answers is not None:
            spread(found.answers, waiting)
        elif read is not None and len(waiting) > 1:  # one of them is to blame, and the others are to be answered
            for question, answer in zip(read.questions, waiting, strict=True):
                self._call((question,), [answer])
            self._soon()
        elif waiting and not waiting[0].done():
            none = NotAQuestion("the command is no question")
            waiting[0].set_exception(Rejected(found.reason) if found.reason else none)

    def _refused(self, reason: str) -> None:
        self._refusal = reason
        self._closed = True
        for answer in self._open():
            if not answer.done():
                answer.set_exception(Refused(reason))
