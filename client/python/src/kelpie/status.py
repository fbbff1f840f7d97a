"""What happens to a client."""

from __future__ import annotations

from dataclasses import dataclass

from kelpie.errors import KelpieError
from kelpie.v1.session_service_pb2 import Welcome
from kelpie.v1.stream_pb2 import Gap


@dataclass(frozen=True)
class Status:
    """One event in the life of a client, for the option ``on_status``.

    ``type`` is one of: ``connecting`` (endpoint), ``connected`` (endpoint, welcome), ``disconnected`` (error, None if
    the stream ended in order; retry_in seconds), ``gap`` (gap: load anew what you keep from events), ``draining``,
    ``refused`` (error: of a request of the client itself), ``handler_failed`` (pattern, cause),
    ``credential_expiring`` (expires_in seconds), ``closed`` (error, None after ``close``).
    """

    type: str
    endpoint: str = ""
    welcome: Welcome | None = None
    error: KelpieError | None = None
    retry_in: float = 0.0
    gap: Gap | None = None
    pattern: str = ""
    cause: Exception | None = None
    expires_in: float = 0.0
