import { expect } from 'chai';
import { KelpieError } from '../../client/errors.js';
import { endpointsOf } from '../../client/core/endpoints.js';
import { startOf } from '../../client/core/start.js';
import { helloOf, routesOf } from '../../client/options.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { thrownBy } from '../support/thrown.js';

describe('the endpoints of a client', () => {
  const former = process.env['KELPIE_ENDPOINTS'];

  beforeEach(() => {
    delete process.env['KELPIE_ENDPOINTS'];
  });

  afterEach(() => {
    if (former === undefined) delete process.env['KELPIE_ENDPOINTS'];
    else process.env['KELPIE_ENDPOINTS'] = former;
  });

  for (const [given, endpoints] of [
    ['127.0.0.1:50051', ['127.0.0.1:50051']],
    ['a.example.org:1, b:65535', ['a.example.org:1', 'b:65535']],
    [' a:1 ,b:2,c:3 ', ['a:1', 'b:2', 'c:3']],
    ['[::1]:50051,[fe80::1]:7', ['[::1]:50051', '[fe80::1]:7']],
  ] as const) {
    it(`are read from "${given}"`, () => {
      expect(endpointsOf(given)).to.deep.equal(endpoints);
    });
  }

  it('can be given as a list', () => {
    expect(endpointsOf(['a:1', ' b:2'])).to.deep.equal(['a:1', 'b:2']);
  });

  it('are those of the environment if none are given', () => {
    process.env['KELPIE_ENDPOINTS'] = 'a:1,b:2';
    expect(endpointsOf(undefined)).to.deep.equal(['a:1', 'b:2']);
    expect(endpointsOf('c:3')).to.deep.equal(['c:3']);
  });

  it('are one coordinator on this machine by default', () => {
    expect(endpointsOf(undefined)).to.deep.equal(['127.0.0.1:50051']);
  });

  for (const odd of [
    '',
    'host',
    'host:',
    ':50051',
    'ho st:1',
    'http://host:1',
    '::1:50051',
    'host:x',
  ]) {
    it(`cannot be "${odd}"`, () => {
      const error = thrownBy(KelpieError, () => endpointsOf(odd));
      expect(error.permanent).to.equal(true);
      expect(error.message).to.include(`"${odd}"`);
    });
  }

  for (const port of [0, 65_536, 99_999]) {
    it(`cannot have the port ${port}`, () => {
      expect(() => endpointsOf(`host:${port}`)).to.throw(KelpieError);
    });
  }

  it('cannot be an empty list', () => {
    expect(() => endpointsOf([])).to.throw(KelpieError);
    expect(() => endpointsOf('a:1,')).to.throw(KelpieError, '""');
  });

  it('are tried in the order given, each by its own route', () => {
    const routes = routesOf({ name: 'a', role: 'PROXY', endpoints: 'a:1,b:2' });
    expect(routes.map(({ endpoint }) => endpoint)).to.deep.equal(['a:1', 'b:2']);
  });

  it('are not used with another transport', () => {
    const transport = async function* () {
      yield* [];
    };
    const routes = routesOf({ name: 'a', role: 'PROXY', endpoints: 'no endpoint', transport });
    expect(routes).to.deep.equal([{ endpoint: 'transport', transport, network: undefined }]);
  });
});

describe('the hello of a client', () => {
  it('has the values of its options', () => {
    const hello = helloOf(
      {
        name: 'Lobby-1',
        role: 'DOWNSTREAM',
        address: { port: 19132 },
        publicAddress: { host: 'play.example.org', port: 19133 },
        labels: { game: 'bedwars' },
        maxPlayers: 80,
        motd: 'Hello',
        software: 'PocketMine-MP',
        version: '5.0.0',
      },
      'kelpie-js/1',
    );
    expect({ ...hello, instanceId: hello.instanceId.length }).to.deep.equal({
      name: 'Lobby-1',
      role: NodeRole.DOWNSTREAM,
      commands: [],
      features: ['drain-may-stay'],
      excludeOwn: false,
      state: NodeState.READY,
      instanceId: 16,
      address: { host: '', port: 19132 },
      publicAddress: { host: 'play.example.org', port: 19133 },
      labels: { game: 'bedwars' },
      maxPlayers: 80,
      motd: 'Hello',
      software: 'PocketMine-MP',
      version: '5.0.0',
      topics: [],
      start: undefined,
      window: undefined,
      sdk: 'kelpie-js/1',
    });
  });

  it('has no values of options that are left out', () => {
    const { address, publicAddress, labels, maxPlayers, motd } = helloOf(
      { name: 'a', role: 'SERVICE' },
      '',
    );
    expect({ address, publicAddress, labels, maxPlayers, motd }).to.deep.equal({
      address: undefined,
      publicAddress: undefined,
      labels: {},
      maxPlayers: undefined,
      motd: '',
    });
  });

  it('has another instance id for each client', () => {
    const draw = () => helloOf({ name: 'a', role: 'PROXY' }, '').instanceId.join();
    expect(draw()).to.not.equal(draw());
  });
});

describe('the start of reading of a client', () => {
  for (const place of ['SNAPSHOT', 'EARLIEST', 'LATEST'] as const) {
    it(`can be ${place}`, () => {
      expect(startOf(place)).to.deep.equal({ place: { $case: 'at', value: StartAt[place] } });
    });
  }

  it('can be an earlier position', () => {
    const after = { epoch: Buffer.alloc(16, 1), sequence: 7, tag: 9 };
    expect(startOf({ after })).to.deep.equal({ place: { $case: 'after', value: after } });
  });

  for (const [sinceMs, value] of [
    [0, { seconds: 0, nanos: 0 }],
    [1500, { seconds: 1, nanos: 500_000_000 }],
    [600_000, { seconds: 600, nanos: 0 }],
    [0.5, { seconds: 0, nanos: 500_000 }],
  ] as const) {
    it(`can be ${sinceMs} ms ago`, () => {
      expect(startOf({ sinceMs })).to.deep.equal({ place: { $case: 'since', value } });
    });
  }
});
