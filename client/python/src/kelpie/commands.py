"""The commands that this node handles. If a stream breaks while a handler works, the node replies on the next one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeAlias

from google.protobuf.message import Message

from kelpie.content import MessageContent, content_from, content_of
from kelpie.errors import KelpieError, invalid
from kelpie.stream import Stream
from kelpie.v1 import command_pb2 as wire
from kelpie.v1.session_service_pb2 import NodeFrame

# The most requests that handlers work on at once. The node answers more with a failure.
_RUNNING = 1000
_NAMES = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# The most letters of the message of a failure: 4 KiB with any letters.
_MESSAGE_LETTERS = 1024
_REPLY_BYTES = 256 * 1024

#: The names of the contract: their handlers get `form`. Every other name is custom: its handlers get `content`.
FORMS = tuple(one.name for one in wire.Command.DESCRIPTOR.fields if one.name != "custom")


@dataclass(frozen=True)
class Command:
    """A command, as its handler gets it."""

    name: str
    #: The name of the node that asks; empty if the issuer has no session.
    source: str
    #: How many seconds the issuer still waited when the command came.
    time_left: float
    attributes: Mapping[str, str]
    #: The content of a custom command.
    content: MessageContent | None
    #: The command of the contract, as ``RunConsoleCommand``; None for a custom one.
    form: Message | None


#: What a handler returns. Custom: content. ``run_console_command``: the lines that it printed. Other names of the
#: contract: None for done, or a ``CommandOutput``.
Reply: TypeAlias = "MessageContent | wire.CommandOutput | None"
CommandHandler: TypeAlias = Callable[[Command], "Reply | Awaitable[Reply]"]


class Handlers:
    def __init__(
        self,
        stream: Callable[[], Stream | None],
        on_names: Callable[[], None],
        on_refused: Callable[[KelpieError], None],
    ) -> None:
        self._stream = stream
        self._on_names = on_names
        self._on_refused = on_refused
        self._handlers: dict[str, CommandHandler] = {}
        # By the id of the command. Each ends with its confirmed reply, with its time, or when its issuer withdraws it.
        self._running: dict[int, asyncio.Task[None]] = {}
        # Set when a stream opens: it takes the replies that no coordinator has confirmed.
        self._news = asyncio.Event()

    @property
    def names(self) -> list[str]:
        return list(self._handlers)

    def __len__(self) -> int:
        """The number of commands without a confirmed reply."""
        return len(self._running)

    def add(self, name: str, handler: CommandHandler) -> Callable[[], None]:
        """Returns the function that removes the handler. Raises COMMAND_INVALID."""
        if not _NAME.fullmatch(name):
            raise invalid(f'{name!r}: a name has 1 to 63 of a-z, 0-9, ".", "_" and "-"', "COMMAND_INVALID")
        if name in self._handlers:
            raise invalid(f'"{name}" has a handler already', "COMMAND_INVALID")
        if len(self._handlers) >= _NAMES:
            raise invalid(f"a node handles at most {_NAMES} commands", "COMMAND_INVALID")
        self._handlers[name] = handler
        self._on_names()

        def remove() -> None:
            if self._handlers.get(name) is handler:
                del self._handlers[name]
                self._on_names()

        return remove

    def take(self, request: wire.CommandRequest) -> None:
        form = request.command.WhichOneof("form") or ""
        handler = self._handlers.get(request.command.custom.name if form == "custom" else form)
        if not handler:
            return self._refuse(request.command_id, "this node has no handler for the command")
        if len(self._running) >= _RUNNING:
            return self._refuse(request.command_id, f"this node works on {_RUNNING} commands already; try again later")
        task = asyncio.get_running_loop().create_task(self._run(request, form, handler))
        self._running[request.command_id] = task
        task.add_done_callback(lambda _: self._running.pop(request.command_id, None))

    async def _run(self, request: wire.CommandRequest, form: str, handler: CommandHandler) -> None:
        command = Command(
            name=request.command.custom.name or form,
            source=request.source,
            time_left=request.time_left.ToTimedelta().total_seconds(),
            attributes=dict(request.attributes),
            content=content_from(request.command.custom.content),
            form=None if form == "custom" else getattr(request.command, form),
        )
        try:
            await asyncio.wait_for(self._answer(request.command_id, command, handler), command.time_left)
        except asyncio.TimeoutError:
            # Nobody waits for the reply any more.
            pass

    async def _answer(self, command_id: int, command: Command, handler: CommandHandler) -> None:
        try:
            returned = handler(command)
            output = _output(command, await returned if isawaitable(returned) else returned)
            reply = wire.CommandReply(command_id=command_id, output=output)
        except Exception as error:
            reply = _failure(command_id, error)
        while not await self._confirmed(reply):
            self._news.clear()
            await self._news.wait()

    async def _confirmed(self, reply: wire.CommandReply) -> bool:
        """Sends a reply. False: its stream broke before the confirmation, so the next one takes it."""
        stream = self._stream()
        if not stream or not stream.welcome:
            return False
        limit = stream.welcome.limits.payload_bytes or _REPLY_BYTES
        size = reply.output.ByteSize()
        if size > limit:
            reply = _failure(reply.command_id, ValueError(f"the reply has {size} bytes; the limit is {limit}"))
        try:
            await stream.request(NodeFrame(command_reply=reply))
        except KelpieError as error:
            if error.reason in ("UNAVAILABLE", "REQUEST_QUEUE_FULL"):
                return False
            # The command is over: a late reply is not a mistake.
            if error.reason != "COMMAND_NOT_FOUND":
                self._on_refused(error)
        return True

    def _refuse(self, command_id: int, message: str) -> None:
        stream = self._stream()
        if stream:
            stream.send(NodeFrame(command_reply=_failure(command_id, ValueError(message))))

    def restart(self) -> None:
        """A new stream is open."""
        self._news.set()

    def cancel(self, command_id: int) -> None:
        """Nobody waits for the reply any more. Cancels a handler that is a coroutine."""
        task = self._running.get(command_id)
        if task:
            task.cancel()

    def close(self) -> None:
        for command_id in list(self._running):
            self.cancel(command_id)


def _failure(command_id: int, error: Exception) -> wire.CommandReply:
    message = (error.message if isinstance(error, KelpieError) else str(error)).encode(errors="replace").decode()
    return wire.CommandReply(command_id=command_id, failure=wire.CommandFailure(message=message[:_MESSAGE_LETTERS]))


def _output(command: Command, returned: Any) -> wire.CommandOutput:
    if isinstance(returned, wire.CommandOutput):
        return returned
    if not command.form:
        return wire.CommandOutput(custom=wire.CommandOutput().custom if returned is None else content_of(returned))
    if command.name == "run_console_command":
        lines = [returned] if isinstance(returned, str) else returned or []
        return wire.CommandOutput(console=wire.ConsoleOutput(success=True, lines=lines))
    if returned is not None:
        raise invalid(f'a handler of "{command.name}" returns None or a CommandOutput')
    return wire.CommandOutput(done=wire.CommandDone())
