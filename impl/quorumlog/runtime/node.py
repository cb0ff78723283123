"""The process of one server: sockets, a disk and a clock for what `server.py` does on ports.

Peers dial each other, each for what it has to say; clients dial whom they like. The first frame says who it is. What a
step sends goes out when the step is over, a connection at a time, so that a recorder has written the step by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, TypeAlias

from quorumlog.core.consensus.effects import Input, Replicate
from quorumlog.core.consensus.messages import AppendRequest
from quorumlog.core.leader_output import Say
from quorumlog.driver import Listener, Turn
from quorumlog.ledger.forgetting import Letter
from quorumlog.persistent.strand import Dropped
from quorumlog.runtime import wire
from quorumlog.runtime.admission import OF_A_PEER, STRANGERS, Quiet, close_oldest, paused
from quorumlog.runtime.clock import LoopTime
from quorumlog.runtime.config import Address, Place
from quorumlog.runtime.errors import DiskFailed, UnusableStore
from quorumlog.runtime.hosting import AnyHosted
from quorumlog.runtime.keeper import Keeper, begun
from quorumlog.runtime.keeping import Encoded
from quorumlog.runtime.kin import LOST, Kin, nobody
from quorumlog.runtime.lies import contradicts
from quorumlog.runtime.questions import ConnectionId, ToClient
from quorumlog.runtime.server import Server
from quorumlog.runtime.steps import NodeInput, PeerMessage
from quorumlog.runtime.storage import Storage
from quorumlog.runtime.surroundings import GuardedDisk, GuardedTime, Recorder, guarded
from quorumlog.runtime.transport import Connection, Link, accept_no_more
from quorumlog.runtime.wire import BadFrame, Hello, NotLeader, Refusal, frame, framed
from quorumlog.runtime.worker import DiskWriter, MakesWriter
from quorumlog.sharding.duties import is_for_shards

AnyInput: TypeAlias = NodeInput[Any, Any]
FIRST_FRAME: Final = 1 << 10
"""Bytes that the first frame of a connection may have."""
OF_CONNECTIONS: Final = frozenset(("protocol", "transport", "socket"))
"""What a loop says of an error for which a connection is to blame, or that there are too many."""


class NodeProcess:
    """One server with its connections. `said` takes the lines that somebody should read.

    `dice` and `writer` are those of the machine; in virtual time, they are others.
    """

    def __init__(
        self,
        place: Place,
        storage: Storage,
        loop: asyncio.AbstractEventLoop,
        said: Callable[[str], None],
        recorder: Recorder | None = None,
        dice: Random | None = None,
        writer: MakesWriter = DiskWriter,
        kin: Kin | None = None,
    ) -> None:
        self._kin = kin if kin is not None else nobody()
        self.place = place
        self.failure: asyncio.Future[None] = loop.create_future()
        """Fails with what has stopped the server."""
        self._loop = loop
        self._said, self._quiet = said, Quiet(said, loop.time)
        self._recorder = recorder
        self._limits = place.config.limits
        self._hosted: AnyHosted = place.hosted()
        self._codec = self._hosted.codec
        self._dice = dice if dice is not None else Random()  # begins with what the system draws, and asks no more
        self._peers: dict[Connection, str] = {}
        self._clients: dict[Connection, ConnectionId] = {}
        self._connections: dict[ConnectionId, Connection] = {}
        self._strangers: dict[Connection, None] = {}
        self._number = 0
        self._paused: set[Connection] = set()
        self._outgoing: dict[Connection | Link, list[bytes]] = {}
        self._flushing: asyncio.Handle | None = None
        self._links = {
            peer: self._link(place.group, at) for peer, at in place.servers.items() if peer != place.identity
        }
        self._foreign = self._linked_groups()
        self._speakers: dict[str, str] = {}
        """Who was the last to say something for another group: probably its leader."""
        self._letters: dict[str, list[Letter]] = {}
        first = recorder.flush if recorder is not None else None
        self._disk = writer(storage, storage.recovered.durable, loop, self._failed, first)
        self.server = self._made(storage)
        self._keeper = Keeper(storage, loop, self.server, said, self._failed)
        self._helpless: set[str] = set()
        """Peers that lack what was dropped; somebody was told."""
        self._listening: asyncio.Server | None = None

    def _made(self, storage: Storage) -> Server[Any, Any, Any, Any, Any]:
        """The server on its ports: this process is most of them."""
        listeners: list[Listener[Any, AnyInput]] = [self] if self._recorder is None else [self._recorder, self]
        return Server(
            self.place.identity,
            self.place.group,
            tuple(self.place.servers),
            self._hosted,
            GuardedTime(LoopTime(self._loop, self._dice), self._failed),
            self,
            GuardedDisk(self._disk, self._failed),
            self,
            self._dice,
            self.place.config.pace,
            self._limits,
            listeners,
            begun=begun(storage.recovered.snapshot, self._hosted, self.place),
            keep=self._keep,
        )

    def _keep(self, index: int, term: int, encoded: Encoded | None) -> None:
        """Keep a snapshot. What it stands for has been written down before."""
        if self._recorder is not None:
            self._recorder.flush()
        self._keeper.keep(index, term, encoded)

    def _linked_groups(self) -> dict[str, dict[str, Link]]:
        """The ways to the servers of other groups, if there is something to be said to them."""
        found: dict[str, dict[str, Link]] = {}
        if self._hosted.duty is not None:
            for name, (group, at) in self.place.foreign.items():
                found.setdefault(group, {})[name] = self._link(group, at)
        return found

    def _link(self, group: str, address: Address) -> Link:
        greeting = frame(wire.HELLO, Hello(group, self.place.identity, self._kin.store, self._kin.is_new))
        return Link(self._loop, address, greeting, self._limits.peer_buffer, self._dice, self._said, self._refused)

    def _refused(self, reason: str) -> None:
        """A peer does not listen to this server, which ends if it begins with nothing: it is not who it says."""
        if not self._disk.read().term:
            self._failed(UnusableStore(str(self.place.folder), reason))

    def _all_links(self) -> list[Link]:
        return [*self._links.values(), *(link for links in self._foreign.values() for link in links.values())]

    async def start(self) -> None:
        """Listen, dial the others, begin. Raises `OSError` if the address cannot be used."""
        host, port = self.place.address
        self._listening = await self._loop.create_server(self._accept, host, port)
        if self._recorder is not None:
            self._begin_recording(self._recorder)
        for link in self._all_links():
            link.dial()
        self.server.start()

    def _begin_recording(self, recorder: Recorder) -> None:
        try:
            recorder.started(self.server.node)
        except Dropped as error:
            says = f"{error}, and a recording begins with all: expected one that goes on, or a new folder"
            raise UnusableStore(str(self.place.folder), says) from error

    async def stop(self) -> None:
        """Take nothing more, let the disk end what it writes, and close."""
        self.server.stop()
        if self._listening is not None:
            await accept_no_more(self._loop, self._listening.sockets)
            self._listening.close()
        for link in self._all_links():
            link.close()
        for connection in [*self._peers, *self._clients, *self._strangers]:
            connection.close()
        await self._keeper.close()
        await self._loop.run_in_executor(None, self._disk.close)
        if self._recorder is not None:
            self._recorder.close()
        if not self.failure.done():
            self.failure.cancel()

    def unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What went wrong in the loop. What a connection has caused ends that one; anything else ends the server.

        A server that has gone wrong inside must not go on as if it had not; the others do without it.
        """
        error = context.get("exception")
        self._said(f"{self.place.identity}: {context.get('message')}: {error!r}")
        if isinstance(error, DiskFailed) or OF_CONNECTIONS.isdisjoint(context):
            self._failed(error if isinstance(error, Exception) else RuntimeError(str(context.get("message"))))

    def _failed(self, error: Exception) -> None:
        """Nothing more is taken, and nothing that has gathered goes out. No address is to blame for a failing file."""
        self.server.stop()
        if not self.failure.done():
            self.failure.set_exception(DiskFailed(str(error)) if isinstance(error, OSError) else error)

    # -- connections ---------------------------------------------------------------------------------------------

    def _accept(self) -> Connection:
        return Connection(self, FIRST_FRAME, self._limits.client_buffer)

    def opened(self, connection: Connection) -> None:
        """Somebody has dialled, and has to say who it is."""
        self._strangers[connection] = None
        close_oldest([*self._strangers], STRANGERS)

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """A frame has come. That it cannot be read is the fault of whoever sent it; that a file fails is our own."""
        if self.failure.done():
            return
        try:
            if (peer := self._peers.get(connection)) is not None:
                self._took_from_peer(peer, kind, body)
            elif (by := self._clients.get(connection)) is not None:
                self._took_from_client(connection, by, kind, body)
            else:
                self._meet(connection, kind, body)
        except (OSError, DiskFailed) as error:
            self._failed(error)

    def closed(self, connection: Connection, reason: str | None) -> None:
        """A connection is gone."""
        if reason is not None:
            self._quiet.say(f"a connection was closed: {reason}")
        self._strangers.pop(connection, None)
        self._peers.pop(connection, None)
        self._paused.discard(connection)
        self._outgoing.pop(connection, None)
        by = self._clients.pop(connection, None)
        if by is not None:
            del self._connections[by]
            self.server.on_gone(by)

    def _meet(self, connection: Connection, kind: int, body: memoryview) -> None:
        if kind != wire.HELLO:
            raise BadFrame(f"a first frame of kind {kind}, expected a hello")
        hello = wire.hello(body)
        if hello.group != self.place.group:
            raise self._refusal(connection, f"this is a server of group {self.place.group}, not {hello.group}")
        if hello.peer is not None and hello.peer not in self._links and hello.peer not in self.place.foreign:
            raise self._refusal(connection, f"{hello.peer} is no peer of {self.place.identity}")
        if hello.peer is None and len(self._clients) >= self._limits.connections:
            raise BadFrame(f"there are {len(self._clients)} clients already")
        if hello.peer in self._links:
            self._recognize(connection, hello)
        self._strangers.pop(connection, None)
        if hello.peer is not None:
            connection.frames.largest = self._limits.peer_frame
            self._peers[connection] = hello.peer
            close_oldest([each for each, name in self._peers.items() if name == hello.peer], OF_A_PEER)
            return
        connection.frames.largest = self._limits.client_frame
        self._number += 1
        self._clients[connection] = self._number
        self._connections[self._number] = connection
        self.server.on_hello(self._number)

    def _recognize(self, connection: Connection, hello: Hello) -> None:
        peer, kin, before = hello.peer or "", self._kin, self._kin.store_of(hello.peer or "")
        if not kin.knows(peer, hello.store, is_new=hello.is_new):
            raise self._refusal(connection, f"{peer} is known to {self.place.identity} by another store: {LOST}")
        if before not in ("", kin.store_of(peer)):
            self._said(f"{self.place.identity}: {peer} begins anew with another store")
            self.server.forget_disks()

    def _refusal(self, connection: Connection, reason: str) -> BadFrame:
        connection.send(frame(wire.REFUSAL, Refusal(reason)))
        return BadFrame(reason)

    def _took_from_peer(self, peer: str, kind: int, body: memoryview) -> None:
        if peer in self._links:
            message = self._codec.from_peer(kind, body)
            if type(message) is AppendRequest and contradicts(self.server.node.replica, message):
                raise BadFrame(f"{peer} hands on other entries than those that are decided")
            guarded(self._failed, self.server.on_peer, peer, message, len(body))
        elif kind == wire.LETTERS:
            self._speakers[self.place.foreign[peer][0]] = peer
            letters = wire.letters(body)
            guarded(self._failed, self.server.on_letters, letters)
        else:
            raise BadFrame(f"a message of kind {kind} from another group")

    def _took_from_client(self, connection: Connection, by: ConnectionId, kind: int, body: memoryview) -> None:
        if kind == wire.REQUESTS:
            requests = self._codec.requests(body, self._limits.command, self._limits.turn)
            self.server.on_requests(by, requests, len(body))
        elif kind == wire.READ:
            self.server.on_read(by, self._codec.read(body, self._limits.turn))
        elif kind == wire.ASK_STATUS:
            self.server.on_status(by)
        elif kind == wire.ASK_SESSION:
            self.server.on_session(by, wire.decoded(wire.ASK_SESSION_DECODER, body).session)
        elif kind == wire.ASK:
            self.server.on_ask(by, wire.asked(body))
        else:
            raise BadFrame(f"a message of the unknown kind {kind}")
        self._paused.update(paused(self._clients, connection, is_full=self.server.is_full))

    # -- the port to clients -------------------------------------------------------------------------------------

    def answer(self, to: ConnectionId, answers: Sequence[Say[Any]]) -> None:
        """Answers to requests, in one frame."""
        connection = self._connections.get(to)
        if connection is not None:
            rows = [wire.row(each) for each in answers]
            self._tell(connection, lambda: framed(wire.ANSWERS, wire.ENCODER.encode(rows)))

    def tell(self, to: ConnectionId, message: ToClient) -> bool:
        """Something else."""
        connection = self._connections.get(to)
        if connection is None:
            return False
        self._tell(connection, lambda: frame(wire.CLIENT_KINDS[type(message)], message))
        return connection.is_writable

    def _tell(self, connection: Connection, encoded: Callable[[], bytes]) -> None:
        """An answer that has no encoding, a number that is too large, is the end of that connection alone."""
        try:
            self._put(connection, encoded())
        except (OverflowError, TypeError, ValueError) as error:
            self._quiet.say(f"{self.place.identity}: a client cannot be told its answer: {error}")
            connection.close(f"the answer has no encoding: {error}")

    def everyone(self, message: NotLeader) -> None:
        """The same to every client."""
        for connection in self._clients:
            self._put(connection, frame(wire.NOT_LEADER, message))

    def ready(self) -> None:
        """Read on from whom nothing was read."""
        before, self._paused = self._paused, set()
        for connection in before:
            connection.resume()

    # -- the port to peers ---------------------------------------------------------------------------------------

    def send(self, message: PeerMessage) -> None:
        """To the one that the message names, or to everybody else; dropped where there is no way."""
        if isinstance(message, Letter):
            self._letters.setdefault(self._group_of(message), []).append(message)
            self._flush_soon()
            return
        to: str | None = getattr(message, "to", None)
        links = self._links.values() if to is None else [self._links[to]]
        up = [link for link in links if link.is_up]
        if up:
            encoded = self._codec.to_peer(message)
            for link in up:
                self._put(link, encoded)

    # -- what goes out -------------------------------------------------------------------------------------------

    def _put(self, connection: Connection | Link, encoded: bytes) -> None:
        self._outgoing.setdefault(connection, []).append(encoded)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = self._loop.call_soon(guarded, self._failed, self._flush)

    def _group_of(self, letter: Letter) -> str:
        """The group that a letter is for."""
        return letter.shard if is_for_shards(letter) else self.place.config.coordinator or ""

    def _post_letters(self) -> None:
        """All letters for a group in one frame, to whoever has just spoken for it, or else to all of it.

        A speaker that leads no more says nothing more, so what is said again goes to all.
        """
        letters, self._letters = self._letters, {}
        for group, each in letters.items():
            links = self._foreign.get(group, {})
            speaker = links.get(self._speakers.pop(group, ""))
            encoded = frame(wire.LETTERS, each)
            for link in [speaker] if speaker is not None and speaker.is_up else links.values():
                self._put(link, encoded)

    def _flush(self) -> None:
        if self.failure.done():
            return
        if self._letters:
            self._post_letters()
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._recorder is not None:
            self._recorder.flush()
        outgoing, self._outgoing = self._outgoing, {}
        for connection, frames in outgoing.items():
            connection.send(frames[0] if len(frames) == 1 else b"".join(frames))

    def stepped(self, before: Any, turn: Turn[Any, AnyInput | Input]) -> None:
        """A step is over, and written down: now the others may know of it."""
        if self._outgoing or self._letters:
            self._flush()

    def refused(self, taken: AnyInput | Input) -> None:
        """Nothing has happened. A leader that cannot hand on has dropped what the other lacks, and says so once."""
        if isinstance(taken, Replicate) and self.server.node.leads and taken.to not in self._helpless:
            self._helpless.add(taken.to)
            dropped = f"entries up to {self.server.behind.dropped} were dropped when all members had them"
            self._said(f"{self.place.identity}: {taken.to} cannot catch up, for it has lost what it had: {dropped}")
