"""One stream to a coordinator, from Hello to its end. The state that outlives a stream belongs to the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Protocol

from kelpie.errors import KelpieError, of_detail, unanswered
from kelpie.outbox import Outbox
from kelpie.publisher import Publisher
from kelpie.requests import OneAnswer, Requests, Waiter
from kelpie.v1 import session_service_pb2 as wire

# How long a coordinator has to send Welcome. It may first wait 3 s for the present holder of the name.
_WELCOME_SECONDS = 10.0
# For a coordinator that names none.
_HEARTBEAT_SECONDS = 5.0
_SILENCE_SECONDS = 15.0

#: Opens a stream: from the messages of the node to those of the coordinator. Raises a KelpieError when it breaks.
Transport = Callable[[AsyncIterator[wire.ConnectRequest]], AsyncGenerator[wire.ConnectResponse, None]]


class Owner(Protocol):
    """The client, as its streams see it."""

    network: str | None
    publisher: Publisher

    def welcomed(self, stream: Stream, welcome: wire.Welcome) -> None: ...
    def take(self, stream: Stream, frame: wire.CoordinatorFrame) -> None: ...
    def heartbeat(self, round_trip: float | None) -> wire.Heartbeat: ...
    def refused(self, error: KelpieError) -> None: ...


class Stream:
    def __init__(self, owner: Owner, endpoint: str, transport: Transport, hello: wire.Hello) -> None:
        loop = asyncio.get_running_loop()
        self.endpoint = endpoint
        self.hello = hello
        self.requests = Requests()
        #: The facts of the session; None before its Welcome.
        self.welcome: wire.Welcome | None = None
        #: Resolves with True when the session is open, or with False if the stream ends before.
        self.opened: asyncio.Future[bool] = loop.create_future()
        self._owner = owner
        self._transport = transport
        self._outbox = Outbox(owner.publisher)
        self._broken: asyncio.Future[Any] = loop.create_future()
        # The error of a stream that the node itself ends in order.
        self._failure: KelpieError | None = None
        self._retired = False
        #: Resolves when another stream has taken the place of this one.
        self.retired: asyncio.Future[None] = loop.create_future()
        # Goodbye goes out when the requests have their answers, or by this timer.
        self._finishing: asyncio.TimerHandle | None = None
        self._beating = False
        self._received_at = time.monotonic()
        self._beat_at = 0.0
        self._round_trip: float | None = None
        #: Resolves with the error that broke the stream, or with None if it ended in order.
        self.ended: asyncio.Task[KelpieError | None] = loop.create_task(self._run())

    @property
    def open(self) -> bool:
        over = self._outbox.ended or self.ended.done() or self._broken.done()
        return self.welcome is not None and not over

    async def _run(self) -> KelpieError | None:
        self._outbox.send(wire.NodeFrame(hello=self.hello))
        jobs = (self._read(), self._watch(), self._beat())
        work: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in jobs]
        try:
            await asyncio.wait([work[0], self._broken], return_when=asyncio.FIRST_COMPLETED)
            if not self._broken.done() and work[0].exception():
                self.fail(_typed(work[0].exception()))
            return self._broken.result() if self._broken.done() else self._failure
        finally:
            self._outbox.end()
            if self._finishing:
                self._finishing.cancel()
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self.requests.drop()
            if not self.opened.done():
                self.opened.set_result(False)

    async def _read(self) -> None:
        async with aclosing(self._transport(self._outbox.messages())) as responses:
            async for response in responses:
                self._received_at = time.monotonic()
                for frame in response.frames:
                    if not self._broken.done():
                        self._receive(frame)

    async def _beat(self) -> None:
        # Cancelling this work must not cancel the future.
        await asyncio.shield(self.opened)
        while True:
            await asyncio.sleep(seconds_of(self.welcome, "heartbeat_interval", _HEARTBEAT_SECONDS, 0.05))
            if not self._retired:
                self._send_heartbeat()

    async def _watch(self) -> None:
        """Breaks the stream when the coordinator was silent for too long."""
        left = most = _WELCOME_SECONDS
        while left > 0:
            # The Welcome may name a shorter time than the one that runs.
            await asyncio.sleep(min(left, 1.0))
            if self.welcome:
                most = seconds_of(self.welcome, "max_silence", _SILENCE_SECONDS, 0.25)
            left = self._received_at + most - time.monotonic()
        self.fail(KelpieError("UNAVAILABLE", f"the coordinator sent nothing for {most:.0f} s"))

    def _receive(self, frame: wire.CoordinatorFrame) -> None:
        kind = frame.WhichOneof("frame")
        if kind == "request_failed":
            error = of_detail(frame.request_failed.error)
            if not self.requests.refuse(frame.request_id, error) and not self._retired:
                self._owner.refused(error)
        elif kind in ("request_ok", "command_result"):
            self.requests.answer(frame)
        elif kind and not self._retired:
            # A newer coordinator may send a frame that this version does not have: it arrives empty.
            self._take(kind, frame)
        if self._finishing and len(self.requests) == 0:
            self.leave(wire.GOODBYE_REASON_DRAINED)

    def _take(self, kind: str, frame: wire.CoordinatorFrame) -> None:
        """Takes a frame that answers no request."""
        if kind == "welcome":
            self._start(frame.welcome)
        elif kind == "publish_ack":
            self._owner.publisher.acknowledge(frame.publish_ack)
        elif kind == "heartbeat_requested":
            # One heartbeat answers all requests of a turn of the loop.
            if not self._beating:
                self._beating = True
                asyncio.get_running_loop().call_soon(self._answer_heartbeat)
        else:
            if kind == "heartbeat_ack":
                self._round_trip = time.monotonic() - self._beat_at
            self._owner.take(self, frame)

    def _start(self, welcome: wire.Welcome) -> None:
        if self._owner.network not in (None, welcome.network):
            self._failure = network_mismatch(str(self._owner.network), welcome.network)
            self._retired = True
            return self.leave(wire.GOODBYE_REASON_STOP)
        self.welcome = welcome
        self._outbox.message_bytes = welcome.limits.message_bytes or self._outbox.message_bytes
        self._owner.publisher.restart(welcome)
        self._owner.welcomed(self, welcome)
        # At once, so that others see the load without waiting for an interval.
        self._send_heartbeat()
        self._outbox.open = not self._outbox.ended
        self._outbox.wake()
        self.opened.set_result(True)

    def _answer_heartbeat(self) -> None:
        self._beating = False
        if self.open and not self._retired:
            self._send_heartbeat()

    def _send_heartbeat(self) -> None:
        self._beat_at = time.monotonic()
        self._outbox.send(wire.NodeFrame(heartbeat=self._owner.heartbeat(self._round_trip)))

    def issue(self, frame: wire.NodeFrame, waiter: Waiter) -> int:
        """Sends a request that may have many answers. Raises UNAVAILABLE or REQUEST_QUEUE_FULL."""
        if not self.open:
            raise unanswered()

        def send(request_id: int) -> int:
            frame.request_id = request_id
            return self._outbox.send(frame)

        return self.requests.open(waiter, send)

    async def request(self, frame: wire.NodeFrame) -> wire.CoordinatorFrame:
        """Sends a request and returns its one answer. Raises its refusal, UNAVAILABLE or REQUEST_QUEUE_FULL."""
        waiter = OneAnswer()
        self.issue(frame, waiter)
        return await waiter.future

    def send(self, frame: wire.NodeFrame) -> None:
        """Sends a frame whose only answer is a refusal, if a session is open."""
        if self._outbox.full:
            self.fail(KelpieError("UNAVAILABLE", "the coordinator does not read the frames of this node"))
        if self.open:
            self._outbox.send(frame)

    def acknowledge(self, sequence: int, due: bool) -> None:
        if not self._retired:
            self._outbox.acknowledge(sequence, due)

    def wake(self) -> None:
        self._outbox.wake()

    def leave(self, reason: wire.GoodbyeReason) -> None:
        """Sends Goodbye and ends the node's side of the stream. No frame follows."""
        if self._finishing:
            self._finishing.cancel()
        self._outbox.send(wire.NodeFrame(goodbye=wire.Goodbye(reason=reason)))
        self._outbox.end()

    def retire(self, most: float) -> None:
        """Another stream has taken the place of this one, which only takes its answers, and then ends."""
        self._retired = True
        self._outbox.open = False
        self.retired.set_result(None)
        self.finish(most)

    def finish(self, most: float) -> None:
        """Sends Goodbye when all requests have their answers, and after ``most`` seconds at the latest."""
        if most <= 0 or len(self.requests) == 0:
            return self.leave(wire.GOODBYE_REASON_DRAINED)
        loop = asyncio.get_running_loop()
        self._finishing = loop.call_later(most, self.leave, wire.GOODBYE_REASON_DRAINED)

    def fail(self, error: KelpieError) -> None:
        """Breaks the stream. Only the first error counts."""
        if not self._broken.done():
            self._broken.set_result(error)


def seconds_of(welcome: wire.Welcome | None, field: str, default: float, least: float) -> float:
    """A time of the Welcome. One below the least would keep the node busy with nothing else."""
    if not welcome or not welcome.HasField(field):
        return default
    named = getattr(welcome, field)
    seconds: float = named.seconds + named.nanos / 1e9
    return max(least, seconds)


def _typed(error: BaseException | None) -> KelpieError:
    return error if isinstance(error, KelpieError) else KelpieError("UNKNOWN", repr(error))


def network_mismatch(expected: str, network: str) -> KelpieError:
    message = (
        f'the token or certificate of this node is of the network "{network}", and the program expects "{expected}"; '
        f'give the node a token of "{expected}", or change the option network'
    )
    facts = {"expected": expected, "network": network}
    return KelpieError("NETWORK_MISMATCH", message, permanent=True, metadata=facts)
