"""Frames for the coordinator. A message takes all frames that are ready and fit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from kelpie.errors import KelpieError
from kelpie.publisher import Publisher
from kelpie.v1.session_service_pb2 import Ack, ConnectRequest, NodeFrame

# The most that waits until the coordinator reads it.
_MOST_BYTES = 32 * 1024 * 1024
_MOST_FRAMES = 100_000
# The part of a message for frames. The rest has room for publishes.
_FRAMES_SHARE = 0.6
_BESIDE_BYTES = 1024
_LENGTH_BYTES = 6


class Outbox:
    def __init__(self, publisher: Publisher) -> None:
        self.message_bytes = 1024 * 1024
        # Publishes wait for the Welcome, which has the number where they continue.
        self.open = False
        self._publisher = publisher
        self._ready: deque[tuple[NodeFrame, int]] = deque()
        self._bytes = 0
        # The newest acknowledgement. Unless it is due, it waits for another frame to travel with.
        self._ack: int | None = None
        self._due = False
        #: No frame goes out after those that are ready.
        self.ended = False
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        return self._bytes >= _MOST_BYTES or len(self._ready) >= _MOST_FRAMES

    def send(self, frame: NodeFrame) -> int:
        """Returns the bytes of the frame. After ``end`` it drops it. Raises PAYLOAD_TOO_LARGE if no message has room"""
        size, limit = frame.ByteSize(), self.message_bytes - _BESIDE_BYTES
        if size > limit:
            message = f"a request of {size} bytes does not fit in a message; the limit is {limit}"
            raise KelpieError("PAYLOAD_TOO_LARGE", message, permanent=True)
        if not self.ended:
            self._ready.append((frame, size))
            self._bytes += size
            self.wake()
        return size

    def acknowledge(self, sequence: int, due: bool) -> None:
        if self.ended:
            return
        self._ack, self._due = sequence, self._due or due
        if due:
            self.wake()

    def end(self) -> None:
        """Ends the node's side after the ready frames. Publishes that wait go out on the next stream."""
        self.ended, self.open = True, False
        self.wake()

    def wake(self) -> None:
        self._news.set()

    async def messages(self) -> AsyncIterator[ConnectRequest]:
        while True:
            self._news.clear()
            frames = self._take()
            if frames:
                yield ConnectRequest(frames=frames)
            elif self.ended:
                return
            else:
                await self._news.wait()
                # What the program sends in this turn of the loop goes out in one message.
                await asyncio.sleep(0)

    def _take(self) -> list[NodeFrame]:
        frames: list[NodeFrame] = []
        total = 0
        if self._ack is not None and (self._due or self._ready):
            frames.append(NodeFrame(ack=Ack(sequence=self._ack)))
            self._ack, self._due = None, False
        while self._ready and (total == 0 or total + self._ready[0][1] <= _FRAMES_SHARE * self.message_bytes):
            frame, size = self._ready.popleft()
            frames.append(frame)
            self._bytes -= size
            total += size + _LENGTH_BYTES
        if self.open and not self._ready:
            publish = self._publisher.take(self.message_bytes - _BESIDE_BYTES - total)
            if publish:
                frames.append(NodeFrame(publish=publish))
        return frames
