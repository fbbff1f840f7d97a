"""A client whose coordinator cannot reach its storage: it stays where no other coordinator takes it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from test_session import Seen, run

import kelpie
from kelpie.v1.session_service_pb2 import (
    GOODBYE_REASON_DRAINED,
    ConnectRequest,
    ConnectResponse,
    CoordinatorFrame,
    Drain,
    NodeFrame,
    Welcome,
)


class Stream:
    """A stream of the node, whose frames the test sends."""

    def __init__(self, requests: Any, context: Any) -> None:
        self._requests, self._context = requests, context
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def send(self, **frame: Any) -> None:
        await self._context.write(ConnectResponse(frames=[CoordinatorFrame(**frame)]))

    async def welcome(self) -> None:
        await self.send(welcome=Welcome(node_name="node", publish_sequence=1))

    async def drain(self, seconds: float) -> None:
        window = Duration(nanos=int(seconds * 1e9))
        await self.send(drain=Drain(reconnect_window=window, may_stay=True))

    async def frame(self, kind: str) -> NodeFrame:
        """The next frame of a kind; those before it are dropped."""
        async for message in self._requests:
            for frame in message.frames:
                if frame.WhichOneof("frame") == kind:
                    return frame  # type: ignore[no-any-return]
        raise AssertionError(f"the node ended the stream without {kind}")


class Coordinator(grpc.GenericRpcHandler):
    """Its streams go on until the test ends or refuses them."""

    async def start(self) -> Coordinator:
        self.streams: asyncio.Queue[Stream] = asyncio.Queue()
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers([self])
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(
            self._connect, ConnectRequest.FromString, ConnectResponse.SerializeToString
        )

    async def _connect(self, requests: Any, context: Any) -> None:
        stream = Stream(requests, context)
        await self.streams.put(stream)
        if await stream.over:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the storage is away")

    async def stop(self) -> None:
        await self._server.stop(None)


def test_a_client_stays_until_another_coordinator_takes_it() -> None:
    async def work() -> None:
        one, other = await Coordinator().start(), await Coordinator().start()
        status = Seen()
        client = kelpie.connect("node", "SERVICE", endpoints=[one.endpoint, other.endpoint], on_status=status)
        first = await one.streams.get()
        assert (await first.frame("hello")).hello.features == ["drain-may-stay"]
        await first.welcome()
        await first.drain(0.001)
        (await other.streams.get()).over.set_result(True)
        await asyncio.sleep(0.2)
        assert one.streams.empty() and client.state == "CONNECTED"
        await first.drain(0.001)
        second = await other.streams.get()
        await second.welcome()
        assert (await first.frame("goodbye")).goodbye.reason == GOODBYE_REASON_DRAINED
        await status.until(lambda all: all[-1].type == "connected" and all[-1].endpoint == other.endpoint)
        assert not {"draining", "disconnected"} & set(status.types())
        first.over.set_result(False)
        second.over.set_result(False)
        await client.close()
        await asyncio.gather(one.stop(), other.stop())

    run(work())


def test_a_move_whose_stream_broke_leaves_the_next_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)

    async def work() -> None:
        one, other = await Coordinator().start(), await Coordinator().start()
        client = kelpie.connect("node", "SERVICE", endpoints=[one.endpoint, other.endpoint])
        first = await one.streams.get()
        await first.welcome()
        await client.ready()
        await first.drain(0.9)
        await asyncio.sleep(0.05)
        first.over.set_result(True)
        second = await other.streams.get()
        await second.welcome()
        await second.drain(0.001)
        third = await one.streams.get()
        # The move of the first stream ends in between.
        await asyncio.sleep(1)
        await second.drain(0.0)
        await asyncio.sleep(0.2)
        assert one.streams.empty(), "this Drain is one of the same move"
        third.over.set_result(True)
        await asyncio.sleep(0.2)
        assert client.state == "CONNECTED"
        second.over.set_result(False)
        await client.close()
        await asyncio.gather(one.stop(), other.stop())

    run(work())
