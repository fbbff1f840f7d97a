/** Transfers that a node requests: the request, the updates, and every way in which reading them ends. */
import { expect } from 'chai';
import type { Destination, KelpieClient, TransferUpdate } from '../../../client/index.js';
import { KelpieError } from '../../../client/errors.js';
import { FallbackReason, RoutingStrategy } from '../../../gen/ts/kelpie/v1/routing.js';
import { TransferStage, TransferUpdate as WireUpdate } from '../../../gen/ts/kelpie/v1/transfer.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';
import { errorOf, Scripted } from '../../support/wire/scripted.js';

type Target = Parameters<KelpieClient['transfer']>[0];
type Options = NonNullable<Parameters<KelpieClient['transfer']>[2]>;

const everyone = { everyone: true } as const;
const arena = { server: 'arena-1' } as const;
const text = (context: Uint8Array | undefined) => Buffer.from(context ?? []).toString();

/** Updates that are read to their end: `Steve ARRIVED`, and the reason of the error. */
function read(updates: AsyncIterable<TransferUpdate>) {
  const seen = { updates: [] as string[], ended: false, error: undefined as string | undefined };
  const run = async (): Promise<void> => {
    for await (const { playerName, stage, error } of updates)
      seen.updates.push([playerName, stage, error?.reason].filter(Boolean).join(' '));
  };
  void run()
    .catch((error: unknown) => void (seen.error = (error as KelpieError).reason))
    .finally(() => (seen.ended = true));
  return seen;
}

