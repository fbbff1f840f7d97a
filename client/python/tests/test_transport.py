"""How a stream ends: the status of the coordinator counts, also when the node writes at that moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from test_session import run

import kelpie
from kelpie.tokens import Tokens
from kelpie.transport import Protection, transport
from kelpie.v1.session_service_pb2 import ConnectRequest, Goodbye, NodeFrame


class _Refusing(grpc.GenericRpcHandler):
    def service(self, details: Any) -> Any:
        async def refuse(requests: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no entry")

        return grpc.stream_stream_rpc_method_handler(refuse)


async def _messages() -> AsyncIterator[ConnectRequest]:
    for _ in range(3):
        yield ConnectRequest(frames=[NodeFrame(goodbye=Goodbye())])


def test_the_status_of_a_refusal_while_the_node_writes() -> None:
    async def work() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([_Refusing()])
        endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        connect = transport(endpoint, Tokens(None, None, None, "a"), Protection(), None)
        seen = set()
        for _ in range(300):
            try:
                async for _ in connect(_messages()):
                    pass
            except kelpie.KelpieError as error:
                seen.add((error.reason, error.message))
        assert seen == {("NOT_A_COORDINATOR", "no entry")}
        await server.stop(None)

    run(work())
