"""The parts of a client that outlive a stream, and what they do with its frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelpie.commands import Handlers
from kelpie.connection import Connection
from kelpie.errors import KelpieError, closed, unanswered
from kelpie.hello import check_room
from kelpie.publisher import Publisher
from kelpie.reading import Reading
from kelpie.status import Status
from kelpie.stream import Stream, Transport, seconds_of
from kelpie.subscriptions import Subscriptions
from kelpie.v1 import session_service_pb2 as wire
from kelpie.v1.coordinator_pb2 import Limits
from kelpie.v1.cursor_pb2 import START_AT_LATEST, Start
from kelpie.v1.node_pb2 import NodeChange, NodeLoad
from kelpie.warnings import Warnings

# How long `close` waits for publishes that are not acknowledged, and then for the coordinator.
_CLOSE_SECONDS = 5.0
_GRACE_SECONDS = 15.0
_DAY = 24 * 60 * 60.0


@dataclass
class Settings:
    hello: wire.Hello
    endpoints: list[str]
    transport: Callable[[str], Transport]
    network: str | None
    start: Start
    handler_timeout: float
    load: Callable[[], Mapping[str, Any]] | None
    on_status: Callable[[Status], None] | None
    renewed: Callable[[], bool]


class Session:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.hello = settings.hello
        self.network = settings.network
        self._warnings = Warnings(settings.hello.name)
        self.welcome: wire.Welcome | None = None
        self.closing = False
        self.publisher = Publisher(lambda: self.stream.wake() if self.stream else None)
        self.subscriptions = Subscriptions(settings.handler_timeout, self._failed, self._announce)
        self.reading = Reading(settings.start, self.subscriptions)
        self.handlers = Handlers(lambda: self.stream, self._announce, self.refused)
        self.connection = Connection(
            settings.endpoints, self._open, self._is_final, self._longest_wait, self._post, settings.renewed
        )
        # The topics and commands that the coordinator of the present stream has.
        self._known: tuple[list[str], list[str]] = ([], [])
        self._opened = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.running = asyncio.get_running_loop().create_task(self._run())

    @property
    def stream(self) -> Stream | None:
        return self.connection.stream

    @property
    def ended(self) -> KelpieError | None:
        """Set when the client has ended: its error, or CLOSED."""
        return (self.running.result() or closed()) if self.running.done() else None

    def usable(self) -> Stream:
        """The stream, for a request. Raises the error that ended the client, CLOSED or UNAVAILABLE."""
        if self.stream and not self.ended:
            return self.stream
        raise self.ended or unanswered()

    async def ready(self) -> None:
        opened = self.spawn(self._opened.wait())
        await asyncio.wait({opened, self.running}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self.ended:
            raise self.ended

    async def close(self) -> None:
        if not self.closing and not self.running.done():
            self.closing = True
            # It waits also while no stream is open: one may open in time.
            await self.publisher.idle(_CLOSE_SECONDS)
            self.connection.close()
            await asyncio.wait({self.running}, timeout=_CLOSE_SECONDS)
            self.connection.fail(closed())
        await asyncio.wait({self.running})

    async def _run(self) -> KelpieError | None:
        error = await self.connection.run()
        error = None if self.closing else error
        self.publisher.close(error or closed())
        self.subscriptions.close()
        self.handlers.close()
        self._post(Status("closed", error=error))
        return error

    def _open(self, endpoint: str) -> Stream:
        return Stream(self, endpoint, self._settings.transport(endpoint), self._next_hello())

    def _next_hello(self) -> wire.Hello:
        hello = wire.Hello()
        hello.CopyFrom(self.hello)
        hello.topics.extend(self.subscriptions.patterns)
        hello.commands.extend(self.handlers.names)
        hello.start.CopyFrom(self.reading.next_start)
        return hello

    def check_room(self, topics: Sequence[str] = (), commands: Sequence[str] = ()) -> None:
        """Raises PATTERN_LIMIT or HELLO_TOO_LARGE if the next Hello has no room for these."""
        hello = self._next_hello()
        hello.topics.extend(one for one in topics if one not in hello.topics and not one.startswith("inbox."))
        hello.commands.extend(commands)
        check_room(hello, self.welcome.limits if self.welcome else Limits())

    def welcomed(self, stream: Stream, welcome: wire.Welcome) -> None:
        self.connection.welcomed(stream)
        self.welcome = welcome
        self.reading.restart(stream.hello.start, stream.acknowledge)
        self.reading.reach(welcome.cursor)
        self._known = (list(stream.hello.topics), list(stream.hello.commands))
        self._announce()
        self.handlers.restart()
        self._opened.set()
        self._post(Status("connected", endpoint=stream.endpoint, welcome=welcome))
        if welcome.HasField("credential_expires_in"):
            self.spawn(self._warn(stream, welcome.credential_expires_in.ToTimedelta().total_seconds()))

    def take(self, stream: Stream, frame: wire.CoordinatorFrame) -> None:
        """Takes a frame that is not for the stream itself. Raises PROTOCOL."""
        kind = frame.WhichOneof("frame")
        if kind == "event_batch":
            self.reading.take(frame.event_batch)
        elif kind == "command_request":
            self.handlers.take(frame.command_request)
        elif kind == "command_cancelled":
            self.handlers.cancel(frame.command_cancelled.command_id)
        elif kind == "gap":
            self.reading.lose(frame.gap)
            self._post(Status("gap", gap=frame.gap))
        elif kind == "drain":
            if not frame.drain.may_stay:
                self._post(Status("draining"))
            window, grace = frame.drain.reconnect_window, frame.drain.grace
            times = (window.seconds + window.nanos / 1e9, grace.seconds + grace.nanos / 1e9)
            self.spawn(self.connection.move(stream, *times, frame.drain.may_stay))
        elif kind in ("heartbeat_ack", "subscription_updated", "snapshot"):
            # The rows of a Snapshot are of no use here. Its first part has a position.
            answer = getattr(frame, kind)
            if answer.HasField("cursor"):
                self.reading.reach(answer.cursor)

    def heartbeat(self, round_trip: float | None) -> wire.Heartbeat:
        if not self._settings.load:
            return wire.Heartbeat()
        try:
            trip = None if round_trip is None else round(round_trip * 1000)
            return wire.Heartbeat(load=NodeLoad(round_trip_ms=trip, **self._settings.load()))
        except Exception as error:
            self._failed("load", error)
            return wire.Heartbeat()

    def refused(self, error: KelpieError) -> None:
        self._post(Status("refused", error=error))

    def _announce(self) -> None:
        """Sends the coordinator of the present stream the changes of topics and commands."""
        stream = self.stream
        if not stream or not stream.open:
            return
        now = (self.subscriptions.patterns, self.handlers.names)
        added, removed = _difference(now[0], self._known[0])
        if added or removed:
            update = wire.UpdateSubscription(added_topics=added, removed_topics=removed, start_at=START_AT_LATEST)
            stream.send(wire.NodeFrame(update_subscription=update))
        added, removed = _difference(now[1], self._known[1])
        if added or removed:
            change = NodeChange(added_commands=added, removed_commands=removed)
            stream.send(wire.NodeFrame(update_own_node=wire.UpdateOwnNode(change=change)))
        self._known = now

    async def _warn(self, stream: Stream, left: float) -> None:
        """Warns from seven days before the end of the credential on, and once a day."""
        while stream.open:
            if left <= 7 * _DAY:
                self._post(Status("credential_expiring", expires_in=left))
            await asyncio.wait({stream.ended}, timeout=_DAY)
            left -= _DAY

    def _is_final(self, error: KelpieError | None) -> bool:
        """Whether no later attempt can help, or the name was in use from the start."""
        if not error:
            return False
        taken = error.reason == "NODE_NAME_IN_USE" and not self.welcome
        return error.permanent or error.reason == "SESSION_ENDED" or taken

    def _longest_wait(self) -> float:
        return seconds_of(self.welcome, "grace", _GRACE_SECONDS, 0.5) / 3

    def _failed(self, pattern: str, error: Exception) -> None:
        self._post(Status("handler_failed", pattern=pattern, cause=error))

    def _post(self, status: Status) -> None:
        try:
            (self._settings.on_status or self._warnings.take)(status)
        except Exception as error:
            self._warnings.take(Status("handler_failed", pattern="on_status", cause=error))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Does work beside the stream. A loop keeps no task alive by itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _difference(now: Sequence[str], before: Sequence[str]) -> tuple[list[str], list[str]]:
    return [one for one in now if one not in before], [one for one in before if one not in now]
