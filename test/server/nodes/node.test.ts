import { expect } from 'chai';
import fc from 'fast-check';
import { Node, NodeState, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { Hello } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import { nodeOf } from '../../../server/nodes/node.js';
import { foldName } from '../../../server/nodes/name.js';
import { thrownBy } from '../../support/thrown.js';

const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;
const SEEN = '10.0.0.7';

function helloOf(partial: Partial<Hello>): Hello {
  const base = { name: 'Lobby-1', role: NodeRole.DOWNSTREAM, instanceId: Buffer.alloc(16, 1) };
  return { ...Hello.create(base), ...partial };
}

function facts(partial: Partial<Hello>): Node {
  return nodeOf(helloOf(partial), SEEN);
}

function refusal(partial: Partial<Hello>): Pick<KelpieError, 'reason' | 'metadata'> {
  const { reason, metadata } = thrownBy(KelpieError, () => facts(partial));
  return { reason, metadata };
}

/** The proposal in the error for an invalid name. */
function proposalFor(name: string): string | undefined {
  return thrownBy(KelpieError, () => foldName(name)).metadata['proposal'];
}

describe('a node’s name', () => {
  for (const [typed, folded] of [
    ['Lobby-1', 'lobby-1'],
    ['PROXY_EU', 'proxy_eu'],
    ['a', 'a'],
    ['7', '7'],
    ['x'.repeat(63), 'x'.repeat(63)],
  ] as const) {
    it(`is compared without case: "${typed.slice(0, 20)}" is "${folded.slice(0, 20)}"`, () => {
      expect(foldName(typed)).to.equal(folded);
    });
  }

  for (const [typed, proposal] of [
    ['', 'node-1'],
    ['!!!', 'node-1'],
    ['Lobby 1', 'lobby-1'],
    ['-lobby-', 'lobby'],
    ['lobby.eu', 'lobby-eu'],
    ['Žofín', 'zofin'],
    ['ロビー7', '7'],
    ['x'.repeat(64), 'x'.repeat(63)],
    [`${'x'.repeat(62)}-y`, 'x'.repeat(62)],
  ] as const) {
    it(`cannot be "${typed.slice(0, 20)}"; "${proposal.slice(0, 20)}" is the proposal`, () => {
      const { reason, metadata } = thrownBy(KelpieError, () => foldName(typed));
      expect({ reason, metadata }).to.deep.equal({
        reason: 'NODE_NAME_INVALID',
        metadata: { name: typed, proposal },
      });
    });
  }

  it('is accepted, or refused with a valid proposal', () => {
    const letters = fc.constantFrom('a', 'Z', '0', '-', '_', '.', ' ', 'é', 'İ', 'ﬀ', '𝔸');
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: letters, maxLength: 80 }),
      fc.string({ unit: letters, minLength: 60, maxLength: 300 }),
    );
    fc.assert(
      fc.property(typed, (name) => {
        if (NAME.test(name.toLowerCase())) {
          expect(foldName(name)).to.equal(name.toLowerCase());
        } else {
          const proposal = proposalFor(name) ?? '';
          expect(foldName(proposal)).to.equal(proposal);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps its upper case for display', () => {
    const { name, displayName } = facts({ name: 'Lobby-EU' });
    expect({ name, displayName }).to.deep.equal({ name: 'lobby-eu', displayName: 'Lobby-EU' });
  });
});

describe('the facts in a Hello', () => {
  it('become the public node, READY and without a join time', () => {
    const hello = helloOf({
      address: { host: 'mc.internal', port: 19132 },
      publicAddress: { host: 'play.example.org', port: 19133 },
      labels: { game: 'bedwars' },
      maxPlayers: 80,
      motd: 'Hello',
      software: 'PocketMine-MP',
      version: '5.0.0',
    });
    expect(nodeOf(hello, SEEN)).to.deep.equal({
      name: 'lobby-1',
      displayName: 'Lobby-1',
      role: NodeRole.DOWNSTREAM,
      state: NodeState.READY,
      instanceId: hello.instanceId,
      address: { host: 'mc.internal', port: 19132 },
      publicAddress: { host: 'play.example.org', port: 19133 },
      labels: { game: 'bedwars' },
      maxPlayers: 80,
      motd: 'Hello',
      software: 'PocketMine-MP',
      version: '5.0.0',
      joinTime: undefined,
      lastState: NodeState.UNSPECIFIED,
      load: undefined,
      commands: [],
      reservedSlots: 0,
      drained: false,
    });
  });

  it('name features, known or unknown, up to the limits', () => {
    const features = Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(63, 'f'));
    expect(facts({ features }).name).to.equal('lobby-1');
    expect(refusal({ features: [...features, 'one-more'] }).reason).to.equal('OUT_OF_RANGE');
    expect(refusal({ features: ['f'.repeat(64)] }).reason).to.equal('TEXT_TOO_LONG');
    for (const odd of ['', 'F', '-f', '.f', 'a b', 'a\n', 'é', '\0'.repeat(63)]) {
      const { reason, metadata } = refusal({ features: ['good.one-2', odd] });
      expect([reason, metadata['field']], odd).to.deep.equal(['OUT_OF_RANGE', 'features']);
    }
  });

  for (const length of [0, 15, 17]) {
    it(`have an instance id of 16 bytes, not ${length}`, () => {
      expect(refusal({ instanceId: Buffer.alloc(length) }).reason).to.equal('INSTANCE_ID_INVALID');
    });
  }

  it('have a role of the contract', () => {
    for (const role of [NodeRole.PROXY, NodeRole.DOWNSTREAM, NodeRole.SERVICE]) {
      expect(facts({ role }).role).to.equal(role);
    }
    expect(refusal({ role: NodeRole.UNSPECIFIED }).reason).to.equal('ROLE_INVALID');
    const unknown = Hello.decode(Hello.encode(helloOf({ role: 9 as NodeRole })).finish()).role;
    expect(refusal({ role: unknown }).reason).to.equal('ROLE_INVALID');
  });

  for (const [field, limit] of [
    ['motd', 1024],
    ['software', 128],
    ['version', 128],
  ] as const) {
    it(`have a ${field} of at most ${limit} bytes`, () => {
      const fits = 'é'.repeat(limit / 2);
      expect(facts({ [field]: fits })[field]).to.equal(fits);
      expect(refusal({ [field]: `${fits}x` })).to.deep.equal({
        reason: 'TEXT_TOO_LONG',
        metadata: { field, limit: String(limit) },
      });
    });
  }
});

describe('the address of a node', () => {
  it('has the host that the coordinator sees if the Hello names none', () => {
    const { address } = facts({ address: { host: '', port: 19132 } });
    expect(address).to.deep.equal({ host: SEEN, port: 19132 });
  });

  it('is undefined if the Hello has none', () => {
    const { address, publicAddress } = facts({});
    expect({ address, publicAddress }).to.deep.equal({
      address: undefined,
      publicAddress: undefined,
    });
  });

  for (const [field, name] of [
    ['address', 'address'],
    ['publicAddress', 'public_address'],
  ] as const) {
    it(`has a port from 1 to 65535: ${name}`, () => {
      for (const port of [1, 65_535]) {
        expect(facts({ [field]: { host: 'a', port } })[field]?.port).to.equal(port);
      }
      for (const port of [0, 65_536]) {
        expect(refusal({ [field]: { host: 'a', port } })).to.deep.equal({
          reason: 'OUT_OF_RANGE',
          metadata: { field: `${name}.port`, limit: '65535' },
        });
      }
    });

    it(`has a host of at most 253 bytes: ${name}`, () => {
      const host = 'h'.repeat(253);
      expect(facts({ [field]: { host, port: 1 } })[field]?.host).to.equal(host);
      expect(refusal({ [field]: { host: `${host}h`, port: 1 } })).to.deep.equal({
        reason: 'TEXT_TOO_LONG',
        metadata: { field: `${name}.host`, limit: '253' },
      });
    });
  }
});

describe('the labels of a node', () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 'x']));

  it('are at most 64', () => {
    expect(facts({ labels: many(64) }).labels).to.deep.equal(many(64));
    expect(refusal({ labels: many(65) })).to.deep.equal({
      reason: 'LABELS_INVALID',
      metadata: { label: '', limit: '64' },
    });
  });

  it('have names of 1 to 63 bytes', () => {
    const name = 'é'.repeat(31);
    expect(facts({ labels: { [`${name}x`]: '' } }).labels).to.have.property(`${name}x`);
    for (const odd of ['', `${name}xy`]) {
      const { reason, metadata } = refusal({ labels: { [odd]: '' } });
      expect(reason).to.equal('LABELS_INVALID');
      expect(metadata['limit']).to.equal('63');
      expect(odd.startsWith(metadata['label'] ?? 'none')).to.equal(true);
    }
  });

  it('have values of at most 255 bytes', () => {
    const value = `x${'é'.repeat(127)}`;
    expect(facts({ labels: { game: value } }).labels).to.deep.equal({ game: value });
    expect(refusal({ labels: { game: `${value}x` } })).to.deep.equal({
      reason: 'LABELS_INVALID',
      metadata: { label: 'game', limit: '255' },
    });
  });

  it('have equal bytes in every order', () => {
    const name = fc.oneof(fc.string({ minLength: 1, maxLength: 8 }), fc.nat().map(String));
    const shuffled = fc
      .uniqueArray(fc.tuple(name, fc.string({ maxLength: 8 })), { selector: ([one]) => one })
      .chain((all) =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, (orders) => {
        const [one, other] = orders.map((labels) =>
          Node.encode(facts({ labels: Object.fromEntries(labels) })).finish(),
        );
        expect(Buffer.from(one ?? [])).to.deep.equal(Buffer.from(other ?? []));
      }),
    );
  });
});
