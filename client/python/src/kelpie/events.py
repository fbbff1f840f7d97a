"""Events as handlers get them, and as a node publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from google.protobuf.message import Message

from kelpie.content import MessageContent, content_from, content_of
from kelpie.errors import invalid
from kelpie.topics import check_topic
from kelpie.v1 import event_pb2 as wire

Origin = Literal["UNSPECIFIED", "NODE"]


@dataclass(frozen=True)
class Event:
    #: The position in the journal. It grows with every event of the network.
    sequence: int
    topic: str
    #: The name of the node that published it; empty if the publisher had no session.
    source: str
    #: When the coordinator took the event, by its clock. For display only: ``sequence`` gives the order.
    time: datetime
    #: The kind of message, its content and the facts beside it; without content for events that are no messages.
    type: str
    content: MessageContent | None
    attributes: Mapping[str, str]
    #: NODE: the publisher's own program wrote the content. UNSPECIFIED: a player may have written it: do not trust it.
    origin: Origin
    #: For events of the coordinator: the name of the change, as ``node_joined``, and the message of the contract.
    kind: str
    body: Message | None


def event_of(event: wire.Event) -> Event:
    kind, message = event.WhichOneof("body") or "", event.message_published
    is_message = kind == "message_published"
    return Event(
        sequence=event.sequence,
        topic=event.topic,
        source=event.source,
        time=event.time.ToDatetime(timezone.utc),
        type=message.type,
        content=content_from(message.content) if is_message else None,
        attributes=dict(message.attributes),
        origin="NODE" if message.origin == wire.MESSAGE_ORIGIN_NODE else "UNSPECIFIED",
        kind="" if is_message else kind,
        body=getattr(event, kind) if kind and not is_message else None,
    )


def draft_of(
    topic: str, content: MessageContent, type: str, attributes: Mapping[str, str] | None, origin: Origin
) -> wire.EventDraft:
    """The event to publish: a copy. Raises TOPIC_INVALID, TOPIC_RESERVED, VALUE_INVALID or CONTENT_TOO_DEEP."""
    check_topic(topic)
    form = content_of(content)
    try:
        payload = wire.Payload(type=type, content=form, attributes=attributes, origin=f"MESSAGE_ORIGIN_{origin}")
    except (TypeError, ValueError) as error:
        raise invalid(f"type, attributes or origin cannot be sent: {error}") from None
    return wire.EventDraft(topic=topic, payload=payload)
