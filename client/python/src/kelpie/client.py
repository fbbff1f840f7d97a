"""The client: a node's membership of the network."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from kelpie.api import Api
from kelpie.commands import CommandHandler
from kelpie.connection import MAY_STAY
from kelpie.content import MessageContent
from kelpie.errors import KelpieError, closed
from kelpie.events import Origin, draft_of
from kelpie.hello import AddressOption, Role, StartOption, State, change_hello, facts_of, name_of, start_of
from kelpie.issued import Issued, Target, request_of
from kelpie.session import Session, Settings
from kelpie.status import Status
from kelpie.subscriptions import Handler, Subscription
from kelpie.tokens import Tokens
from kelpie.topics import check_pattern
from kelpie.transport import Protection, endpoints_of, transport
from kelpie.v1.cursor_pb2 import Cursor
from kelpie.v1.node_pb2 import NodeChange
from kelpie.v1.session_service_pb2 import Hello, NodeFrame, UpdateOwnNode, Welcome

VERSION = "0.1.0"
ConnectionState = Literal["CONNECTING", "CONNECTED", "AWAY", "CLOSED"]


class Client:
    """A node of the network. ``kelpie.connect`` is this constructor: it connects in the running event loop.

    It returns at once. The first stream opens in the next turn of the loop: subscribe and add handlers of commands
    before the first ``await``, and it has all of them. Raises VALUE_INVALID or OUT_OF_RANGE for options that cannot
    work, and FILE_INVALID.

    endpoints: ``host:port``, several with commas between them. Default: KELPIE_ENDPOINTS, else 127.0.0.1:50051.
    address: host and port, or the port alone, where proxies reach this node.
    load: called with each heartbeat; returns ``tps``, ``memory_used_bytes`` or ``memory_max_bytes``.
    handler_timeout: seconds that a handler of events may take.
    on_status: called with each Status. Default: problems are warnings of the logger ``kelpie``, each kind
        at most once a minute.
    token, token_file, join_token: default KELPIE_TOKEN, KELPIE_TOKEN_FILE, KELPIE_JOIN_TOKEN.
    network: the network that this node must be in. Default: KELPIE_NETWORK, else any.
    ca, cert, key: texts in PEM or paths. Default: KELPIE_CA, KELPIE_CERT, KELPIE_KEY. With one of them, with ``tls``,
    or to another machine the client uses TLS.
    insecure: plain text, also to other machines, and the token with it.
    """

    def __init__(
        self,
        name: str,
        role: Role,
        *,
        endpoints: str | list[str] | None = None,
        address: AddressOption | None = None,
        public_address: AddressOption | None = None,
        labels: Mapping[str, str] | None = None,
        max_players: int | None = None,
        motd: str = "",
        software: str = "",
        version: str = "",
        state: State = "READY",
        load: Callable[[], Mapping[str, Any]] | None = None,
        start: StartOption = "LATEST",
        exclude_own: bool = False,
        handler_timeout: float = 10.0,
        on_status: Callable[[Status], None] | None = None,
        token: str | None = None,
        token_file: str | None = None,
        join_token: str | None = None,
        network: str | None = None,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        tls: bool = False,
        insecure: bool = False,
    ) -> None:
        hello = facts_of(
            Hello,
            name=name,
            role=name_of("role", role, Role),
            instance_id=os.urandom(16),
            address=address,
            public_address=public_address,
            labels=labels,
            max_players=max_players,
            motd=motd,
            software=software,
            version=version,
            state=state,
            exclude_own=exclude_own,
            features=[MAY_STAY],
            sdk=f"kelpie-python {VERSION}",
        )
        tokens = Tokens(token, token_file, join_token, name)
        protection = Protection.of(ca, cert, key, tls, insecure)
        network = network or os.environ.get("KELPIE_NETWORK") or None
        self._session = Session(
            Settings(
                hello,
                endpoints_of(endpoints),
                lambda endpoint: transport(endpoint, tokens, protection, network),
                network,
                start_of(start),
                handler_timeout,
                load,
                on_status,
                tokens.renewed,
            )
        )
        self._make_api: Callable[[str], Api] = lambda endpoint: Api(endpoint, tokens, protection)
        self._api: Api | None = None

    @property
    def name(self) -> str:
        """The node's name in lower case, as in topics."""
        return self._session.hello.name.lower()

    @property
    def state(self) -> ConnectionState:
        """AWAY: a session was lost, and the client opens the next one by itself."""
        if self._session.ended:
            return "CLOSED"
        if self._session.stream and self._session.stream.open:
            return "CONNECTED"
        return "AWAY" if self._session.welcome else "CONNECTING"

    @property
    def welcome(self) -> Welcome | None:
        """The facts of the newest session; None before the first one."""
        return self._session.welcome

    @property
    def cursor(self) -> Cursor | None:
        """Where the handlers are. Store it, and give it to the next process as ``start``: it goes on there."""
        return self._session.reading.processed

    @property
    def pending(self) -> int:
        """The number of requests and commands that have no answer yet."""
        stream = self._session.stream
        return len(self._session.handlers) + (len(stream.requests) if stream else 0)

    @property
    def api(self) -> Api:
        """Every call of the contract, at the endpoint of the session: ``await client.api.nodes.list_nodes()``."""
        if self._session.ended:
            raise self._session.ended
        endpoint = self._session.connection.endpoint
        if self._api and self._api.endpoint != endpoint:
            self._session.spawn(self._api.close())
            self._api = None
        self._api = self._api or self._make_api(endpoint)
        return self._api

    async def ready(self) -> None:
        """Returns when the first session is open. Raises the error that ended the client before, or CLOSED."""
        await self._session.ready()

    async def closed(self) -> KelpieError | None:
        """Returns when the client has ended: the error that ended it, or None after ``close``."""
        return await asyncio.shield(self._session.running)

    def publish(
        self,
        topic: str,
        content: MessageContent,
        *,
        type: str = "",
        attributes: Mapping[str, str] | None = None,
        origin: Origin = "UNSPECIFIED",
    ) -> asyncio.Future[None]:
        """Publishes a message. ``await`` the result to know that the coordinator has stored it, also over reconnects.

        It raises at once TOPIC_INVALID, TOPIC_RESERVED, VALUE_INVALID, PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP, CLOSED, and
        PUBLISH_QUEUE_FULL if more than 10,000 events or 16 MiB wait. Awaiting raises the refusal of the coordinator. If
        a stream breaks before an acknowledgement comes, the next one reports only that the event is settled.
        """
        if self._session.closing or self._session.ended:
            raise self._session.ended or closed()
        return self._session.publisher.publish(draft_of(topic, content, type, attributes, origin))

    def subscribe(self, pattern: str, handler: Handler | None = None) -> Subscription:
        """Calls the handler, a function or a coroutine function, with each event whose topic matches, one at a time.

        Without a handler: ``async for event in client.subscribe(pattern)``. Raises TOPIC_INVALID, TOPIC_RESERVED,
        PATTERN_LIMIT or HELLO_TOO_LARGE.
        """
        checked = check_pattern(pattern, self.name)
        self._session.check_room(topics=[checked])
        return self._session.subscriptions.add(checked, handler, self._session.reading.received)

    def handle(self, name: str, handler: CommandHandler) -> Callable[[], None]:
        """Handles the commands of a name. Returns the function that removes the handler.

        What the handler raises goes to the issuer as COMMAND_FAILED. Raises COMMAND_INVALID or HELLO_TOO_LARGE.
        """
        self._session.check_room(commands=[name])
        return self._session.handlers.add(name, handler)

    def issue(
        self,
        target: Target,
        command: str | Mapping[str, Any],
        content: MessageContent = "",
        *,
        timeout: float = 10.0,
        max_replies: int = 0,
        attributes: Mapping[str, str] | None = None,
    ) -> Issued:
        """Issues a command to nodes, and gives the result of each as it comes.

        ``command`` is a name of your own, or a command of the contract: ``{"run_console_command": {"line": "list"}}``.
        ``timeout`` is in seconds, at most 300. Reading raises NO_TARGET and other reasons; OUTCOME_UNKNOWN if the
        stream breaks. Raises DEADLINE_INVALID, COMMAND_INVALID, VALUE_INVALID, or UNAVAILABLE without a session.
        """
        request = request_of(target, command, content, timeout, max_replies, attributes)
        return Issued(self._session.usable(), request)

    async def call(
        self, target: Target, name: str, content: MessageContent = "", *, timeout: float = 10.0
    ) -> MessageContent | None:
        """Issues a custom command and returns the first reply. Without one it raises the first error."""
        failure: KelpieError | None = None
        async for result in self.issue(target, name, content, timeout=timeout, max_replies=1):
            if not result.error:
                return result.content
            failure = failure or result.error
        raise failure or KelpieError("PROTOCOL", "a command ended without a result")

    async def update(
        self,
        *,
        labels: Mapping[str, str] | None = None,
        removed_labels: Sequence[str] = (),
        state: State | None = None,
        max_players: int | None = None,
        motd: str | None = None,
        address: AddressOption | None = None,
        public_address: AddressOption | None = None,
    ) -> None:
        """Changes the public facts of this node. Raises LABELS_INVALID and others, or UNAVAILABLE without a session."""
        change = facts_of(
            NodeChange,
            labels=labels,
            removed_labels=removed_labels,
            state=state,
            max_players=max_players,
            motd=motd,
            address=address,
            public_address=public_address,
        )
        await self._session.usable().request(NodeFrame(update_own_node=UpdateOwnNode(change=change)))
        change_hello(self._session.hello, change)

    async def close(self) -> None:
        """Waits up to 5 s for publishes without an acknowledgement, says goodbye, and ends. Safe to call again."""
        await self._session.close()
        if self._api:
            await self._api.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
