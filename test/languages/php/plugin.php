<?php

// What a plugin in PHP writes.

use Kelpie\V1\Address;
use Kelpie\V1\ConnectRequest;
use Kelpie\V1\Content;
use Kelpie\V1\CoordinatorFrame;
use Kelpie\V1\Event;
use Kelpie\V1\EventDraft;
use Kelpie\V1\Hello;
use Kelpie\V1\NodeLeaveReason;
use Kelpie\V1\Payload;
use Kelpie\V1\NodeChange;
use Kelpie\V1\NodeFrame;
use Kelpie\V1\NodeState;
use Kelpie\V1\PublishAck;
use Kelpie\V1\Publish;
use Kelpie\V1\ErrorReason;
use Kelpie\V1\NodeRole;
use Kelpie\V1\Start;
use Kelpie\V1\StartAt;
use Kelpie\V1\UpdateOwnNode;
use Kelpie\V1\UpdateSubscription;

function hello(): Hello
{
    return (new Hello())
        ->setName('lobby-1')
        ->setRole(NodeRole::NODE_ROLE_DOWNSTREAM)
        ->setInstanceId(random_bytes(16))
        ->setAddress((new Address())->setPort(19132))
        ->setLabels(['mode' => 'lobby'])
        ->setTopics(['chat.*'])
        ->setStart((new Start())->setAt(StartAt::START_AT_SNAPSHOT));
}

function say(int $sequence, string $text): Publish
{
    $payload = (new Payload())->setContent((new Content())->setText($text));
    $draft = (new EventDraft())->setTopic('chat.global')->setPayload($payload);
    return (new Publish())->setFirstPublishSequence($sequence)->setEvents([$draft]);
}

function otherTopics(): UpdateSubscription
{
    return (new UpdateSubscription())
        ->setAddedTopics(['party.*'])
        ->setRemovedTopics(['chat.*'])
        ->setStartAt(StartAt::START_AT_LATEST);
}

function drain(): UpdateOwnNode
{
    return (new UpdateOwnNode())->setChange(
        (new NodeChange())
            ->setLabels(['mode' => 'closing'])
            ->setRemovedLabels(['vip'])
            ->setState(NodeState::NODE_STATE_DRAINING)
    );
}

function read(CoordinatorFrame $frame): string
{
    return match ($frame->getFrame()) {
        'welcome' => 'I am ' . $frame->getWelcome()->getNodeName(),
        'event_batch' => implode(array_map('readEvent', [...$frame->getEventBatch()->getEvents()])),
        'snapshot' => $frame->getSnapshot()->getRows()[0]->getNode()->getName()
            . $frame->getSnapshot()->getComplete(),
        'publish_ack' => readAck($frame->getPublishAck()),
        'gap' => 'lost after ' . $frame->getGap()->getLostAfter()->getSequence(),
        default => '',
    };
}

function readEvent(Event $event): string
{
    return match ($event->getBody()) {
        'message_published' => $event->getMessagePublished()->getContent()->getText(),
        'node_left' => $event->getNodeLeft()->getNode()->getName()
            . NodeLeaveReason::name($event->getNodeLeft()->getReason()),
        default => '',
    };
}

function readAck(PublishAck $ack): string
{
    foreach ($ack->getRejections() as $rejection) {
        if ($rejection->getError()->getReason() === ErrorReason::ERROR_REASON_TOPIC_RESERVED) {
            return $rejection->getError()->getMessage();
        }
    }
    return (string) $ack->getPublishSequence();
}

function request(): ConnectRequest
{
    return (new ConnectRequest())->setFrames([
        (new NodeFrame())->setHello(hello()),
        (new NodeFrame())->setRequestId(1)->setPublish(say(1, 'hi')),
        (new NodeFrame())->setRequestId(2)->setUpdateSubscription(otherTopics()),
        (new NodeFrame())->setRequestId(3)->setUpdateOwnNode(drain()),
    ]);
}
