/** A batch for many readers is in the memory of the coordinator once: what it allocates does not grow with them. */
import { once } from 'node:events';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { connect } from '../../client/index.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';

const READERS = 50;
const EVENTS = 8;
const EVENT_BYTES = 60_000;

/** Runs in kelpied before it starts, and prints at SIGUSR2 how many bytes it has allocated for large buffers. */
const counter = `
  let bytes = 0;
  const count = (buffer) => {
    if (buffer.length > ${EVENT_BYTES / 2}) bytes += buffer.length;
    return buffer;
  };
  for (const name of ['alloc', 'allocUnsafe', 'from', 'concat']) {
    const make = Buffer[name].bind(Buffer);
    Buffer[name] = (...args) => count(make(...args));
  }
  process.on('SIGUSR2', () => process.stdout.write('allocated ' + bytes + '\\n'));
`;

describe('a fan-out to 50 readers', () => {
  let kelpied: Kelpied;

  beforeEach(async () => {
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(counter)}`;
    kelpied = await startKelpied([], undefined, { NODE_OPTIONS });
  });

  afterEach(() => kelpied.kill());

  async function allocated(): Promise<number> {
    const from = kelpied.output().length;
    kelpied.process.kill('SIGUSR2');
    for (;;) {
      const [, bytes] = /allocated (\d+)\n/.exec(kelpied.output().slice(from)) ?? [];
      if (bytes !== undefined) return Number(bytes);
      await once(kelpied.process.stdout ?? kelpied.process, 'data');
    }
  }

  /** The bytes that the coordinator allocates for an event, on the average. */
  async function bytesPerEvent(readers: number, token?: string): Promise<number> {
    const role = 'SERVICE' as const;
    const options = { role, endpoints: kelpied.endpoint, ...(token !== undefined && { token }) };
    let missing = 0;
    let arrived = (): void => undefined;
    const clients = Array.from({ length: readers }, (_, index) => {
      const client = connect({ ...options, name: `reader-${index}` });
      client.subscribe('news', () => {
        missing -= 1;
        if (missing === 0) arrived();
      });
      return client;
    });
    const writer = connect({ ...options, name: 'writer' });
    await Promise.all([...clients, writer].map((client) => client.ready()));
    const publish = async (): Promise<void> => {
      const all = new Promise<void>((resolve) => (arrived = resolve));
      missing = readers;
      await writer.publish('news', new Uint8Array(EVENT_BYTES));
      await all;
    };
    // From here on all readers are at the same position.
    await publish();
    const before = await allocated();
    for (let event = 0; event < EVENTS; event++) await publish();
    const bytes = (await allocated()) - before;
    await Promise.all([...clients, writer].map((client) => client.close()));
    return bytes / EVENTS;
  }

  it('allocates as much as for one reader', async () => {
    const forOne = await bytesPerEvent(1);
    expect(forOne).to.be.above(EVENT_BYTES);
    expect(await bytesPerEvent(READERS)).to.be.below(2 * forOne);
  });

  it('allocates no more with credentials', async () => {
    const forOne = await bytesPerEvent(1);
    const api = apiAt(kelpied.endpoint);
    const { token } = await api.access.create('all', {
      preset: 'SERVICE',
      rights: { nodeNames: ['*'] },
    });
    api.close();
    expect(await bytesPerEvent(READERS, token)).to.be.below(2 * forOne);
  });
});
