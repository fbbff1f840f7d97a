/** A roster whose stream breaks before its Snapshot: the next stream must ask for it again. */
import { expect } from 'chai';
import { connect } from '../../../client/index.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import {
  type ConnectRequest,
  type ConnectResponse,
  type CoordinatorFrame,
  type Hello,
  Welcome,
} from '../../../gen/ts/kelpie/v1/session_service.js';

const cursor = { epoch: new Uint8Array(16), sequence: 7, tag: 1 };
const tell = (frame: CoordinatorFrame['frame']): ConnectResponse => ({
  frames: [{ requestId: 0, frame }],
});
const snapshot = tell({
  $case: 'snapshot',
  value: {
    cursor,
    topics: ['nodes.*'],
    rows: [{ sequence: 5, resource: { $case: 'node', value: Node.create({ name: 'lobby-2' }) } }],
    complete: true,
  },
});

describe('a client whose stream breaks before its Snapshot', () => {
  it('asks for the Snapshot again, for each start of reading', async () => {
    const hellos: Hello[] = [];
    /** Breaks the first stream when the Snapshot is asked for. */
    async function* transport(requests: AsyncIterable<ConnectRequest>) {
      for await (const { frames } of requests) {
        for (const { frame } of frames) {
          if (frame?.$case === 'hello') {
            hellos.push(frame.value);
            const facts = { cursor, generation: 1, features: ['shiny', 'new'] };
            yield tell({ $case: 'welcome', value: Welcome.create(facts) });
          }
          if (frame?.$case !== 'updateSubscription') continue;
          expect(frame.value.addedTopics).to.deep.equal(['nodes.*', 'routing', 'kelpie.settings']);
          expect(frame.value.startAt).to.equal(StartAt.SNAPSHOT);
          if (hellos.length === 1) return;
          yield tell({ $case: 'subscriptionUpdated', value: { cursor } });
          yield snapshot;
        }
      }
    }
    const client = connect({ name: 'lobby-1', role: 'DOWNSTREAM', transport, start: 'LATEST' });
    expect(client.features).to.deep.equal([]);
    await client.ready();
    expect(client.features, 'as the coordinator reports them').to.deep.equal(['shiny', 'new']);
    expect(client.roster.nodes().map(({ name }) => name)).to.deep.equal(['lobby-2']);
    expect(hellos.map(({ start }) => start?.place?.$case)).to.deep.equal(['at', 'after']);
    await client.close();
  });
});
