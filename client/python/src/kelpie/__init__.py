"""A client of Kelpie, the coordinator of Minecraft Bedrock networks."""

import os

# gRPC would write lines of its own to stderr at each attempt. It reads this when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from kelpie.api import Api, reach_api
from kelpie.client import VERSION as __version__
from kelpie.client import Client
from kelpie.commands import Command
from kelpie.errors import KelpieError
from kelpie.events import Event
from kelpie.issued import Result
from kelpie.status import Status
from kelpie.subscriptions import Subscription

#: Connects a node. Its options are those of ``Client``.
connect = Client

__all__ = [
    "Api",
    "Client",
    "Command",
    "Event",
    "KelpieError",
    "Result",
    "Status",
    "Subscription",
    "__version__",
    "connect",
    "reach_api",
]
