"""What a plugin in Python writes."""

import os

import grpc
from kelpie.v1.cursor_pb2 import START_AT_LATEST, START_AT_SNAPSHOT, Start
from kelpie.v1.error_pb2 import REASON_TOPIC_RESERVED
from kelpie.v1.event_pb2 import Content, Event, EventDraft, LeaveReason, MessagePublished
from kelpie.v1.node_pb2 import NODE_STATE_DRAINING, ROLE_DOWNSTREAM, Address, NodeChange
from kelpie.v1.session_service_pb2 import (
    ConnectRequest,
    CoordinatorFrame,
    Hello,
    NodeFrame,
    PublishAck,
    PublishEvents,
    UpdateNode,
    UpdateSubscription,
)
from kelpie.v1.session_service_pb2_grpc import SessionServiceStub


def hello() -> Hello:
    return Hello(
        name="lobby-1",
        role=ROLE_DOWNSTREAM,
        instance_id=os.urandom(16),
        address=Address(port=19132),
        labels={"mode": "lobby"},
        topics=["chat.*"],
        start=Start(at=START_AT_SNAPSHOT),
    )


def say(sequence: int, text: str) -> PublishEvents:
    message = MessagePublished(content=Content(text=text))
    draft = EventDraft(topic="chat.global", message=message)
    return PublishEvents(first_sequence=sequence, events=[draft])


def other_topics() -> UpdateSubscription:
    return UpdateSubscription(add=["party.*"], remove=["chat.*"], start=START_AT_LATEST)


def drain() -> UpdateNode:
    change = NodeChange(
        set_labels={"mode": "closing"}, remove_labels=["vip"], state=NODE_STATE_DRAINING
    )
    return UpdateNode(change=change)


def read(frame: CoordinatorFrame) -> str:
    match frame.WhichOneof("frame"):
        case "welcome":
            return "I am " + frame.welcome.node_name
        case "event_batch":
            return "".join(map(read_event, frame.event_batch.events))
        case "snapshot":
            return f"{frame.snapshot.rows[0].node.name} {frame.snapshot.last}"
        case "publish_ack":
            return read_ack(frame.publish_ack)
        case "gap":
            return f"lost after {frame.gap.lost_after.sequence}"
        case _:
            return ""


def read_event(event: Event) -> str:
    match event.WhichOneof("body"):
        case "message_published":
            return event.message_published.content.text
        case "node_left":
            return event.node_left.node.name + LeaveReason.Name(event.node_left.reason)
        case _:
            return ""


def read_ack(ack: PublishAck) -> str:
    for rejection in ack.rejections:
        if rejection.error.reason == REASON_TOPIC_RESERVED:
            return rejection.error.message
    return str(ack.sequence)


def request() -> ConnectRequest:
    return ConnectRequest(
        frames=[
            NodeFrame(hello=hello()),
            NodeFrame(request_id=1, publish_events=say(1, "hi")),
            NodeFrame(request_id=2, update_subscription=other_topics()),
            NodeFrame(request_id=3, update_node=drain()),
        ]
    )


def main() -> None:
    with grpc.insecure_channel("127.0.0.1:50051") as channel:
        for response in SessionServiceStub(channel).Connect(iter([request()])):
            print(*map(read, response.frames), sep="\n")


if __name__ == "__main__":
    main()
