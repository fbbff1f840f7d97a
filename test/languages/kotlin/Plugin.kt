// What a plugin in Kotlin writes.

import com.google.protobuf.ByteString
import io.grpc.ManagedChannelBuilder
import kelpie.v1.CoordinatorFrame
import kelpie.v1.CoordinatorFrame.FrameCase
import kelpie.v1.Event
import kelpie.v1.NodeRole
import kelpie.v1.SessionServiceGrpcKt.SessionServiceCoroutineStub
import kelpie.v1.StartAt
import kelpie.v1.address
import kelpie.v1.connectRequest
import kelpie.v1.content
import kelpie.v1.eventDraft
import kelpie.v1.hello
import kelpie.v1.nodeFrame
import kelpie.v1.payload
import kelpie.v1.publish
import kelpie.v1.start
import kotlinx.coroutines.flow.flowOf

fun greeting() = hello {
    name = "lobby-1"
    role = NodeRole.NODE_ROLE_DOWNSTREAM
    instanceId = ByteString.copyFrom(ByteArray(16) { 7 })
    address = address { port = 19132 }
    labels["mode"] = "lobby"
    topics += "chat.*"
    start = start { at = StartAt.START_AT_SNAPSHOT }
}

fun say(sequence: Long, line: String) = publish {
    firstPublishSequence = sequence
    events += eventDraft {
        topic = "chat.global"
        payload = payload { content = content { text = line } }
    }
}

fun read(frame: CoordinatorFrame): String = when (frame.frameCase) {
    FrameCase.WELCOME -> "I am ${frame.welcome.nodeName}"
    FrameCase.EVENT_BATCH -> frame.eventBatch.eventsList.joinToString("", transform = ::readEvent)
    FrameCase.PUBLISH_ACK -> frame.publishAck.publishSequence.toString()
    FrameCase.GAP -> "lost after ${frame.gap.lostAfter.sequence}"
    else -> ""
}

fun readEvent(event: Event): String = when (event.bodyCase) {
    Event.BodyCase.MESSAGE_PUBLISHED -> event.messagePublished.content.text
    Event.BodyCase.NODE_LEFT -> event.nodeLeft.node.name + event.nodeLeft.reason
    else -> ""
}

suspend fun main() {
    val channel = ManagedChannelBuilder.forTarget("127.0.0.1:50051").usePlaintext().build()
    val request = connectRequest {
        frames += nodeFrame { hello = greeting() }
        frames += nodeFrame { requestId = 1; publish = say(1, "hi") }
    }
    SessionServiceCoroutineStub(channel).connect(flowOf(request)).collect { response ->
        response.framesList.forEach { println(read(it)) }
    }
}
