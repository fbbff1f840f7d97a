"""The first frame of a node, made of the options of its program."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from kelpie.errors import KelpieError, invalid
from kelpie.v1.coordinator_pb2 import Limits
from kelpie.v1.cursor_pb2 import Cursor, Start
from kelpie.v1.node_pb2 import Address, NodeChange
from kelpie.v1.session_service_pb2 import Hello

Role = Literal["PROXY", "DOWNSTREAM", "SERVICE"]
State = Literal["STARTING", "READY", "DRAINING", "MAINTENANCE"]
#: Host and port, or the port alone: then the host is the address that the coordinator sees.
AddressOption: TypeAlias = "tuple[str, int] | int"
#: LATEST: only what comes from now on. EARLIEST: the oldest event that the coordinator has. A timedelta: so long ago.
#: A Cursor: after the events that a process before had processed, see ``Client.cursor``.
StartOption: TypeAlias = "Literal['LATEST', 'EARLIEST'] | timedelta | Cursor"

_Facts = TypeVar("_Facts", Hello, NodeChange)

# The limits before the first Welcome.
_PATTERNS = 1000
_HELLO_BYTES = 64 * 1024


def facts_of(
    make: Callable[..., _Facts], *, address: Any, public_address: Any, state: str | None, **facts: Any
) -> _Facts:
    """A Hello or a NodeChange. Raises VALUE_INVALID or OUT_OF_RANGE."""
    if state == "UNREACHABLE":
        raise invalid("only the coordinator sets the state UNREACHABLE", "OUT_OF_RANGE")
    named = {} if state is None else {"state": name_of("state", state, State)}
    try:
        places = {"address": _address(address), "public_address": _address(public_address)}
        return make(**named, **places, **facts)
    except (TypeError, ValueError) as error:
        raise invalid(f"an option cannot be sent: {error}") from None


def name_of(option: str, given: str, names: Any) -> str:
    """The name of a role or a state in the contract. Raises VALUE_INVALID."""
    if given in get_args(names):
        return f"NODE_{option.upper()}_{given}"
    raise invalid(f"{option} is {given!r}; it must be one of {', '.join(get_args(names))}")


def _address(given: AddressOption | None) -> Address | None:
    if given is None:
        return None
    host, port = ("", given) if isinstance(given, int) else given
    if 0 < port < 65_536:
        return Address(host=host, port=port)
    raise invalid(f"{port} is no port; a port is 1 to 65535", "OUT_OF_RANGE")


def start_of(given: StartOption) -> Start:
    if isinstance(given, Cursor):
        return Start(after=given)
    if isinstance(given, timedelta) and given >= timedelta(0):
        return Start(since=given)
    if given in ("LATEST", "EARLIEST"):
        return Start(at=f"START_AT_{given}")
    raise invalid(f"start is {given!r}; it must be LATEST, EARLIEST, a timedelta or a Cursor")


def check_room(hello: Hello, limits: Limits) -> None:
    """A coordinator refuses a node whose Hello is above its limits. Raises PATTERN_LIMIT or HELLO_TOO_LARGE."""
    patterns = limits.patterns or _PATTERNS
    if len(hello.topics) > patterns:
        raise _over("PATTERN_LIMIT", f"a node reads at most {patterns} patterns; use wildcards", patterns)
    limit = limits.hello_bytes or _HELLO_BYTES
    if hello.ByteSize() > limit:
        message = f"patterns, commands and labels of a node take at most {limit} bytes; these take {hello.ByteSize()}"
        raise _over("HELLO_TOO_LARGE", message, limit)


def _over(reason: str, message: str, limit: int) -> KelpieError:
    return KelpieError(reason, message, permanent=True, metadata={"limit": str(limit)})


def change_hello(hello: Hello, change: NodeChange) -> None:
    """The Hello of later streams has the change: a coordinator that lost the node gets all facts of it there."""
    for label in change.removed_labels:
        hello.labels.pop(label, None)
    facts = Hello(labels=change.labels, state=change.state)
    for name in ("max_players", "motd"):
        if change.HasField(name):
            setattr(facts, name, getattr(change, name))
    for name in ("address", "public_address"):
        if change.HasField(name):
            hello.ClearField(name)
            getattr(facts, name).CopyFrom(getattr(change, name))
    hello.MergeFrom(facts)
