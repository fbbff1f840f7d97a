/** Finds the Redis that takes writes: the configured one, the one that sentinels name, or the owner of a slot. */
import type { Host, RedisAddress } from './address.js';
import { messageOf } from './fault.js';
import { DEADLINE_MS, newClient } from './link.js';

/** `tag` is the hash tag of the keys; only a Redis Cluster needs it. Rejects if there is none. */
export async function findPrimary(
  address: RedisAddress,
  ca: string | undefined,
  tag: string,
): Promise<Host> {
  const [first] = address.hosts;
  if (address.kind === 'single' && first) return first;
  let fault: unknown;
  for (const host of address.hosts) {
    try {
      const found = await (address.kind === 'sentinel'
        ? askSentinel(address, ca, host)
        : askCluster(address, ca, host, tag));
      if (found) return found;
    } catch (error) {
      fault = error;
    }
  }
  const who = address.kind === 'sentinel' ? 'no sentinel knows a primary' : 'no node has the slot';
  throw new Error(fault === undefined ? who : `${who}: ${messageOf(fault)}`);
}

async function askSentinel(
  address: RedisAddress,
  ca: string | undefined,
  sentinel: Host,
): Promise<Host | undefined> {
  // A user of Redis is none of the sentinels.
  const anonymous = { ...address, username: undefined, password: undefined };
  const command = ['SENTINEL', 'get-master-addr-by-name', address.primary];
  const found = (await ask(anonymous, ca, sentinel, command)) as [Buffer, Buffer] | null;
  return found ? { host: found[0].toString(), port: Number(found[1].toString()) } : undefined;
}

/** Any node of a cluster knows the owner of each slot. An empty host means the node that was asked. */
async function askCluster(
  address: RedisAddress,
  ca: string | undefined,
  node: Host,
  tag: string,
): Promise<Host | undefined> {
  const slot = (await ask(address, ca, node, ['CLUSTER', 'KEYSLOT', `{${tag}}`])) as number;
  const ranges = (await ask(address, ca, node, ['CLUSTER', 'SLOTS'])) as [
    number,
    number,
    [Buffer | null, number],
  ][];
  const range = ranges.find(([first, last]) => first <= slot && slot <= last);
  if (!range) return undefined;
  const [host, port] = range[2];
  return { host: host?.length ? host.toString() : node.host, port };
}

async function ask(
  address: RedisAddress,
  ca: string | undefined,
  host: Host,
  command: string[],
): Promise<unknown> {
  const client = newClient({ address: { ...address, database: 0 }, ca }, host);
  client.on('error', () => undefined);
  const timer = setTimeout(() => client.destroy(), DEADLINE_MS / 2);
  try {
    await client.connect();
    return await client.sendCommand(command);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}
