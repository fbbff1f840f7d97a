"""What happens to a client."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kelpie.errors import KelpieError
from kelpie.v1.session_service_pb2 import Welcome
from kelpie.v1.stream_pb2 import Gap

# What a program without `on_status` should see all the same.
_PROBLEMS = ("gap", "refused", "handler_failed", "credential_expiring")


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


def log(status: Status) -> None:
    """Writes a problem as a warning to the logger ``kelpie``."""
    if status.type in _PROBLEMS or status.error:
        facts = status.error or status.pattern or status.gap or f"in {status.expires_in:.0f} s"
        logging.getLogger("kelpie").warning("%s: %s", status.type, facts, exc_info=status.cause)