describe('transfers that a node requests', () => {
  let scripted: Scripted;

  const transfer = (
    options: Options = {},
    destination: Destination = arena,
    target: Target = everyone,
  ) => scripted.client.transfer(target, destination, options);
  const move = (options: Options = {}) => scripted.client.move({ name: 'Steve' }, arena, options);

  const requests = () => scripted.stream.requests('transferPlayers');
  /** The newest request. */
  const asked = async () => {
    await settled(10);
    return requests().at(-1)?.value;
  };

  /** An update of the newest request. */
  const give = async (more: Partial<WireUpdate>): Promise<void> => {
    const player = { playerId: '1', generation: 7 };
    const value = WireUpdate.create({ player, playerName: 'Steve', target: 'arena-1', ...more });
    await scripted.stream.answer(requests().at(-1)?.id ?? 0, { $case: 'transferUpdate', value });
  };

  beforeEach(async () => {
    scripted = await Scripted.welcomed();
  });

  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('are sent at once, with 30 s and no context unless the program sets them', async () => {
    transfer();
    expect(await asked()).to.deep.include({
      target: { place: { $case: 'everyone', value: {} } },
      destination: { place: { $case: 'server', value: 'arena-1' } },
      timeout: { seconds: 30, nanos: 0 },
    });
    expect((await asked())?.context).to.have.lengthOf(0);
    transfer({ timeoutMs: 2500 });
    expect((await asked())?.timeout).to.deep.equal({ seconds: 2, nanos: 500_000_000 });
  });

  it('have the context as UTF-8 text, as JSON, or as the bytes that it is', async () => {
    transfer({ context: 'Grüße' });
    expect(text((await asked())?.context)).to.equal('Grüße');
    transfer({ context: { spawn: [1, 2, 3], party: null } });
    expect(text((await asked())?.context)).to.equal('{"spawn":[1,2,3],"party":null}');
    transfer({ context: ['a', 1] });
    expect(text((await asked())?.context)).to.equal('["a",1]');
    const bytes = Uint8Array.of(0, 255, 1);
    transfer({ context: bytes });
    bytes.fill(9);
    expect([...((await asked())?.context ?? [])], 'a copy').to.deep.equal([0, 255, 1]);
  });

  it('use the slots of a reservation if the program names one', async () => {
    transfer();
    expect((await asked())?.reservationId).to.equal('');
    const held = { id: 'r-1', node: 'arena-1', release: async () => undefined };
    transfer({ reservation: held });
    expect((await asked())?.reservationId).to.equal('r-1');
  });

  it('name players and their destination in each form of the contract', async () => {
    const destinations: [Destination, unknown][] = [
      [
        { servers: { labels: { mode: 'lobby' }, names: ['a'] }, strategy: 'MOST_PLAYERS' },
        {
          $case: 'servers',
          value: {
            servers: { labels: { mode: 'lobby' }, names: ['a'] },
            strategy: RoutingStrategy.MOST_PLAYERS,
          },
        },
      ],
      [
        { servers: {} },
        {
          $case: 'servers',
          value: { servers: { labels: {}, names: [] }, strategy: RoutingStrategy.UNSPECIFIED },
        },
      ],
      [{ proxy: 'gate-2' }, { $case: 'proxy', value: { name: 'gate-2', server: '' } }],
      [
        { proxy: 'gate-2', server: 'arena-1' },
        { $case: 'proxy', value: { name: 'gate-2', server: 'arena-1' } },
      ],
      [{ anyProxy: true }, { $case: 'proxy', value: { name: '', server: '' } }],
      [{ routed: 'DRAIN' }, { $case: 'routed', value: { reason: FallbackReason.DRAIN } }],
    ];
    for (const [destination, place] of destinations) {
      transfer({}, destination);
      expect((await asked())?.destination?.place).to.deep.equal(place);
    }
    const targets: [Target, unknown][] = [
      [
        { player: { name: 'Steve' } },
        { $case: 'player', value: { by: { $case: 'name', value: 'Steve' } } },
      ],
      [{ server: 'lobby-1' }, { $case: 'server', value: 'lobby-1' }],
      [{ proxy: 'gate-1' }, { $case: 'proxy', value: 'gate-1' }],
    ];
    for (const [target, place] of targets) {
      transfer({}, arena, target);
      expect((await asked())?.target?.place).to.deep.equal(place);
    }
  });

  it('are refused at once if a value cannot be meant', () => {
    const odd: unknown[] = [
      {},
      { server: '' },
      { proxy: '' },
      { server: 'a', proxies: 'b' },
      { server: 'a', strategy: 'RANDOM' },
      { servers: { label: {} } },
      { servers: {}, strategy: 'FASTEST' },
      { anyProxy: false },
      { routed: 'HUNGER' },
      { proxy: 'a', server: 7 },
      null,
      'arena-1',
    ];
    for (const destination of odd) {
      const { reason } = thrownBy(KelpieError, () => transfer({}, destination as Destination));
      expect(reason, JSON.stringify(destination)).to.equal('VALUE_INVALID');
    }
    const reasonOf = (options: unknown): string =>
      thrownBy(KelpieError, () => transfer(options as Options)).reason;
    expect(reasonOf({ timeoutMs: 0 })).to.equal('DEADLINE_INVALID');
    expect(reasonOf({ timeoutMs: 300_001 })).to.equal('DEADLINE_INVALID');
    expect(reasonOf({ contxt: 'a' })).to.equal('VALUE_INVALID');
    expect(reasonOf({ context: 7 })).to.equal('VALUE_INVALID');
    expect(reasonOf({ context: new Uint8Array(16_385) })).to.equal('PAYLOAD_TOO_LARGE');
    expect(reasonOf({ context: 'ü'.repeat(8193) })).to.equal('PAYLOAD_TOO_LARGE');
    expect(requests()).to.deep.equal([]);
    transfer({ context: new Uint8Array(16_384) });
  });

  it('give the updates in their order, and end after the last one', async () => {
    const seen = read(transfer());
    await settled(10);
    await give({ stage: TransferStage.PREPARING_ARRIVAL, playersLeft: 2 });
    await give({ stage: TransferStage.ARRIVED, playersLeft: 1 });
    const failed = { stage: TransferStage.FAILED, error: errorOf('SERVER_FULL') };
    expect(seen.ended).to.equal(false);
    await give({ playerName: 'Alex', ...failed, last: true });
    expect(seen).to.deep.equal({
      updates: ['Steve PREPARING_ARRIVAL', 'Steve ARRIVED', 'Alex FAILED SERVER_FULL'],
      ended: true,
      error: undefined,
    });
    expect(scripted.client.pending).to.equal(0);
  });

  it('have updates with the player, the target and the number of players who are left', async () => {
    const updates = transfer();
    await settled(10);
    await give({ stage: TransferStage.MOVING, playersLeft: 3 });
    expect((await updates.next()).value).to.deep.equal({
      player: { id: '1', generation: 7 },
      playerName: 'Steve',
      target: 'arena-1',
      stage: 'MOVING',
      playersLeft: 3,
    });
    await give({ player: undefined, stage: 77 as TransferStage });
    expect((await updates.next()).value).to.deep.include({
      player: { id: '', generation: 0 },
      stage: 'UNKNOWN',
    });
  });

  it('end with the refusal of the coordinator', async () => {
    const seen = read(transfer());
    await settled(10);
    await scripted.stream.refuse(requests().at(-1)?.id ?? 0, 'NODE_NOT_FOUND', 5);
    expect(seen).to.deep.equal({ updates: [], ended: true, error: 'NODE_NOT_FOUND' });
    expect(scripted.all('refused'), 'its reader has the error').to.deep.equal([]);
  });

  it('end with OUTCOME_UNKNOWN if the stream breaks, and are not requested again', async () => {
    const updates = transfer();
    await settled(10);
    await give({ stage: TransferStage.ARRIVED, playersLeft: 2 });
    await scripted.stream.break(new Error('the connection broke'));
    const seen = read(updates);
    await settled(10);
    expect(seen).to.deep.equal({
      updates: ['Steve ARRIVED'],
      ended: true,
      error: 'OUTCOME_UNKNOWN',
    });
    await scripted.pass(0);
    await scripted.stream.welcome();
    expect(requests()).to.deep.equal([]);
  });

  it('end with UNAVAILABLE while no session is open', async () => {
    await scripted.stream.break(new Error('the connection broke'));
    const seen = read(transfer());
    await settled(10);
    expect(seen).to.deep.equal({ updates: [], ended: true, error: 'UNAVAILABLE' });
  });

  it('go on when the reader stops, and what comes then is dropped', async () => {
    const updates = transfer();
    await settled(10);
    await give({ stage: TransferStage.MOVING });
    for await (const { stage } of updates) {
      expect(stage).to.equal('MOVING');
      break;
    }
    await give({ stage: TransferStage.CONFIRMING });
    expect(scripted.client.pending, 'until the last update').to.equal(1);
    await give({ stage: TransferStage.ARRIVED, last: true });
    expect(scripted.client.pending).to.equal(0);
    expect(scripted.stream.kinds.at(-1), 'nothing withdraws it').to.equal('transferPlayers');
  });

  it('end with RESULTS_UNREAD if more than 16 MiB of updates wait to be read', async () => {
    const updates = transfer();
    await settled(10);
    const playerName = 'x'.repeat(512 * 1024);
    for (let index = 0; index < 40; index++) await give({ playerName });
    const seen = read(updates);
    await settled(60);
    expect(seen.error).to.equal('RESULTS_UNREAD');
    expect(seen.updates.length).to.be.within(32, 34);
    await give({ last: true });
  });

  it('of one player resolve with the target when they arrive', async () => {
    const moved = move();
    await settled(10);
    await give({ stage: TransferStage.MOVING });
    await give({ stage: TransferStage.ARRIVED, last: true });
    expect(await moved).to.deep.equal({ player: { id: '1', generation: 7 }, target: 'arena-1' });
  });

  it('of one player reject with the reason of the failure', async () => {
    const failed = rejectionOf(KelpieError, move());
    await settled(10);
    await give({ stage: TransferStage.FAILED, error: errorOf('REJECTED_BY_TARGET'), last: true });
    const { reason, message } = await failed;
    expect([reason, message]).to.deep.equal(['REJECTED_BY_TARGET', 'it is REJECTED_BY_TARGET']);
    const odd = rejectionOf(KelpieError, move());
    await settled(10);
    await give({ stage: TransferStage.MOVING, last: true });
    expect((await odd).reason, 'without an end').to.equal('PROTOCOL');
  });

  it('are refused with CLOSED after the client has ended', async () => {
    await scripted.close();
    expect(thrownBy(KelpieError, () => transfer()).reason).to.equal('CLOSED');
    expect((await rejectionOf(KelpieError, move())).reason).to.equal('CLOSED');
  });
});
