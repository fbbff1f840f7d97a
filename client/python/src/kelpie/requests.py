"""Requests that wait for their answers. When their stream ends, they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from kelpie.errors import KelpieError, unanswered
from kelpie.v1.session_service_pb2 import CoordinatorFrame

_MOST_REQUESTS = 10_000
_MOST_BYTES = 16 * 1024 * 1024


class Waiter(Protocol):
    def answer(self, frame: CoordinatorFrame) -> bool:
        """Takes an answer. Returns True if it is the last one."""

    def fail(self, error: KelpieError) -> None:
        """The coordinator refused the request, or the stream ended before an answer (UNAVAILABLE)."""


class OneAnswer:
    def __init__(self) -> None:
        self.future: asyncio.Future[CoordinatorFrame] = asyncio.get_running_loop().create_future()

    def answer(self, frame: CoordinatorFrame) -> bool:
        if not self.future.done():
            self.future.set_result(frame)
        return True

    def fail(self, error: KelpieError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Requests:
    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Waiter, int]] = {}
        self._bytes = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, waiter: Waiter, send: Callable[[int], int]) -> int:
        """Sends a request under a new number, and returns that. Raises REQUEST_QUEUE_FULL if too many wait."""
        if len(self) >= _MOST_REQUESTS or self._bytes >= _MOST_BYTES:
            waiting = f"{len(self)} requests ({self._bytes} bytes) wait for answers"
            raise KelpieError("REQUEST_QUEUE_FULL", f"{waiting}; send fewer requests, or wait for the answers")
        self._last += 1
        size = send(self._last)
        self._waiting[self._last] = (waiter, size)
        self._bytes += size
        return self._last

    def answer(self, frame: CoordinatorFrame) -> None:
        waiting = self._waiting.get(frame.request_id)
        if waiting and waiting[0].answer(frame):
            self._remove(frame.request_id)

    def refuse(self, request_id: int, error: KelpieError) -> bool:
        """Returns False if no such request waits."""
        waiter = self._remove(request_id)
        if waiter:
            waiter.fail(error)
        return waiter is not None

    def drop(self) -> None:
        for request_id in list(self._waiting):
            self.refuse(request_id, unanswered())

    def _remove(self, request_id: int) -> Waiter | None:
        waiter, size = self._waiting.pop(request_id, (None, 0))
        self._bytes -= size
        return waiter
