/** Typing errors in options, and the messages that show the right form. */
import { expect } from 'chai';
import { connect, type ConnectOptions, KelpieClient, KelpieError } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { rejectionOf, thrownBy } from '../support/thrown.js';

const onEvicted = (): void => undefined;
const person = { id: '2535400000000001', generation: 1 };
const node = { node: 'lobby-1' };
const custom = { name: 'price', content: 'x' };

/** Uses a client as a program in JavaScript does, which no compiler checks. */
function use(client: KelpieClient, method: string, ...args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(client, method) as (...all: unknown[]) => unknown, client, args);
}

describe('the options object of the client', () => {
  let coordinator: Coordinator;
  let client: KelpieClient;

  before(async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory' });
    const transport = coordinator.transport();
    client = connect({ name: 'gate-1', role: 'PROXY', transport, players: { onEvicted } });
    await client.ready();
  });
  after(async () => {
    await client.close();
    await coordinator.stop();
  });

  for (const [options, message] of [
    [{ adress: { port: 1 } }, 'options has no field "adress"; did you mean "address"?'],
    [{ address: { prot: 1 } }, 'address has no field "prot"; did you mean "port"?'],
    [{ players: { onEvict: 1 } }, 'players has no field "onEvict"; did you mean "onEvicted"?'],
    [{ roster: { everybody: true } }, 'roster has no field "everybody"; it has players'],
  ] as const) {
    it(`of connect are refused: ${JSON.stringify(options)}`, () => {
      const given = { name: 'a', role: 'PROXY', ...options } as unknown as ConnectOptions;
      const error = thrownBy(KelpieError, () => connect(given));
      expect([error.reason, error.message]).to.deep.equal(['VALUE_INVALID', message]);
    });
  }

  for (const [method, args, message] of [
    [
      'update',
      [{ lables: {} }],
      'the change of a node has no field "lables"; did you mean "labels"?',
    ],
    [
      'publish',
      ['a', 'x', { typ: 'b' }],
      'the options object of publish has no field "typ"; did you mean "type"?',
    ],
    ['publish', ['a', 'x', 'b'], 'the options object of publish is "b"; it must be an object'],
    [
      'issue',
      [{ target: node, command: { custom }, timeout: 5 }],
      'the options object of issue has no field "timeout"; did you mean "timeoutMs"?',
    ],
    [
      'issue',
      [{ target: node, command: { price: 'sword' } }],
      'command "price" is not of the contract; write { custom: { name: "price", content } }',
    ],
    [
      'issue',
      [{ target: { every: { role: ['PROXY'] } }, command: { custom } }],
      'the selector has no field "role"; did you mean "roles"?',
    ],
    [
      'call',
      [node, 'price', 'x', { timeoutMS: 5 }],
      'the options object of call has no field "timeoutMS"; did you mean "timeoutMs"?',
    ],
    [
      'call',
      [node, 'run_console_command', 'x'],
      'call is for names of your own; use issue({ target, command: { run_console_command: … } })',
    ],
    [
      'handle',
      ['kick player', onEvicted],
      '"kick player" cannot be the name of a command: a name has 1 to 63 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit',
    ],
  ] as const) {
    it(`of ${method} are refused: ${message}`, async () => {
      const error = await rejectionOf(KelpieError, (async () => use(client, method, ...args))());
      expect(error.message).to.equal(message);
    });
  }

  it('of a change of a player are refused', async () => {
    const change = { propertys: {} } as object;
    const error = await rejectionOf(KelpieError, client.players.update(person, change));
    expect(error.message).to.equal(
      'the change of a player has no field "propertys"; did you mean "properties"?',
    );
  });

  it('do not matter after the end: each request rejects with CLOSED', async () => {
    const transport = coordinator.transport();
    const closed = connect({ name: 'shop', role: 'SERVICE', transport });
    await closed.ready();
    await closed.close();
    for (const request of [
      closed.update({ motd: 'x' }),
      closed.players.update(person, {}),
      closed.call(node, 'price', 'x'),
      closed.publish('a', 'x'),
    ]) {
      expect(await rejectionOf(KelpieError, request)).to.have.property('reason', 'CLOSED');
    }
  });
});
