"""The place of a node in the journal: what it has received, and what its handlers have processed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kelpie.errors import KelpieError
from kelpie.subscriptions import Piece, Subscriptions
from kelpie.v1.cursor_pb2 import Cursor, Start
from kelpie.v1.stream_pb2 import EventBatch, Gap

# An acknowledgement is due after this many events or batches: the default window has room for three batches with one
# event of the largest size each, and not for four.
_DUE_EVENTS = 1024
_DUE_BATCHES = 3


@dataclass
class _Part:
    up_to: Cursor
    events: int
    kind: Literal["batch", "cursor", "gap"]
    done: bool = False


class Reading:
    """The positions outlive a stream; the parts that handlers work on belong to the present one."""

    def __init__(self, first: Start, subscriptions: Subscriptions) -> None:
        self._first = first
        self._subscriptions = subscriptions
        # The node resumes after this cursor. None: it has not read anything yet.
        self.processed: Cursor | None = first.after if first.HasField("after") else None
        self.received = 0
        self._parts: deque[_Part] = deque()
        self._events = 0
        self._batches = 0
        self._acknowledge: Callable[[int, bool], None] = lambda sequence, due: None

    @property
    def next_start(self) -> Start:
        """Where the next stream starts: it brings again what the handlers have not processed."""
        return Start(after=self.processed) if self.processed else self._first

    def restart(self, start: Start, acknowledge: Callable[[int, bool], None]) -> None:
        """A stream with this start is open, and takes the acknowledgements from now on."""
        self._acknowledge = acknowledge
        self._parts.clear()
        self._events = self._batches = 0
        self._subscriptions.drop()
        self.received = start.after.sequence

    def take(self, batch: EventBatch) -> None:
        """Raises PROTOCOL if events are missing: the next stream brings them."""
        if batch.after_sequence > self.received or not batch.HasField("up_to"):
            message = f"a batch begins after {batch.after_sequence}, but the events after {self.received} are missing"
            raise KelpieError("PROTOCOL", message)
        part = self._begin(batch.up_to, len(batch.events), "batch")
        piece = Piece(lambda: self._end(part))
        for event in batch.events:
            if event.sequence > self.received:
                self._subscriptions.deliver(event, piece)
        self._receive(batch.up_to)
        piece.release()

    def reach(self, cursor: Cursor) -> None:
        """The node has no further events up to this cursor."""
        self._receive(cursor)
        self._end(self._begin(cursor, 0, "cursor"))

    def lose(self, gap: Gap) -> None:
        # Where topics are named, the events of all others still come.
        if not gap.topics:
            self.received = gap.resumes_at.sequence
            self._subscriptions.rewind()
            self._end(self._begin(gap.resumes_at, 0, "gap"))

    def _receive(self, cursor: Cursor) -> None:
        self.received = max(self.received, cursor.sequence)

    def _begin(self, up_to: Cursor, events: int, kind: Literal["batch", "cursor", "gap"]) -> _Part:
        part = _Part(up_to, events, kind)
        self._parts.append(part)
        return part

    def _end(self, part: _Part) -> None:
        """Moves on over all parts from the first one that are done. A part of an older stream moves nothing."""
        part.done = True
        last: _Part | None = None
        while self._parts and self._parts[0].done:
            one = self._parts.popleft()
            # Only a gap leads back: a batch that came twice does not.
            if one.kind == "gap" or not self.processed or one.up_to.sequence >= self.processed.sequence:
                self.processed = one.up_to
            if one.kind == "batch":
                last = one
                self._events += one.events
                self._batches += 1
        if not last:
            return
        due = self._events >= _DUE_EVENTS or self._batches >= _DUE_BATCHES
        if due:
            self._events = self._batches = 0
        self._acknowledge(last.up_to.sequence, due)
