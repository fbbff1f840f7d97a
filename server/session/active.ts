/** A session after its Hello: its parts, put together, and how far they are. */
import type { Session as SessionReport } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { Feed } from '../delivery/feed.js';
import type { Opened } from './handshake.js';
import type { Hub } from './registry.js';
import type { Outbound } from './outbound.js';
import { Publisher } from './publisher.js';
import { Requests } from './requests.js';

export interface Active {
  readonly name: string;
  readonly generation: number;
  readonly feed: Feed;
  readonly publisher: Publisher;
  readonly requests: Requests;
}

/** Puts the parts of an opened session together. */
export function activate(hub: Hub, outbound: Outbound, opened: Opened): Active {
  const { name, instance, generation, stored, filter, patterns, window, start, host } = opened;
  const { network, subscriptions, pages } = hub;
  const { wake } = outbound;
  const feed = new Feed({ network, pages, filter, start, window, wake });
  const publisher = new Publisher({ network, name, instance, generation, stored, wake });
  subscriptions.put(feed);
  outbound.follow(feed);
  const parts = { hub, outbound, feed, patterns, publisher };
  const requests = new Requests({ ...parts, name, instance, generation, host });
  return { name, generation, feed, publisher, requests };
}

/** How far a session is. */
export function reportOf(
  { name: nodeName, generation, feed }: Active,
  sessionId: string,
  hub: Hub,
  { queuedBytes }: Outbound,
): SessionReport {
  const { position, wakeups, unacknowledgedBytes } = feed;
  const entriesBehind = Math.max(0, hub.network.tail.head.sequence - position.sequence);
  const topics = [...feed.filter.patterns];
  return {
    ...{ nodeName, sessionId, generation, position, entriesBehind },
    ...{ unacknowledgedBytes, queuedBytes, wakeups, topics },
  };
}
