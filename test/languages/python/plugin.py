"""What a plugin in Python writes."""

import os

import grpc
from kelpie.v1.cursor_pb2 import START_AT_LATEST, START_AT_SNAPSHOT, Start
from kelpie.v1.error_pb2 import ERROR_REASON_TOPIC_RESERVED
from kelpie.v1.event_pb2 import Content, Event, EventDraft, NodeLeaveReason, Payload
from kelpie.v1.node_pb2 import NODE_STATE_DRAINING, NODE_ROLE_DOWNSTREAM, Address, NodeChange
from kelpie.v1.session_service_pb2 import (
    ConnectRequest,
    CoordinatorFrame,
    Hello,
    NodeFrame,
    PublishAck,
    Publish,
    UpdateOwnNode,
    UpdateSubscription,
)
from kelpie.v1.session_service_pb2_grpc import SessionServiceStub


def hello() -> Hello:
    return Hello(
        name="lobby-1",
        role=NODE_ROLE_DOWNSTREAM,
        instance_id=os.urandom(16),
        address=Address(port=19132),
        labels={"mode": "lobby"},
        topics=["chat.*"],
        start=Start(at=START_AT_SNAPSHOT),
    )


def say(sequence: int, text: str) -> Publish:
    payload = Payload(content=Content(text=text))
    draft = EventDraft(topic="chat.global", payload=payload)
    return Publish(first_publish_sequence=sequence, events=[draft])


def other_topics() -> UpdateSubscription:
    return UpdateSubscription(added_topics=["party.*"], removed_topics=["chat.*"], start_at=START_AT_LATEST)


def drain() -> UpdateOwnNode:
    change = NodeChange(
        labels={"mode": "closing"}, removed_labels=["vip"], state=NODE_STATE_DRAINING
    )
    return UpdateOwnNode(change=change)


def read(frame: CoordinatorFrame) -> str:
    match frame.WhichOneof("frame"):
        case "welcome":
            return "I am " + frame.welcome.node_name
        case "event_batch":
            return "".join(map(read_event, frame.event_batch.events))
        case "snapshot":
            return f"{frame.snapshot.rows[0].node.name} {frame.snapshot.complete}"
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
            return event.node_left.node.name + NodeLeaveReason.Name(event.node_left.reason)
        case _:
            return ""


def read_ack(ack: PublishAck) -> str:
    for rejection in ack.rejections:
        if rejection.error.reason == ERROR_REASON_TOPIC_RESERVED:
            return rejection.error.message
    return str(ack.publish_sequence)


def request() -> ConnectRequest:
    return ConnectRequest(
        frames=[
            NodeFrame(hello=hello()),
            NodeFrame(request_id=1, publish=say(1, "hi")),
            NodeFrame(request_id=2, update_subscription=other_topics()),
            NodeFrame(request_id=3, update_own_node=drain()),
        ]
    )


def main() -> None:
    with grpc.insecure_channel("127.0.0.1:50051") as channel:
        for response in SessionServiceStub(channel).Connect(iter([request()])):
            print(*map(read, response.frames), sep="\n")


if __name__ == "__main__":
    main()
