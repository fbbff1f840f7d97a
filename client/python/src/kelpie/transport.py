"""How a client reaches a coordinator: plain text or TLS, a channel for each stream, and the token of that moment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from kelpie.errors import KelpieError, invalid, of_call
from kelpie.handshake import explained
from kelpie.rpc import CONNECT, GET_OWN_CREDENTIAL, FirstStatus, rpc
from kelpie.stream import Transport, network_mismatch
from kelpie.tokens import Tokens, metadata_of
from kelpie.v1.access_service_pb2 import GetOwnCredentialRequest
from kelpie.v1.session_service_pb2 import ConnectRequest, ConnectResponse

DEFAULT_ENDPOINT = "127.0.0.1:50051"

_CHANNEL = (
    # They notice a coordinator that is gone.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # The client has retries and waits of its own: those of the library would make a restart a departure.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    # An HTTP proxy of the environment is for the web.
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True)
class Protection:
    """Whether connections are encrypted. Each certificate is a text in PEM, or a file that is read for each channel."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    tls: bool = False
    insecure: bool = False

    @classmethod
    def of(cls, ca: str | None, cert: str | None, key: str | None, tls: bool, insecure: bool) -> Protection:
        """The options and the environment together. Raises VALUE_INVALID or FILE_INVALID."""
        if insecure and (ca or cert or key or tls):
            raise invalid("insecure means plain text; leave it out, or leave ca, cert, key and tls out")
        ca, cert, key = (
            given or os.environ.get(f"KELPIE_{name}") or None
            for name, given in (("CA", ca), ("CERT", cert), ("KEY", key))
        )
        if (cert is None) != (key is None):
            raise invalid("a client certificate is both cert and key; give both")
        protection = cls(ca, cert, key, tls, insecure)
        if not insecure:
            # A mistake in a file is an error now, and not a connection that never opens.
            protection.credentials()
        return protection

    def uses_tls(self, endpoint: str) -> bool:
        if self.insecure:
            return False
        return self.tls or bool(self.ca or self.cert) or not is_loopback(endpoint)

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(_pem(self.ca), _pem(self.key), _pem(self.cert))

    def channel(self, endpoint: str) -> grpc.aio.Channel:
        if self.uses_tls(endpoint):
            return grpc.aio.secure_channel(endpoint, self.credentials(), _CHANNEL)
        return grpc.aio.insecure_channel(endpoint, _CHANNEL)

    async def explained(self, error: KelpieError, endpoint: str) -> KelpieError:
        """The error of a connection, with the fault of TLS that is its reason."""
        return await explained(error, endpoint, self.uses_tls(endpoint), self.cert is not None)


def endpoints_of(given: str | list[str] | None) -> list[str]:
    """The endpoints of the option, else of KELPIE_ENDPOINTS, else the default. Raises OUT_OF_RANGE."""
    given = given or os.environ.get("KELPIE_ENDPOINTS") or DEFAULT_ENDPOINT
    endpoints = [one.strip() for one in (given.split(",") if isinstance(given, str) else given)]
    for one in endpoints:
        found = re.fullmatch(r"(?:\[[^\]]+\]|[^:\s]+):(\d{1,5})", one)
        if not found or not 1 <= int(found[1]) <= 65_535:
            raise invalid(f"{one!r} is no endpoint; an endpoint is host:port, as in {DEFAULT_ENDPOINT}", "OUT_OF_RANGE")
    return endpoints


def is_loopback(endpoint: str) -> bool:
    """Whether the endpoint is on this machine. Of names only localhost counts: no name is looked up."""
    host = endpoint.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def transport(endpoint: str, tokens: Tokens, protection: Protection, network: str | None) -> Transport:
    """One connection for each stream. It opens no stream into another network than ``network``, if this is given."""

    async def connect(messages: AsyncIterator[ConnectRequest]) -> AsyncGenerator[ConnectResponse, None]:
        channel = protection.channel(endpoint)
        token = None
        try:
            token = await tokens.for_stream(channel)
            metadata = metadata_of(token)
            if network is not None:
                await _check_network(channel, network, metadata)
            call = rpc(channel, CONNECT)(messages, metadata=metadata)
            status = FirstStatus(call)
            try:
                async for response in call:
                    yield response
            except grpc.aio.AioRpcError as error:
                if not status.is_ok:
                    raise status.error or error from None
        except grpc.aio.AioRpcError as error:
            raise await protection.explained(tokens.refused(token, of_call(error)), endpoint) from None
        except KelpieError as error:
            raise await protection.explained(error, endpoint) from None
        finally:
            await channel.close()

    return connect


async def _check_network(channel: grpc.aio.Channel, expected: str, metadata: list[tuple[str, str]]) -> None:
    """A node that joins the wrong network would replace the node of its name there."""
    try:
        own = await rpc(channel, GET_OWN_CREDENTIAL)(GetOwnCredentialRequest(), metadata=metadata)
    except grpc.aio.AioRpcError as error:
        # The Welcome of an older coordinator names its network too, later.
        if of_call(error).reason != "NOT_A_COORDINATOR":
            raise
    else:
        if own.network != expected:
            raise network_mismatch(expected, own.network)


def _pem(given: str | None) -> bytes | None:
    if given is None or "-----BEGIN " in given:
        return given.encode() if given else None
    try:
        content = Path(given).read_bytes()
    except OSError as error:
        raise KelpieError("FILE_INVALID", f"{given} cannot be read: {error.strerror}") from None
    if b"-----BEGIN " in content:
        return content
    raise KelpieError("FILE_INVALID", f"{given} has nothing in PEM, with -----BEGIN")
