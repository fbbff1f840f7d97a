"""Warnings for a developer who gives no ``on_status``.

Without them, a client that reaches no coordinator, or whose handlers raise, would look like a client without work.
"""

from __future__ import annotations

import logging
import time

from kelpie.errors import KelpieError
from kelpie.status import Status

# The time between two warnings of one kind. The next warning has the number of those that were left out.
_INTERVAL_SECONDS = 60.0
_MOST_LENGTH = 1024

# The token of the node is not good any more.
_CREDENTIAL_ENDED = ("CREDENTIAL_INVALID", "CREDENTIAL_EXPIRED", "CREDENTIAL_REVOKED")
# Errors of attempts whose messages say what to do.
_HAS_ADVICE = (
    *_CREDENTIAL_ENDED,
    "AUTHENTICATION_LIMIT",
    "FILE_INVALID",
    "CERTIFICATE_UNTRUSTED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_WRONG_HOST",
    "CLIENT_CERTIFICATE_REQUIRED",
    "CLIENT_CERTIFICATE_REFUSED",
    "TLS_REQUIRED",
    "TLS_UNSUPPORTED",
)
_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


class Warnings:
    """Writes the problems among the statuses to the logger ``kelpie``, each kind at most once a minute."""

    def __init__(self, node: str) -> None:
        self._node = node
        # For each kind: when it was reported, and how many were left out since.
        self._kinds: dict[str, tuple[float, int]] = {}
        self._endpoint = ""
        # Whether the last stream had a session.
        self._connected = False

    def take(self, status: Status) -> None:
        message = self._message_of(status)
        if message is None:
            return
        # An attempt that fails for another reason is another kind.
        failed = status.type == "disconnected" and status.error
        kind = f"{status.type} {failed.reason}" if failed else status.type
        now = time.monotonic()
        reported, left_out = self._kinds.get(kind, (now - _INTERVAL_SECONDS, 0))
        if now - reported < _INTERVAL_SECONDS:
            self._kinds[kind] = (reported, left_out + 1)
            return
        self._kinds[kind] = (now, 0)
        more = f" ({left_out} more like it since the last warning)" if left_out else ""
        text = f'node "{self._node}": {message}'[:_MOST_LENGTH] + more + "; set on_status to handle it"
        logging.getLogger("kelpie").warning("%s", _printable(text), exc_info=status.cause)

    def _message_of(self, status: Status) -> str | None:
        error = status.error
        if status.type == "connecting":
            self._endpoint = status.endpoint
        elif status.type == "connected":
            self._connected = True
        elif status.type == "disconnected":
            return self._disconnected(error)
        elif status.type == "handler_failed":
            return f'the handler of "{status.pattern}" failed: {status.cause}'
        elif status.type == "refused":
            return f"the coordinator refused a request and did not carry it out: {error}"
        elif status.type == "credential_expiring":
            return (
                f"the credential of the node expires in {_in_words(status.expires_in)}, and its session ends then; an "
                "operator makes a new token with kelpie token rotate"
            )
        elif status.type == "gap":
            return "events were lost and reach no handler; load again all data that the program derives from them"
        elif status.type == "closed" and error:
            return f"the client ended and does not connect again: {error}"
        return None

    def _disconnected(self, error: KelpieError | None) -> str | None:
        """A broken session needs no warning, since the client connects again: unless its token is not good any more.
        A failed attempt may come from a mistake."""
        broke, self._connected = self._connected, False
        if error and broke and error.reason in _CREDENTIAL_ENDED:
            return f"the coordinator at {self._endpoint} ended the session: {error}; the client keeps trying"
        if broke:
            return None
        why = f": {error}" if error else ""
        failed = f"no coordinator accepts the node at {self._endpoint}{why}; the client keeps trying"
        if error and error.reason in _HAS_ADVICE:
            return failed
        return f"{failed}. Is kelpied running there? Set its address with the option endpoints or KELPIE_ENDPOINTS"


def _in_words(seconds: float) -> str:
    """A time, in the largest unit of which it has two."""
    size, unit = next((one for one in _UNITS if seconds >= 2 * one[0]), _UNITS[-1])
    return f"{-int(-seconds // size)} {unit}"


def _printable(text: str) -> str:
    """One line of text: characters that a terminal obeys or takes for a line break are written as escapes."""
    return "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text)
