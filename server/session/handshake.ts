/** From Hello to Welcome: the coordinator checks everything before it changes anything. */
import { Durability, type Limits as WireLimits } from '../../gen/ts/kelpie/v1/coordinator.js';
import { Hello, type Welcome, WelcomeOutcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { checkFrame } from '../access/table.js';
import type { Access } from '../access/access.js';
import type { Clock } from '../core/clock.js';
import type { Cursor } from '../core/cursor.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import type { PatternHold } from '../delivery/pattern-budget.js';
import { inboxOf, TOPIC_BYTES, TOPIC_TOKENS } from '../topics/topic.js';
import type { TopicFilter } from '../topics/filter.js';
import { nodeOf } from '../nodes/node.js';
import type { Claimed } from '../nodes/claims.js';
import { filterOf, type ReadingStart, startOf } from '../delivery/start.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import type { SessionServices } from './services.js';
import { defaultWindow, type WindowSize } from '../delivery/window.js';

/** The result of a Hello. */
export interface Opened {
  readonly name: string;
  readonly instance: Uint8Array;
  readonly generation: number;
  readonly outcome: Claimed['outcome'];
  /** The highest publish sequence that the journal has of this instance. */
  readonly stored: number | undefined;
  readonly filter: TopicFilter;
  readonly patterns: PatternHold;
  readonly window: WindowSize;
  readonly start: ReadingStart;
  readonly welcome: Welcome;
  /** The host that the stream comes from. */
  readonly host: string;
}

/** The services that a Hello uses. */
type HelloServices = Pick<
  SessionServices,
  'network' | 'claims' | 'probe' | 'identity' | 'limits' | 'times' | 'clock'
>;

/** Claims the node for the session. Throws the errors that the contract lists at Hello. */
export async function open(
  services: HelloServices,
  hello: Hello,
  sessionId: string,
  { host, patterns, access }: { host: string; patterns: PatternHold; access: Access },
): Promise<Opened> {
  const { network, claims, probe, limits } = services;
  checkSize(hello, limits.helloBytes);
  const node = nodeOf(hello, host);
  checkFrame({ $case: 'hello', value: hello }, node.name, access, limits);
  const own = { inbox: inboxOf(node.name), ...(hello.excludeOwn && { excluded: node.name }) };
  const filter = filterOf(hello.topics, limits.patterns, own);
  const window = windowOf(hello, limits);
  patterns.take(filter);
  await startOf(network, hello.start);
  const claimed = await claims.claim(node, sessionId, probe);
  const { generation, outcome } = claimed;
  const { name, instanceId: instance } = node;
  const { start, stored } = await reading(network, hello).catch((error: unknown) => {
    // The node has its name, and no stream.
    claims.lost(name, generation);
    throw error;
  });
  const cursor = start.position;
  const welcome = welcomeOf(services, claimed, { sessionId, stored, name, cursor, access });
  const facts = { name, instance, generation, outcome, stored, welcome, host };
  return { ...facts, filter, patterns, window, start };
}

/** Only after the claim: LATEST is after the node's own arrival, and no older stream can publish any more. */
async function reading(network: Network, { start, instanceId }: Hello) {
  return {
    start: await startOf(network, start),
    stored: await network.journal.producer(instanceId),
  };
}

/** Comes before every other check: anybody may send a Hello. */
function checkSize(hello: Hello, limit: number): void {
  const bytes = Hello.encode(hello).finish().length;
  if (bytes <= limit) return;
  throw new KelpieError(
    'HELLO_TOO_LARGE',
    `the Hello has ${bytes} bytes; the limit is ${limit}; add topics when the session is open`,
    { bytes: String(bytes), limit: String(limit) },
  );
}

function windowOf({ window }: Hello, { windowEvents, windowBytes }: Limits): WindowSize {
  const { events, bytes } = window ?? defaultWindow;
  // A larger number means "no limit" in some languages; it is no mistake.
  if (events > 0 && bytes > 0)
    return { events: Math.min(events, windowEvents), bytes: Math.min(bytes, windowBytes) };
  throw new KelpieError(
    'WINDOW_INVALID',
    `a window of ${events} events and ${bytes} bytes lets nothing through; leave it out for the default`,
  );
}

function welcomeOf(
  { network, identity, times, limits, clock }: HelloServices,
  { generation, outcome }: Claimed,
  opened: {
    sessionId: string;
    stored: number | undefined;
    name: string;
    cursor: Cursor;
    access: Access;
  },
): Welcome {
  const { coordinatorId, version } = identity;
  return {
    sessionId: opened.sessionId,
    coordinatorId,
    generation,
    outcome: WelcomeOutcome[outcome],
    heartbeatInterval: durationOf(times.heartbeatMs),
    maxSilence: durationOf(times.maxSilenceMs),
    grace: durationOf(times.graceMs),
    limits: wireLimits(limits),
    durability: Durability[network.journal.durability],
    publishSequence: opened.stored ?? 0,
    nodeName: opened.name,
    cursor: opened.cursor,
    coordinatorVersion: version,
    features: [],
    network: opened.access.network,
    credentialExpiresIn: timeLeft(opened.access, clock),
  };
}

/** The time until the credential expires. */
function timeLeft(
  { expiresAtMs }: Access,
  clock: Pick<Clock, 'wall'>,
): Welcome['credentialExpiresIn'] {
  if (expiresAtMs === undefined) return undefined;
  return durationOf(Math.max(0, expiresAtMs - clock.wall()));
}

/** The limits as nodes get them. */
export function wireLimits(limits: Limits): WireLimits {
  const { payloadBytes, publishEvents, publishBytes, patterns, messageBytes, helloBytes } = limits;
  const { peerSessions, peerStreams, peerRequests, peerBytes, headerBytes } = limits;
  const { longPatterns, patternBytes, jsonDepth, windowEvents, windowBytes } = limits;
  return {
    topicBytes: TOPIC_BYTES,
    topicTokens: TOPIC_TOKENS,
    ...{ payloadBytes, publishEvents, publishBytes, patterns, messageBytes, helloBytes },
    ...{ peerSessions, peerStreams, peerRequests, peerBytes, headerBytes },
    ...{ longPatterns, patternBytes, jsonDepth, windowEvents, windowBytes },
  };
}
