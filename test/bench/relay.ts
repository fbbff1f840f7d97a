/**
 * A process that relays events in the plain way: it encodes and writes each event once for each subscriber. It applies
 * backpressure: a slow subscriber gets a queue, and while a queue is long, the process reads from no publisher.
 */
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import type { Event, EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { echo, relay } from './relay-contract.js';

type Call = ServerDuplexStream<EventDraft, Event>;

/** If the queue of a subscriber is longer than this, the process stops reading from publishers. */
const QUEUE_EVENTS = 1024;

const subscribers = new Set<Subscriber>();
const publishers = new Set<Call>();
let sequence = 0;

class Subscriber {
  readonly #call: Call;
  #queue: Event[] = [];
  #full = false;

  constructor(call: Call) {
    this.#call = call;
    call.on('drain', () => this.#flush());
  }

  get slow(): boolean {
    return this.#queue.length > QUEUE_EVENTS;
  }

  send(event: Event): void {
    if (this.#full) this.#queue.push(event);
    else this.#full = !this.#call.write(event);
  }

  #flush(): void {
    this.#full = false;
    let sent = 0;
    for (const event of this.#queue) {
      if (this.#full) break;
      this.#full = !this.#call.write(event);
      sent += 1;
    }
    this.#queue.splice(0, sent);
    if (!anySlow()) for (const publisher of publishers) publisher.resume();
  }
}

function anySlow(): boolean {
  for (const subscriber of subscribers) if (subscriber.slow) return true;
  return false;
}

function publish(call: Call, { topic, payload }: EventDraft): void {
  const body = payload && ({ $case: 'messagePublished', value: payload } as const);
  const event: Event = {
    sequence: ++sequence,
    topic,
    source: 'publisher',
    time: new Date(),
    body,
  };
  for (const subscriber of subscribers) subscriber.send(event);
  if (!anySlow()) return;
  publishers.add(call);
  call.pause();
}

function subscribe(call: Call): void {
  const subscriber = new Subscriber(call);
  subscribers.add(subscriber);
  call.on('close', () => subscribers.delete(subscriber));
  // The answer means that the subscriber gets every event from now on.
  call.sendMetadata(call.metadata);
}

function connect(call: Call): void {
  call.on('data', (draft: EventDraft) => (draft.payload ? publish(call, draft) : subscribe(call)));
  call.on('close', () => publishers.delete(call));
  call.on('error', () => publishers.delete(call));
  call.on('end', () => call.end());
}

const server = new Server({ 'grpc.enable_channelz': 0 });
const answer: handleUnaryCall<EventDraft, EventDraft> = ({ request }, done) => done(null, request);
server.addService({ connect: relay, echo }, { connect, echo: answer });
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.once('disconnect', () => process.exit());
