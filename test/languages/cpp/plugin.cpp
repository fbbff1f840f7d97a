// What a plugin in C++ writes.
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include "kelpie/v1/session_service.grpc.pb.h"

using namespace kelpie::v1;

static Hello hello() {
  Hello hello;
  hello.set_name("lobby-1");
  hello.set_role(NODE_ROLE_DOWNSTREAM);
  std::random_device random;
  for (int at = 0; at < 16; at++) hello.mutable_instance_id()->push_back(static_cast<char>(random()));
  hello.mutable_address()->set_port(19132);
  (*hello.mutable_labels())["mode"] = "lobby";
  hello.add_topics("chat.*");
  hello.mutable_start()->set_at(START_AT_SNAPSHOT);
  return hello;
}

static std::string read_event(const Event& event) {
  switch (event.body_case()) {
    case Event::kMessagePublished:
      return event.message_published().content().text();
    case Event::kNodeLeft:
      return event.node_left().node().name() + NodeLeaveReason_Name(event.node_left().reason());
    default:
      return "";
  }
}

static std::string read_ack(const PublishAck& ack) {
  for (const auto& rejection : ack.rejections())
    if (rejection.error().reason() == ERROR_REASON_TOPIC_RESERVED) return rejection.error().message();
  return std::to_string(ack.publish_sequence());
}

static std::string read(const CoordinatorFrame& frame) {
  switch (frame.frame_case()) {
    case CoordinatorFrame::kWelcome:
      return "I am " + frame.welcome().node_name();
    case CoordinatorFrame::kEventBatch: {
      std::string all;
      for (const auto& event : frame.event_batch().events()) all += read_event(event);
      return all;
    }
    case CoordinatorFrame::kSnapshot:
      return frame.snapshot().rows(0).node().name();
    case CoordinatorFrame::kPublishAck:
      return read_ack(frame.publish_ack());
    case CoordinatorFrame::kGap:
      return "lost after " + std::to_string(frame.gap().lost_after().sequence());
    default:
      return "";
  }
}

int main() {
  ConnectRequest request;
  *request.add_frames()->mutable_hello() = hello();
  auto* publish = request.add_frames()->mutable_publish();
  publish->set_first_publish_sequence(1);
  auto* draft = publish->add_events();
  draft->set_topic("chat.global");
  draft->mutable_payload()->mutable_content()->set_text("hi");
  if (request.SerializeAsString().empty()) return 1;
  SessionService::NewStub(grpc::CreateChannel("127.0.0.1:50051", grpc::InsecureChannelCredentials()));

  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  google::protobuf::ListValue frames;
  if (!google::protobuf::util::JsonStringToMessage(text, &frames).ok()) return 1;
  for (const auto& one : frames.values()) {
    std::string json;
    CoordinatorFrame frame;
    if (!google::protobuf::util::MessageToJsonString(one.struct_value(), &json).ok() ||
        !google::protobuf::util::JsonStringToMessage(json, &frame).ok() || read(frame).empty()) {
      std::cerr << "not known: " << json << "\n";
      return 1;
    }
  }
}
