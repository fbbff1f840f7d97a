"""The token that a client shows: a fixed one, or that of a file, which the client reads at each use."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from pathlib import Path

import grpc

from kelpie.errors import KelpieError, invalid, of_call
from kelpie.rpc import JOIN, rpc
from kelpie.v1.access_service_pb2 import JoinRequest

# The pause before a refused token of a file is shown again: somebody may replace the file.
_REFUSED_SECONDS = 15.0
_REFUSALS = ("CREDENTIAL_INVALID", "CREDENTIAL_EXPIRED", "CREDENTIAL_REVOKED")
# Refusals of Join by which no Join has accepted the token that waits, nor an earlier one.
_NOT_ACCEPTED = ("JOIN_TOKEN_USED", "RIGHT_MISSING", "NODE_NAME_INVALID", "CREDENTIAL_REQUIRED")
# A text that a header can carry. Only the coordinator judges the form of its tokens.
_CARRIED = re.compile(r"[\x21-\x7e]{1,1024}")
_FILE_BYTES = 4096


class Tokens:
    """A message of it never shows a token, nor a text that was given in its place."""

    def __init__(self, token: str | None, file: str | None, join_token: str | None, node: str | None) -> None:
        """Raises VALUE_INVALID. Only a node can join: without ``node`` a join token is left out."""
        if token is None and file is None:
            token, file = _variable("KELPIE_TOKEN"), _variable("KELPIE_TOKEN_FILE")
        if token is not None and file is not None:
            raise invalid("a token and a token file are both set (options, or KELPIE_TOKEN and KELPIE_TOKEN_FILE)")
        if join_token is None and token is None:
            join_token = _variable("KELPIE_JOIN_TOKEN")
        self._token = None if token is None else _checked(token, "token")
        self._join_token = None if join_token is None or node is None else _checked(join_token, "join_token")
        self._file = Path(file) if file else None
        self._node = node
        # The token that a coordinator refused last.
        self._refused: str | None = None
        if self._join_token and not self._file:
            raise invalid("a join token needs token_file or KELPIE_TOKEN_FILE, for the token of this node")

    def current(self) -> str | None:
        """The token to show now; None: none. Raises FILE_INVALID: a later attempt may succeed."""
        if not self._file:
            return self._token
        found = _read(self._file)
        if found is None:
            raise KelpieError("FILE_INVALID", f"the token file {self._file} does not exist")
        return found

    async def for_stream(self, channel: grpc.aio.Channel) -> str | None:
        """The token for a stream on this channel. A node that has only a join token joins first."""
        if self._join_token and self._file and _read(self._file) is None:
            try:
                await self._join(channel, self._file)
            except KelpieError as error:
                raise _not_joined(error) from None
        return self.current()

    def renewed(self) -> bool:
        """Whether the file has another token than the refused one, or the node can join again: True once a refusal."""
        if not self._file or not self._refused:
            return False
        try:
            found = _read(self._file) or self._join_token
        except KelpieError:
            return False
        if found is None or found == self._refused:
            return False
        self._refused = None
        return True

    def refused(self, token: str | None, error: KelpieError) -> KelpieError:
        """The error of a stream, with what to do about it. A file may get another token: no refusal is permanent."""
        self._refused = token if error.reason in _REFUSALS else None
        if not self._file or error.reason not in _REFUSALS:
            return error
        again = ", or remove the file, and the node joins again" if self._join_token else ""
        message = f"{error.message}; the token is that of {self._file}: write a new one into it{again}"
        return KelpieError(error.reason, message, retry_after=max(_REFUSED_SECONDS, error.retry_after))

    async def _join(self, channel: grpc.aio.Channel, file: Path) -> None:
        waiting = file.with_name(file.name + ".joining")
        for last in (False, True):
            # It is on the disk before the coordinator sees its hash: a lost answer costs no further use.
            request = JoinRequest(node_name=self._node, token_hash=hashlib.sha256(_waiting(waiting).encode()).digest())
            try:
                await rpc(channel, JOIN)(request, metadata=metadata_of(self._join_token))
            except grpc.aio.AioRpcError as call:
                error = of_call(call)
                # Another join token has made a credential with it, and its answer was lost.
                taken = error.reason == "RIGHTS_INVALID" and error.metadata.get("field") == "token_hash"
                if taken or error.reason in _NOT_ACCEPTED:
                    waiting.unlink(missing_ok=True)
                if last or not taken:
                    raise error from None
            else:
                os.replace(waiting, file)
                return


def metadata_of(token: str | None) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")] if token else []


def _variable(name: str) -> str | None:
    # An empty variable counts as not set.
    return os.environ.get(name, "").strip() or None


def _checked(token: str, field: str) -> str:
    if isinstance(token, str) and _CARRIED.fullmatch(token):
        return token
    raise invalid(f'{field} is no token; a token is klp_ and 43 letters, digits, "_" and "-", without spaces')


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES + 1)
        return _checked(content.decode().strip() if len(content) <= _FILE_BYTES else "", "its content")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KelpieError) as error:
        why = error.message if isinstance(error, KelpieError) else "it is no readable file of a token"
        raise KelpieError("FILE_INVALID", f"{path}: {why}") from None


def _waiting(path: Path) -> str:
    """The token that waits for its Join: that of an earlier attempt, or a new one that only its user can read."""
    drawn = "klp_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    own = path.with_name(f"{path.name}.{drawn[-8:]}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(drawn + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # Of several processes one makes the file, whole, and the others read it.
            os.link(own, path)
        except FileExistsError:
            return _read(path) or drawn
        return drawn
    except OSError as error:
        raise KelpieError("FILE_INVALID", f"{path} cannot be written: {error.strerror}") from None
    finally:
        own.unlink(missing_ok=True)


def _not_joined(error: KelpieError) -> KelpieError:
    used = error.reason == "JOIN_TOKEN_USED"
    why = error.message
    if error.reason == "CREDENTIAL_REQUIRED":
        why = "it is no join token of this coordinator; set the token of the node as token or KELPIE_TOKEN"
    help = "; get a new one: kelpie token create --join" if used or error.reason in _REFUSALS else ""
    message = f"the node cannot join with its join token: {why}{help}"
    return KelpieError(error.reason, message, permanent=error.permanent or used, retry_after=error.retry_after)
