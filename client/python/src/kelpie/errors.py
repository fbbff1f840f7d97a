"""The one error type of the client, made from the errors of frames and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

from kelpie.v1.error_pb2 import ErrorDetail, ErrorReason

# The codes for a fault of the request itself: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED,
# UNAUTHENTICATED.
_PERMANENT = (3, 5, 7, 12, 16)


class KelpieError(Exception):
    """Decide by ``reason``: a name of ErrorReason in the contract, or one of the client itself.

    The client adds UNAVAILABLE, NOT_A_COORDINATOR, VALUE_INVALID, CLOSED, PUBLISH_QUEUE_FULL, REQUEST_QUEUE_FULL,
    RESULTS_UNREAD, FILE_INVALID, HANDLER_TIMEOUT, CALL_TIMEOUT, NETWORK_MISMATCH, PROTOCOL, UNKNOWN, and of TLS those
    that begin with CERTIFICATE_, CLIENT_CERTIFICATE_ and TLS_.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float = 0.0,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason
        self.message = message
        #: A new attempt alone does not help: the request must change, or the network must.
        self.permanent = permanent
        #: Seconds to wait at least before the next attempt; 0: the coordinator asks for no wait.
        self.retry_after = retry_after
        #: The facts of the message, by name.
        self.metadata = dict(metadata or {})


def invalid(message: str, reason: str = "VALUE_INVALID") -> KelpieError:
    """The error of a value that the client cannot send."""
    return KelpieError(reason, message, permanent=True)


def closed() -> KelpieError:
    return KelpieError("CLOSED", "the client is closed")


def unanswered() -> KelpieError:
    return KelpieError("UNAVAILABLE", "no coordinator is connected to answer; try again")


def of_detail(detail: ErrorDetail) -> KelpieError:
    """The error of a frame."""
    known = detail.reason in ErrorReason.values()
    return KelpieError(
        ErrorReason.Name(detail.reason).removeprefix("ERROR_REASON_") if known else "UNKNOWN",
        detail.message,
        permanent=detail.code in _PERMANENT,
        retry_after=detail.retry_after.ToTimedelta().total_seconds(),
        metadata=detail.metadata,
    )


def of_call(error: grpc.aio.AioRpcError) -> KelpieError:
    """The error of a call or a stream that ended with a status."""
    for name, value in error.trailing_metadata() or ():
        for detail in _details(value) if name == "grpc-status-details-bin" and isinstance(value, bytes) else ():
            return of_detail(detail)
    text = error.details() or "the stream broke"
    code = error.code()
    if code == grpc.StatusCode.UNAVAILABLE:
        return KelpieError("UNAVAILABLE", text)
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return KelpieError("CALL_TIMEOUT", "the call got no answer in time; the coordinator may have done it")
    # An error without an ErrorDetail does not come from a coordinator.
    return KelpieError("NOT_A_COORDINATOR" if code.value[0] in _PERMANENT else "UNKNOWN", text)


def _details(status: bytes) -> Iterator[ErrorDetail]:
    """The field 3 of google.rpc.Status is the list of details. This reads it without the generated code of Google."""
    fields: Iterable[Any] = UnknownFieldSet(Empty.FromString(status))  # type: ignore[assignment]
    for field in fields:
        detail = ErrorDetail()
        if field.field_number == 3 and AnyMessage.FromString(field.data).Unpack(detail):
            yield detail
