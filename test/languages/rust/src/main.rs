//! What a plugin in Rust writes.

mod kelpie {
    #[allow(clippy::all)]
    pub mod v1 {
        // The generated file includes the stubs, which lie beside it.
        include!(concat!(env!("KELPIE_V1"), "/v1/kelpie.v1.rs"));
    }
}

use kelpie::v1::session_service_client::SessionServiceClient;
use kelpie::v1::{
    content, coordinator_frame, event, node_frame, start, Address, ConnectRequest, Content,
    CoordinatorFrame, ErrorReason, Event, EventDraft, Hello, NodeFrame, NodeRole, Payload, Publish,
    PublishAck, Start, StartAt,
};
use prost::Message;
use tonic::{transport::Endpoint, IntoStreamingRequest};

fn hello() -> Hello {
    Hello {
        name: "lobby-1".into(),
        role: NodeRole::Downstream.into(),
        instance_id: vec![7; 16],
        address: Some(Address { port: 19132, ..Default::default() }),
        labels: [("mode".to_string(), "lobby".to_string())].into(),
        topics: vec!["chat.*".into()],
        start: Some(Start { place: Some(start::Place::At(StartAt::Snapshot.into())) }),
        ..Default::default()
    }
}

fn say(sequence: u64, text: &str) -> Publish {
    let content = Content { form: Some(content::Form::Text(text.into())) };
    let payload = Payload { content: Some(content), ..Default::default() };
    let draft = EventDraft { topic: "chat.global".into(), payload: Some(payload) };
    Publish { first_publish_sequence: sequence, events: vec![draft] }
}

fn read(frame: &CoordinatorFrame) -> String {
    use coordinator_frame::Frame;
    match &frame.frame {
        Some(Frame::Welcome(welcome)) => format!("I am {}", welcome.node_name),
        Some(Frame::EventBatch(batch)) => batch.events.iter().map(read_event).collect(),
        Some(Frame::PublishAck(ack)) => read_ack(ack),
        Some(Frame::Gap(gap)) => format!("lost after {:?}", gap.lost_after),
        _ => String::new(),
    }
}

fn read_event(event: &Event) -> String {
    match &event.body {
        Some(event::Body::MessagePublished(message)) => format!("{:?}", message.content),
        Some(event::Body::NodeLeft(left)) => left.reason().as_str_name().into(),
        _ => String::new(),
    }
}

fn read_ack(ack: &PublishAck) -> String {
    let refused = ack.rejections.iter().filter_map(|one| one.error.as_ref());
    let reserved = refused.filter(|error| error.reason() == ErrorReason::TopicReserved);
    reserved.map(|error| error.message.clone()).collect()
}

/// How a program with an executor holds its session.
#[allow(dead_code)]
async fn session(requests: impl IntoStreamingRequest<Message = ConnectRequest>) -> Result<(), tonic::Status> {
    let channel = Endpoint::from_static("http://127.0.0.1:50051").connect_lazy();
    let mut responses = SessionServiceClient::new(channel).connect(requests).await?.into_inner();
    while let Some(response) = responses.message().await? {
        response.frames.iter().for_each(|frame| println!("{}", read(frame)));
    }
    Ok(())
}

fn main() {
    let frame = |request_id, frame| NodeFrame { request_id, frame: Some(frame) };
    let request = ConnectRequest {
        frames: vec![
            frame(0, node_frame::Frame::Hello(hello())),
            frame(1, node_frame::Frame::Publish(say(1, "hi"))),
        ],
    };
    let again = ConnectRequest::decode(request.encode_to_vec().as_slice());
    assert_eq!(again.as_ref(), Ok(&request));
}
