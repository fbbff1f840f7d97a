// What a plugin in Go writes.
package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	kelpiev1 "kelpie/gen/go/kelpie/v1"
)

func hello() *kelpiev1.Hello {
	instanceID := make([]byte, 16)
	rand.Read(instanceID)
	return &kelpiev1.Hello{
		Name:       "lobby-1",
		Role:       kelpiev1.NodeRole_NODE_ROLE_DOWNSTREAM,
		InstanceId: instanceID,
		Address:    &kelpiev1.Address{Port: 19132},
		Labels:     map[string]string{"mode": "lobby"},
		Topics:     []string{"chat.*"},
		Start:      &kelpiev1.Start{Place: &kelpiev1.Start_At{At: kelpiev1.StartAt_START_AT_SNAPSHOT}},
	}
}

func say(sequence uint64, text string) *kelpiev1.Publish {
	return &kelpiev1.Publish{
		FirstPublishSequence: sequence,
		Events: []*kelpiev1.EventDraft{{
			Topic: "chat.global",
			Payload: &kelpiev1.Payload{
				Content: &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: text}},
			},
		}},
	}
}

func otherTopics() *kelpiev1.UpdateSubscription {
	return &kelpiev1.UpdateSubscription{
		AddedTopics:   []string{"party.*"},
		RemovedTopics: []string{"chat.*"},
		StartAt:       kelpiev1.StartAt_START_AT_LATEST,
	}
}

func drain() *kelpiev1.UpdateOwnNode {
	return &kelpiev1.UpdateOwnNode{Change: &kelpiev1.NodeChange{
		Labels:        map[string]string{"mode": "closing"},
		RemovedLabels: []string{"vip"},
		State:         kelpiev1.NodeState_NODE_STATE_DRAINING,
	}}
}

func read(frame *kelpiev1.CoordinatorFrame) string {
	switch frame := frame.GetFrame().(type) {
	case *kelpiev1.CoordinatorFrame_Welcome:
		return "I am " + frame.Welcome.GetNodeName()
	case *kelpiev1.CoordinatorFrame_EventBatch:
		text := ""
		for _, event := range frame.EventBatch.GetEvents() {
			switch body := event.GetBody().(type) {
			case *kelpiev1.Event_MessagePublished:
				text += body.MessagePublished.GetContent().GetText()
			case *kelpiev1.Event_NodeLeft:
				text += body.NodeLeft.GetNode().GetName() + body.NodeLeft.GetReason().String()
			}
		}
		return text
	case *kelpiev1.CoordinatorFrame_Snapshot:
		return fmt.Sprint(frame.Snapshot.GetRows()[0].GetNode().GetName(), frame.Snapshot.GetComplete())
	case *kelpiev1.CoordinatorFrame_PublishAck:
		for _, rejection := range frame.PublishAck.GetRejections() {
			if rejection.GetError().GetReason() == kelpiev1.ErrorReason_ERROR_REASON_TOPIC_RESERVED {
				return rejection.GetError().GetMessage()
			}
		}
		return fmt.Sprint(frame.PublishAck.GetPublishSequence())
	case *kelpiev1.CoordinatorFrame_Gap:
		return fmt.Sprint("lost after ", frame.Gap.GetLostAfter().GetSequence())
	default:
		return ""
	}
}

func main() {
	channel, err := grpc.NewClient("127.0.0.1:50051", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	stream, err := kelpiev1.NewSessionServiceClient(channel).Connect(context.Background())
	if err != nil {
		panic(err)
	}
	stream.Send(&kelpiev1.ConnectRequest{Frames: []*kelpiev1.NodeFrame{
		{Frame: &kelpiev1.NodeFrame_Hello{Hello: hello()}},
		{Frame: &kelpiev1.NodeFrame_Publish{Publish: say(1, "hi")}, RequestId: 1},
		{Frame: &kelpiev1.NodeFrame_UpdateSubscription{UpdateSubscription: otherTopics()}, RequestId: 2},
		{Frame: &kelpiev1.NodeFrame_UpdateOwnNode{UpdateOwnNode: drain()}, RequestId: 3},
	}})
	response, err := stream.Recv()
	if err != nil {
		panic(err)
	}
	for _, frame := range response.GetFrames() {
		fmt.Println(read(frame))
	}
}
