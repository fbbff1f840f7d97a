"""Publishes without an acknowledgement.

The client numbers each event once, keeps it until the coordinator has settled it, and sends it again on the next
stream. By the numbers the coordinator stores each event once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kelpie.content import content_from, levels_of, too_deep
from kelpie.errors import KelpieError, of_detail
from kelpie.v1.coordinator_pb2 import Limits
from kelpie.v1.event_pb2 import EventDraft
from kelpie.v1.session_service_pb2 import Publish, PublishAck, Welcome

# The most that waits for an acknowledgement. Above it `publish` raises PUBLISH_QUEUE_FULL.
_PENDING_EVENTS = 10_000
_PENDING_BYTES = 16 * 1024 * 1024
# The most of one Publish: below the limits of every coordinator.
_BATCH_EVENTS = 256
_BATCH_BYTES = 256 * 1024
# Room in a message beside one event, and the bytes before each event in its Publish.
_BESIDE_BYTES = 1024
_LENGTH_BYTES = 6


@dataclass
class _Pending:
    draft: EventDraft
    bytes: int
    settled: asyncio.Future[None]

    def settle(self, error: KelpieError | None) -> None:
        if not self.settled.done():
            self.settled.set_exception(error) if error else self.settled.set_result(None)


class Publisher:
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._pending: list[_Pending] = []
        self._bytes = 0
        # The publish sequence of the first pending event. The others have the next numbers.
        self._first = 1
        # How many have gone out on the present stream, and on any stream.
        self._out = 0
        self._ever_out = 0
        # Those of the newest Welcome. A field that is 0 is no limit.
        self._limits = Limits()

    def publish(self, draft: EventDraft) -> asyncio.Future[None]:
        """Resolves when the event is settled. Raises PUBLISH_QUEUE_FULL, PAYLOAD_TOO_LARGE or CONTENT_TOO_DEEP."""
        size = draft.ByteSize() + _LENGTH_BYTES
        refusal = self._refusal(draft)
        if refusal:
            raise refusal
        if len(self._pending) >= _PENDING_EVENTS or self._bytes + size > _PENDING_BYTES:
            waiting = f"{len(self._pending)} events ({self._bytes} bytes) wait to be acknowledged"
            raise KelpieError("PUBLISH_QUEUE_FULL", f"{waiting}; publish less, or wait for the acknowledgements")
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A caller may not look at the outcome: that is no warning of asyncio.
        settled.add_done_callback(lambda one: one.cancelled() or one.exception())
        self._pending.append(_Pending(draft, size, settled))
        self._bytes += size
        self._wake()
        return settled

    def restart(self, welcome: Welcome) -> None:
        """A new stream: what the coordinator has settled is settled, and everything else goes out again."""
        self._limits = welcome.limits
        self._settle(welcome.publish_sequence, {})
        # No coordinator has stored the others, and no older stream can store them any more: their numbers are free.
        if welcome.publish_sequence > 0:
            self._first = welcome.publish_sequence + 1
        self._out = 0
        # The limits of this coordinator may be lower.
        for index in reversed(range(len(self._pending))):
            refusal = self._refusal(self._pending[index].draft)
            if refusal:
                self._ever_out -= index < self._ever_out
                self._end(self._pending.pop(index), refusal)

    def take(self, room: int) -> Publish | None:
        """The next frame of at most ``room`` bytes; None if nothing waits or fits."""
        events = min(_BATCH_EVENTS, self._limits.publish_events or _BATCH_EVENTS)
        most = min(_BATCH_BYTES, self._limits.publish_bytes or _BATCH_BYTES, room)
        first, total = self._first + self._out, 0
        taken: list[EventDraft] = []
        for one in self._pending[self._out : self._out + events]:
            if total + one.bytes > (most if taken else room):
                break
            taken.append(one.draft)
            total += one.bytes
        self._out += len(taken)
        self._ever_out = max(self._ever_out, self._out)
        return Publish(first_publish_sequence=first, events=taken) if taken else None

    def acknowledge(self, ack: PublishAck) -> None:
        self._settle(ack.publish_sequence, {one.publish_sequence: of_detail(one.error) for one in ack.rejections})

    async def idle(self, within: float) -> None:
        """Returns when no event waits for an acknowledgement any more, or after this many seconds."""
        if self._pending:
            await asyncio.wait([one.settled for one in self._pending], timeout=within)

    def close(self, error: KelpieError) -> None:
        self._out = self._ever_out = 0
        while self._pending:
            self._end(self._pending.pop(), error)

    def _settle(self, up_to: int, refused: dict[int, KelpieError]) -> None:
        # Only events that went out: the number of a broken coordinator may be too high.
        count = min(max(0, up_to - self._first + 1), self._ever_out)
        for number, one in enumerate(self._pending[:count], self._first):
            self._end(one, refused.get(number))
        del self._pending[:count]
        self._first += count
        self._ever_out -= count
        self._out = max(0, self._out - count)

    def _end(self, one: _Pending, error: KelpieError | None) -> None:
        self._bytes -= one.bytes
        one.settle(error)

    def _refusal(self, draft: EventDraft) -> KelpieError | None:
        """The refusal that the coordinator would give. A rejection can be lost with its stream."""
        limits, content = self._limits, draft.payload.content
        is_json = content.HasField("json") or content.HasField("list")
        if is_json and 0 < limits.json_depth < levels_of(content_from(content)):
            return too_deep(limits.json_depth)
        message_bytes = limits.message_bytes and limits.message_bytes - _BESIDE_BYTES
        limit = min(one or _PENDING_BYTES for one in (limits.payload_bytes, limits.publish_bytes, message_bytes))
        size = draft.payload.ByteSize()
        if size <= limit:
            return None
        message = f'the event on "{draft.topic}" has {size} bytes; the limit is {limit}'
        facts = {"bytes": str(size), "limit": str(limit)}
        return KelpieError("PAYLOAD_TOO_LARGE", message, permanent=True, metadata=facts)
