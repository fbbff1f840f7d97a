/** The parts of a session after its Hello. */
import type { Access } from '../access/access.js';
import { Feed } from '../delivery/feed.js';
import type { Opened } from './handshake.js';
import type { Outbound } from './outbound.js';
import { Publisher } from './publisher.js';
import { Requests } from './requests.js';
import type { SessionServices } from './services.js';

export interface Active {
  readonly name: string;
  readonly generation: number;
  readonly feed: Feed;
  readonly publisher: Publisher;
  readonly requests: Requests;
}

/** Builds the parts of the session that `opened` describes. */
export function activate(
  services: SessionServices,
  opened: Opened,
  { outbound, access }: { outbound: Outbound; access: Access },
): Active {
  const { name, instance, generation, stored, filter, patterns, window, start, host } = opened;
  const { wake } = outbound;
  const feed = new Feed({ ...services, filter, start, window, wake });
  outbound.follow(feed);
  const fence = services.nodeRows.fence(name, generation);
  const publisher = new Publisher({ ...services, name, instance, fence, stored, wake, access });
  const parts = { services, outbound, feed, patterns, publisher };
  const requests = new Requests({ ...parts, name, instance, generation, host, access });
  return { name, generation, feed, publisher, requests };
}
