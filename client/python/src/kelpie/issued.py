"""An issued command, until its last result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from kelpie.commands import FORMS
from kelpie.content import MessageContent, content_from, content_of
from kelpie.errors import KelpieError, invalid, of_detail
from kelpie.stream import Stream
from kelpie.v1 import command_pb2 as wire
from kelpie.v1.command_service_pb2 import IssueCommandRequest
from kelpie.v1.session_service_pb2 import CoordinatorFrame, NodeFrame

_LONGEST_SECONDS = 300.0
# The most bytes of results that wait to be read.
_UNREAD_BYTES = 16 * 1024 * 1024

#: The name of a node, or a place of ``CommandTarget``: ``{"nodes": ["a", "b"]}``, ``{"player_proxy": id}``,
#: ``{"every": {"roles": ["DOWNSTREAM"], "labels": {"mode": "lobby"}}}``, ``{"any": {…}}``.
Target: TypeAlias = "str | Mapping[str, Any]"


@dataclass(frozen=True)
class Result:
    """The reply of one node, or the error that came instead."""

    node: str
    output: wire.CommandOutput
    error: KelpieError | None = None

    @property
    def content(self) -> MessageContent | None:
        """The content that a custom command returned."""
        return content_from(self.output.custom)

    @property
    def lines(self) -> Sequence[str]:
        """The lines that ``run_console_command`` printed."""
        return list(self.output.console.lines)


def command_of(command: str | Mapping[str, Any], content: MessageContent) -> wire.Command:
    """Raises COMMAND_INVALID or VALUE_INVALID."""
    if not isinstance(command, str):
        return wire.Command(**command)
    if command in FORMS:
        message = f'"{command}" is a command of the contract; give it as {{"{command}": {{…}}}}'
        raise invalid(message, "COMMAND_INVALID")
    return wire.Command(custom=wire.CustomCommand(name=command, content=content_of(content)))


def target_of(target: Target) -> wire.CommandTarget:
    if isinstance(target, str):
        return wire.CommandTarget(node=target)
    place = dict(target)
    if "nodes" in place:
        place["nodes"] = wire.NodeNames(names=place["nodes"])
    for name in place.keys() & {"every", "any"}:
        place[name] = _selector(**place[name])
    return wire.CommandTarget(**place)


def _selector(
    roles: Sequence[str] = (), states: Sequence[str] = (), labels: Mapping[str, str] | None = None
) -> wire.NodeSelector:
    names = [f"NODE_ROLE_{one}" for one in roles]
    return wire.NodeSelector(roles=names, states=[f"NODE_STATE_{one}" for one in states], labels=labels)


def request_of(
    target: Target,
    command: str | Mapping[str, Any],
    content: MessageContent,
    timeout: float,
    max_replies: int,
    attributes: Mapping[str, str] | None,
) -> IssueCommandRequest:
    """Raises DEADLINE_INVALID, COMMAND_INVALID or VALUE_INVALID."""
    if not 0 < timeout <= _LONGEST_SECONDS:
        raise invalid(f"timeout is {timeout}; it must be above 0, and at most 300 s", "DEADLINE_INVALID")
    try:
        return IssueCommandRequest(
            target=target_of(target),
            command=command_of(command, content),
            timeout=timedelta(seconds=timeout),
            max_replies=max_replies,
            attributes=attributes,
        )
    except (TypeError, ValueError) as error:
        raise invalid(f"the target or the command cannot be sent: {error}") from None


class Issued:
    """``async for result in issued``. The client sends the command at once, even if nobody reads, and only once."""

    def __init__(self, stream: Stream, request: IssueCommandRequest) -> None:
        self._stream = stream
        self._results: asyncio.Queue[Result | None] = asyncio.Queue()
        self._bytes = 0
        self._ended = False
        self._error: KelpieError | None = None
        self._request_id = stream.issue(NodeFrame(issue_command=request), self)

    def answer(self, frame: CoordinatorFrame) -> bool:
        result = frame.command_result
        if not self._ended:
            error = of_detail(result.error) if result.HasField("error") else None
            # A result that the reader takes at once counts nothing.
            self._bytes = 0 if self._results.empty() else self._bytes + result.ByteSize()
            self._results.put_nowait(Result(result.node, result.output, error))
            if result.last:
                self._end(None)
            elif self._bytes > _UNREAD_BYTES:
                self.cancel()
                self._end(KelpieError("RESULTS_UNREAD", f"more than {_UNREAD_BYTES} bytes of results wait to be read"))
        return result.last

    def fail(self, error: KelpieError) -> None:
        if error.reason == "UNAVAILABLE":
            error = KelpieError("OUTCOME_UNKNOWN", "the stream broke before the command ended; nodes may have done it")
        if not self._ended:
            self._end(error)

    def _end(self, error: KelpieError | None) -> None:
        self._ended, self._error = True, error
        self._results.put_nowait(None)

    def cancel(self) -> None:
        """Withdraws the command. The nodes that have not replied still give a result: CANCELLED."""
        if not self._ended:
            self._stream.send(NodeFrame(cancel_command=wire.CancelCommand(issued_request_id=self._request_id)))

    def __aiter__(self) -> AsyncIterator[Result]:
        return self._read()

    async def _read(self) -> AsyncIterator[Result]:
        """The results as they come. If the reader stops, the command is withdrawn."""
        try:
            while (result := await self._results.get()) is not None:
                yield result
            if self._error:
                raise self._error
        finally:
            self.cancel()
