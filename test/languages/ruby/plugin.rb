# What a plugin in Ruby writes.

require 'json'
require 'securerandom'

out, frames = ARGV
Dir["#{out}/kelpie/v1/*_pb.rb"].sort.each { |file| require file }

include Kelpie::V1

def hello
  Hello.new(
    name: 'lobby-1',
    role: :NODE_ROLE_DOWNSTREAM,
    instance_id: SecureRandom.random_bytes(16),
    address: Address.new(port: 19_132),
    labels: { 'mode' => 'lobby' },
    topics: ['chat.*'],
    start: Start.new(at: :START_AT_SNAPSHOT)
  )
end

def say(sequence, text)
  payload = Payload.new(content: Content.new(text: text))
  draft = EventDraft.new(topic: 'chat.global', payload: payload)
  Publish.new(first_publish_sequence: sequence, events: [draft])
end

def read(frame)
  case frame.frame
  when :welcome then "I am #{frame.welcome.node_name}"
  when :event_batch then frame.event_batch.events.map { |event| read_event(event) }.join
  when :snapshot then "#{frame.snapshot.rows[0].node.name} #{frame.snapshot.complete}"
  when :publish_ack then read_ack(frame.publish_ack)
  when :gap then "lost after #{frame.gap.lost_after.sequence}"
  else ''
  end
end

def read_event(event)
  case event.body
  when :message_published then event.message_published.content.text
  when :node_left then "#{event.node_left.node.name} #{event.node_left.reason}"
  else ''
  end
end

def read_ack(ack)
  refused = ack.rejections.find { |one| one.error.reason == :ERROR_REASON_TOPIC_RESERVED }
  refused ? refused.error.message : ack.publish_sequence.to_s
end

request = ConnectRequest.new(
  frames: [NodeFrame.new(hello: hello), NodeFrame.new(request_id: 1, publish: say(1, 'hi'))]
)
ConnectRequest.decode(ConnectRequest.encode(request)) == request or abort('the request changed on its way')
SessionService::Stub.new('127.0.0.1:50051', :this_channel_is_insecure)
JSON.parse(File.read(frames)).each do |frame|
  read(CoordinatorFrame.decode_json(JSON.generate(frame))).empty? and abort("not known: #{frame}")
end
