"""Calls by their descriptors: the package needs no generated stubs."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from kelpie.v1.access_service_pb2 import DESCRIPTOR as _ACCESS
from kelpie.v1.session_service_pb2 import DESCRIPTOR as _SESSION

CONNECT: MethodDescriptor = _SESSION.services_by_name["SessionService"].methods_by_name["Connect"]
JOIN: MethodDescriptor = _ACCESS.services_by_name["AccessService"].methods_by_name["Join"]
GET_OWN_CREDENTIAL: MethodDescriptor = _ACCESS.services_by_name["AccessService"].methods_by_name["GetOwnCredential"]


def rpc(channel: grpc.aio.Channel, method: MethodDescriptor) -> Any:
    """The multi-callable of grpc.aio for a call: give it the request, ``metadata`` and ``timeout``."""
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }
    make: Any = kinds[method.client_streaming, method.server_streaming]
    return make(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )


class FirstStatus:
    """The status with which a stream ended. grpcio replaces it with INTERNAL if a write fails after the end
    (its issue 36066), so that the reason of the coordinator would be lost."""

    def __init__(self, call: Any) -> None:
        self.error: grpc.aio.AioRpcError | None = None
        self.is_ok = False
        self._is_known = False
        call.add_done_callback(self._take)

    def _take(self, call: Any) -> None:
        if self._is_known:
            return
        self._is_known = True
        code = _value_of(call.code())
        self.is_ok = code == grpc.StatusCode.OK
        trailing = _value_of(call.trailing_metadata()) or grpc.aio.Metadata()
        self.error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, _value_of(call.details()))


def _value_of(coroutine: Any) -> Any:
    """The value of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("the status of an ended call is not there")
