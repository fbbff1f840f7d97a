"""Keeps one stream to a coordinator: opens a new one when it ends, and moves on when its coordinator stops."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kelpie.errors import KelpieError
from kelpie.status import Status
from kelpie.stream import Stream
from kelpie.v1.session_service_pb2 import GOODBYE_REASON_DRAINED, GOODBYE_REASON_STOP

# A stream that lived this long was healthy: the next attempt does not wait.
_HEALTHY_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.5
# If a coordinator asks for a longer wait than this, the client still waits only this long.
_LONGEST_WAIT_SECONDS = 300.0
# How often the client looks whether somebody has replaced a refused token.
_RENEWED_SECONDS = 0.5
# If a coordinator that stops names no time, its streams work for this long. More than the longest time counts as that.
_GRACE_SECONDS = 10.0
_LONGEST_GRACE_SECONDS = 60.0
# The feature of a client that keeps its stream where a coordinator that cannot reach its storage asks it to move, and no
# other one takes it.
MAY_STAY = "drain-may-stay"


def backoff(attempt: int, most: float) -> float:
    """Full jitter, up to a bound that doubles with each attempt. The first attempt does not wait."""
    if attempt == 0:
        return 0.0
    return random.random() * min(most, _FIRST_WAIT_SECONDS * 2.0 ** min(attempt - 1, 30))


@dataclass
class Connection:
    endpoints: list[str]
    open: Callable[[str], Stream]
    #: Whether the client ends with this error.
    is_final: Callable[[KelpieError | None], bool]
    longest_wait: Callable[[], float]
    post: Callable[[Status], None]
    #: Whether a refused token has been replaced: then the next attempt waits no longer.
    renewed: Callable[[], bool]

    def __post_init__(self) -> None:
        self.stream: Stream | None = None
        # A second stream, opened beside the present one. It takes its place at its Welcome.
        self._successor: Stream | None = None
        # The stream whose coordinator sent Drain. A second Drain changes nothing.
        self._leaving: Stream | None = None
        # Whether the node keeps the stream to that coordinator if no other one welcomes it.
        self._may_stay = False
        self._leave_by = 0.0
        # The streams that another one has replaced, until they have ended.
        self._retired: set[Stream] = set()
        self._turn = 0
        self._closed = asyncio.Event()
        self._not_before: dict[str, float] = {}

    @property
    def endpoint(self) -> str:
        """The endpoint of the present stream, or of the next attempt."""
        return self.stream.endpoint if self.stream and self.stream.open else self._upcoming

    @property
    def _upcoming(self) -> str:
        return self.endpoints[self._turn % len(self.endpoints)]

    async def run(self) -> KelpieError | None:
        """Runs until ``close``, or until a final error, which it returns."""
        error = await self._until_final()
        if error:
            for stream in self._retired:
                stream.fail(error)
        if self._retired:
            await asyncio.wait({stream.ended for stream in self._retired})
        return error

    async def _until_final(self) -> KelpieError | None:
        attempt = 0
        while not self._closed.is_set():
            began = time.monotonic()
            error = await self._until_broken(attempt)
            if self.is_final(error):
                return error
            attempt = 0 if time.monotonic() - began > _HEALTHY_SECONDS else attempt + 1
            await self._rest(error, attempt)
        return None

    async def _until_broken(self, attempt: int) -> KelpieError | None:
        endpoint = self._next()
        self.post(Status("connecting", endpoint=endpoint))
        self.stream = self.open(endpoint)
        while True:
            stream = self.stream
            either: set[asyncio.Future[Any]] = {stream.ended, stream.retired}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if stream.retired.done():
                continue
            error = stream.ended.result()
            # A successor that is under way may still take its place.
            if self._successor:
                await self._successor.opened
            if self.stream is stream:
                return error

    async def _rest(self, error: KelpieError | None, attempt: int) -> None:
        if self._closed.is_set():
            return
        if error and error.retry_after > 0 and self.stream:
            asked = min(error.retry_after, _LONGEST_WAIT_SECONDS)
            self._not_before[self.stream.endpoint] = time.monotonic() + asked
        # The wait that a coordinator asks for holds for its own endpoint. The back-off comes on top: else all clients
        # that were asked for the same wait would come at the same moment.
        left = max(0.0, self._not_before.get(self._upcoming, 0.0) - time.monotonic())
        wait = left + backoff(attempt, self.longest_wait())
        self.post(Status("disconnected", error=error, retry_in=wait))
        while wait > 0 and not self._closed.is_set():
            if self.renewed():
                return self._not_before.clear()
            await self._pause(min(wait, _RENEWED_SECONDS))
            wait -= _RENEWED_SECONDS

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    def _next(self) -> str:
        endpoint = self._upcoming
        self._turn += 1
        return endpoint

    def welcomed(self, stream: Stream) -> None:
        """A stream is open. If it is the successor, it takes the place of the older one."""
        if stream is not self._successor:
            return
        former, self.stream, self._successor = self.stream, stream, None
        if former and not self._closed.is_set():
            self._retired.add(former)
            former.ended.add_done_callback(lambda _: self._retired.discard(former))
            former.retire(self._leave_by - time.monotonic())

    async def move(self, stream: Stream, window: float, grace: float, may_stay: bool) -> None:
        """Leaves a coordinator that is about to stop: first opens a stream to another one, then ends the old one.

        If no other coordinator takes the node, the old stream ends all the same, and ``run`` connects again. If the node
        may stay, it keeps the old stream instead.
        """
        if self._leaving is stream:
            # The coordinator could not reach its storage, and now it stops.
            self._may_stay = self._may_stay and may_stay
            return
        self._leaving = stream
        self._may_stay = may_stay
        self._leave_by = time.monotonic() + min(grace or _GRACE_SECONDS, _LONGEST_GRACE_SECONDS)
        if len(self.endpoints) > 1:
            await self._pause(random.random() * window)
        # A later stream may have got a Drain of its own meanwhile.
        if await self._follow(stream) or self._leaving is not stream:
            return
        if self._may_stay:
            self._leaving = None
        elif self._stays(stream):
            stream.finish(self._leave_by - time.monotonic())

    async def _follow(self, stream: Stream) -> bool:
        """Opens a stream to one of the other coordinators. False: none of them takes the node."""
        for _ in range(len(self.endpoints) - 1):
            if not self._stays(stream):
                return False
            endpoint = self._next()
            self._successor = self.open(self._next() if endpoint == stream.endpoint else endpoint)
            if await self._successor.opened:
                return True
            self._successor = None
        return False

    def _stays(self, stream: Stream) -> bool:
        return self.stream is stream and stream.open and not self._closed.is_set()

    def close(self) -> None:
        """Makes no further attempt. The node leaves on all streams, also on one without a Welcome."""
        self._closed.set()
        for stream in (self.stream, self._successor):
            if stream:
                stream.leave(GOODBYE_REASON_STOP)
        for stream in self._retired:
            stream.leave(GOODBYE_REASON_DRAINED)

    def fail(self, error: KelpieError) -> None:
        """Breaks all streams."""
        for stream in (self.stream, self._successor, *self._retired):
            if stream:
                stream.fail(error)
