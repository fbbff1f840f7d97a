import { expect } from 'chai';
import { ClientError, Status as Code } from 'nice-grpc-common';
import {
  connect,
  type KelpieClient,
  KelpieError,
  type Status,
  type Transport,
} from '../../../client/index.js';
import { ConnectResponse, Welcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { type Coordinator, startCoordinator } from '../../../server/coordinator.js';
import { Inbox } from '../../support/wire/inbox.js';
import { rejectionOf } from '../../support/thrown.js';

/** Streams that end with these errors, one after the other. All later streams end with the last error. */
function transportOf(
  ...ends: { readonly welcome?: boolean; readonly error: unknown }[]
): Transport {
  let turn = 0;
  return async function* () {
    const { welcome, error } = ends[Math.min(turn++, ends.length - 1)] ?? {};
    if (welcome) {
      const frame = {
        $case: 'welcome',
        value: Welcome.create({ grace: { seconds: 1, nanos: 0 } }),
      } as const;
      yield ConnectResponse.create({ frames: [{ requestId: 0, frame }] });
    }
    throw error as Error;
  };
}

/** An error as a coordinator without a wire throws it. */
const own = (reason: string, code: number, retryAfterMs?: number): Error =>
  Object.assign(new Error(reason), { reason, code, metadata: {}, retryAfterMs });

const foreign = (code: Code): ClientError => new ClientError('/x', code, 'not from a coordinator');

describe('the connection of a client', () => {
  const clients: KelpieClient[] = [];
  let coordinator: Coordinator | undefined;

  const open = (transport: Transport): KelpieClient => {
    const client = connect({ name: 'lobby-1', role: 'DOWNSTREAM', transport });
    clients.push(client);
    return client;
  };

  /** The first statuses, until this many of them report the end of a stream. */
  const history = async (client: KelpieClient, ends: number): Promise<Status[]> => {
    const all: Status[] = [];
    for await (const one of client.status()) {
      all.push(one);
      if (all.filter(({ type }) => type === 'disconnected').length === ends) break;
    }
    return all;
  };

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await coordinator?.stop();
    coordinator = undefined;
  });

  for (const code of [
    Code.INVALID_ARGUMENT,
    Code.UNIMPLEMENTED,
    Code.UNAUTHENTICATED,
    Code.INTERNAL,
  ]) {
    it(`goes on after ${Code[code]} from another program than a coordinator, before Welcome and after it`, async () => {
      for (const welcome of [true, false]) {
        const client = open(transportOf({ welcome, error: foreign(code) }));
        const all = await history(client, 2);
        expect(all.map(({ type }) => type)).to.not.include('closed');
        await client.close();
      }
    });
  }

  it('ends with a permanent error of a coordinator', async () => {
    const client = open(transportOf({ error: own('NODE_NAME_INVALID', 3) }));
    const { reason } = await rejectionOf(KelpieError, client.ready());
    expect(reason).to.equal('NODE_NAME_INVALID');
  });

  it('waits at least the time that the coordinator asks for, and a random time more', async () => {
    const client = open(transportOf({ error: own('SESSION_LIMIT', 8, 60_000) }));
    const [, end] = await history(client, 1);
    expect(end?.type === 'disconnected' && end.retryInMs).to.be.within(59_000, 62_000);
    await client.close();
    const endless = open(transportOf({ error: own('SESSION_LIMIT', 8, Infinity) }));
    const [, last] = await history(endless, 1);
    expect(last?.type === 'disconnected' && last.retryInMs).to.be.within(299_000, 302_000);
  });

  it('is direct, also if the environment names a proxy for the web', async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory' });
    const names = ['http_proxy', 'https_proxy', 'grpc_proxy'];
    for (const name of names) process.env[name] = 'http://127.0.0.1:1';
    try {
      const client = connect({
        name: 'lobby-1',
        role: 'DOWNSTREAM',
        endpoints: `127.0.0.1:${coordinator.port}`,
      });
      clients.push(client);
      await client.ready();
    } finally {
      for (const name of names) Reflect.deleteProperty(process.env, name);
    }
  });

  it('is closed after the publishes, also right after it was opened', async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory' });
    const endpoints = `127.0.0.1:${coordinator.port}`;
    const writer = connect({ name: 'writer', role: 'DOWNSTREAM', endpoints });
    const published = writer.publish('news', 'in time');
    const closing = writer.close();
    const late = rejectionOf(KelpieError, writer.publish('news', 'too late'));
    await Promise.all([published, closing]);
    expect((await late).reason).to.equal('CLOSED');
    const inbox = new Inbox();
    const reader = connect({ name: 'reader', role: 'DOWNSTREAM', endpoints, start: 'EARLIEST' });
    clients.push(reader);
    reader.subscribe('news', inbox.take);
    expect((await inbox.atLeast(1)).map(({ content }) => content)).to.deep.equal(['in time']);
  });

  it('is closed after the publishes if a coordinator is back in time', async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory', times: { drainMs: 10 } });
    const { port } = coordinator;
    const writer = connect({ name: 'writer', role: 'DOWNSTREAM', endpoints: `127.0.0.1:${port}` });
    await writer.ready();
    await coordinator.stop();
    const published = writer.publish('news', 'in an outage');
    const closing = writer.close();
    coordinator = await startCoordinator({ port, journal: 'memory' });
    await Promise.all([published, closing]);
  });
});
