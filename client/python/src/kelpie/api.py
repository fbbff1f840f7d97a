"""Every call of the contract in one line, without a session."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from kelpie.errors import KelpieError, closed, invalid, of_call
from kelpie.rpc import rpc
from kelpie.tokens import Tokens, metadata_of
from kelpie.transport import Protection, endpoints_of

_SERVICES = {
    "access": "access",
    "commands": "command",
    "coordinator": "coordinator",
    "events": "event",
    "network": "network",
    "nodes": "node",
    "players": "player",
    "routing": "routing",
    "state": "state",
}
_TIMEOUT_SECONDS = 10.0


class Service:
    """The calls of one service. The fields of the request are keyword arguments, and the answer is its message."""

    def __init__(self, api: Api, file: str) -> None:
        self._api = api
        module = importlib.import_module(f"kelpie.v1.{file}_service_pb2")
        (service,) = module.DESCRIPTOR.services_by_name.values()
        self._methods = {re.sub(r"(?<!^)(?=[A-Z])", "_", one.name).lower(): one for one in service.methods}

    def __dir__(self) -> list[str]:
        return list(self._methods)

    def __getattr__(self, name: str) -> Any:
        method = self._methods.get(name)
        if not method:
            raise AttributeError(f"there is no call {name}; there are {', '.join(self._methods)}")
        call = self._stream if method.server_streaming else self._unary
        return lambda *, timeout=None, **fields: call(method, _request(method, fields), timeout)

    async def _unary(self, method: MethodDescriptor, request: Any, timeout: float | None) -> Any:
        try:
            return await self._api.invoke(method, request, timeout or _TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise await self._api.explained(error) from None

    async def _stream(self, method: MethodDescriptor, request: Any, timeout: float | None) -> AsyncIterator[Any]:
        try:
            async for one in self._api.invoke(method, request, timeout):
                yield one
        except grpc.aio.AioRpcError as error:
            raise await self._api.explained(error) from None


class Api:
    """``await api.nodes.list_nodes(page_size=10)``, ``async for part in api.events.watch_events(…)``.

    The parts are access, commands, coordinator, events, network, nodes, players, routing and state. A call is named as
    its rpc. ``timeout`` is in seconds: 10 by default, none for a stream. A call raises KelpieError. ``async with`` or
    ``close`` ends the connection, which the first call opens.
    """

    def __init__(self, endpoint: str, tokens: Tokens, protection: Protection) -> None:
        self.endpoint = endpoint
        self._tokens = tokens
        self._protection = protection
        self._channel: grpc.aio.Channel | None = None
        self._closed = False

    def __getattr__(self, name: str) -> Service:
        if name not in _SERVICES:
            raise AttributeError(name)
        return Service(self, _SERVICES[name])

    def invoke(self, method: MethodDescriptor, request: Any, timeout: float | None) -> Any:
        """The call of grpc.aio. Raises CLOSED or FILE_INVALID."""
        if self._closed:
            raise closed()
        self._channel = self._channel or self._protection.channel(self.endpoint)
        return rpc(self._channel, method)(request, timeout=timeout, metadata=metadata_of(self._tokens.current()))

    async def explained(self, error: grpc.aio.AioRpcError) -> KelpieError:
        return await self._protection.explained(of_call(error), self.endpoint)

    async def close(self) -> None:
        self._closed = True
        if self._channel:
            await self._channel.close()

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def reach_api(
    endpoint: str | None = None,
    *,
    token: str | None = None,
    token_file: str | None = None,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    tls: bool = False,
    insecure: bool = False,
) -> Api:
    """The calls of one coordinator, with the options of ``connect``. Raises OUT_OF_RANGE, VALUE_INVALID, FILE_INVALID.

    endpoint: default: the first of KELPIE_ENDPOINTS, else 127.0.0.1:50051.
    """
    tokens = Tokens(token, token_file, None, None)
    return Api(endpoints_of(endpoint)[0], tokens, Protection.of(ca, cert, key, tls, insecure))


def _request(method: MethodDescriptor, fields: dict[str, Any]) -> Any:
    try:
        return GetMessageClass(method.input_type)(**fields)
    except (TypeError, ValueError) as error:
        raise invalid(f"{method.name}: {error}") from None
