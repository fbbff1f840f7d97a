"""The subscriptions of a node. Each gives its handler one event at a time, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeAlias

from kelpie.errors import KelpieError
from kelpie.events import Event, event_of
from kelpie.topics import matches
from kelpie.v1 import event_pb2 as wire

Handler: TypeAlias = Callable[[Event], "Awaitable[Any] | Any"]


class Piece:
    """A batch, until the handlers have settled all its events."""

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        # One for the reader of the batch, which has not handed out all events yet.
        self._left = 1

    def hold(self) -> None:
        self._left += 1

    def release(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._on_done()


class Subscription:
    """What a node reads on one pattern. Without a handler it is an iterator: ``async for event in subscription``."""

    def __init__(self, owner: Subscriptions, pattern: str, handler: Handler | None, begun: int) -> None:
        self.pattern = pattern
        self._owner = owner
        # The reader of the iterator has taken an event when the next one has room.
        self._offers: asyncio.Queue[Event | None] = asyncio.Queue(1)
        self._handler: Handler = handler or self._offers.put
        self._waiting: deque[tuple[wire.Event, Piece]] = deque()
        self._worker: asyncio.Task[None] | None = None
        # The last event that the handler has begun with: a new stream may bring it again.
        self._begun = begun
        self._closed = False

    def close(self) -> None:
        """No further event reaches the handler, and the iteration ends. Safe to call again."""
        if not self._closed:
            self._closed = True
            self._owner.remove(self)
            if self._offers.empty():
                self._offers.put_nowait(None)

    def add(self, event: wire.Event, piece: Piece) -> None:
        """Calls the handler at once, unless it still works: so handlers of several subscriptions begin in order."""
        piece.hold()
        if self._worker:
            return self._waiting.append((event, piece))
        running = self._begin(event)
        if running:
            self._worker = asyncio.get_running_loop().create_task(self._work(running, piece))
        else:
            piece.release()

    def drop(self) -> None:
        """The stream broke: the next one brings again what the handler has not begun with."""
        self._waiting.clear()

    def rewind(self) -> None:
        """The sequences so far are those of another history."""
        self._begun = 0

    async def _work(self, running: asyncio.Future[Any] | None, piece: Piece) -> None:
        await self._settle(running)
        piece.release()
        while self._waiting:
            event, piece = self._waiting.popleft()
            await self._settle(self._begin(event))
            piece.release()
        self._worker = None

    def _begin(self, event: wire.Event) -> asyncio.Future[Any] | None:
        """None: the handler has settled already, or has had the event."""
        if event.sequence <= self._begun or self._closed:
            return None
        self._begun = event.sequence
        try:
            result = self._handler(event_of(event))
            return asyncio.ensure_future(result) if isawaitable(result) else None
        except Exception as error:
            self._owner.on_failure(self.pattern, error)
            return None

    async def _settle(self, running: asyncio.Future[Any] | None) -> None:
        if not running:
            return
        await asyncio.wait({running}, timeout=self._owner.timeout)
        # What a late handler raises is not of interest any more.
        running.add_done_callback(lambda one: one.cancelled() or one.exception())
        if not running.done():
            running.cancel()
            late = f'the handler of "{self.pattern}" did not settle within {self._owner.timeout} s'
            self._owner.on_failure(self.pattern, KelpieError("HANDLER_TIMEOUT", late))
        elif not running.cancelled() and isinstance(error := running.exception(), Exception):
            self._owner.on_failure(self.pattern, error)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        event = None if self._closed and self._offers.empty() else await self._offers.get()
        if event is None or self._closed:
            raise StopAsyncIteration
        return event


class Subscriptions:
    def __init__(
        self, timeout: float, on_failure: Callable[[str, Exception], None], on_patterns: Callable[[], None]
    ) -> None:
        self.timeout = timeout
        self.on_failure = on_failure
        self._on_patterns = on_patterns
        self._all: list[Subscription] = []

    @property
    def patterns(self) -> list[str]:
        """The patterns for the coordinator. It sends a node the events of its own inbox without a pattern."""
        return list(dict.fromkeys(one.pattern for one in self._all if not one.pattern.startswith("inbox.")))

    def add(self, pattern: str, handler: Handler | None, begun: int) -> Subscription:
        """``begun``: events up to this sequence are older than the subscription."""
        self._all.append(Subscription(self, pattern, handler, begun))
        self._on_patterns()
        return self._all[-1]

    def remove(self, one: Subscription) -> None:
        self._all.remove(one)
        self._on_patterns()

    def deliver(self, event: wire.Event, piece: Piece) -> None:
        for one in self._all:
            if matches(one.pattern, event.topic):
                one.add(event, piece)

    def drop(self) -> None:
        for one in self._all:
            one.drop()

    def rewind(self) -> None:
        for one in self._all:
            one.rewind()

    def close(self) -> None:
        for one in list(self._all):
            one.close()
