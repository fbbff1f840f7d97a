/**
 * The law of tickets, under random orders of transfers, logins, losses of nodes and coordinators, and lost answers of
 * the journal: one process at most gets a ticket, that of the node that the ticket names, for the player whom it is
 * for, and never again after the player joined there. At the end no ticket is left.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { DuplicatePolicy, type Player } from '../../../gen/ts/kelpie/v1/player.js';
import { TransferTicket } from '../../../gen/ts/kelpie/v1/presence.js';
import {
  type CoordinatorFrame,
  GoodbyeReason,
  type NodeFrame,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { hex } from '../../../server/core/cursor.js';
import { KelpieError } from '../../../server/core/errors.js';
import { personOf } from '../../../server/players/grants.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import { LossyJournal } from '../../support/journal/lossy-journal.js';
import {
  hello,
  type MortalCoordinator,
  openMortal,
  TestStream,
} from '../../support/model/coordinator.js';
import { joined, player } from '../../support/model/proxy.js';

const RUNS = 150;
const GATES = 3;
const PERSONS = 2;
const LONGEST_TTL_MS = 5000;
const uuidOf = (person: number) => `0a1b2c3d-0000-4000-8000-00000000000${person}`;
/** The ids in the logins of a person: both, the XUID alone, the UUID alone, another XUID. */
const FORMS: ((person: number) => Player)[] = [
  (person) => player(person, { uuid: uuidOf(person) }),
  (person) => player(person),
  (person) => player(person, { xuid: '', uuid: uuidOf(person) }),
  (person) => player(person, { xuid: `9${person}`, uuid: uuidOf(person) }),
];

const gate = fc.nat(GATES - 1);
const person = fc.nat(PERSONS - 1);
const form = fc.nat(FORMS.length - 1);
const lose = fc.constantFrom('after' as const, 'before' as const);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('issue' as const), person, gate }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('login' as const), person, form, gate }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('follow' as const), form }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('join' as const), gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('enter' as const), person, form, gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const), person, form, gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(4000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), lose }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('settle' as const), turns: fc.nat(6) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
type Instant =
  'issue' | 'login' | 'follow' | 'join' | 'enter' | 'list' | 'revoke' | 'advance' | 'lose';

function factsOf({ person, form }: { person: number; form: number }): Player {
  return FORMS[form]?.(person) ?? player(person);
}

interface Login {
  readonly person: number;
  readonly facts: Player;
  /** The tickets that had been used up when the login was sent. */
  readonly used: ReadonlySet<string>;
}

/** A process of a proxy. */
interface Gate {
  readonly name: string;
  readonly instanceId: Uint8Array;
  stream: TestStream;
  /** Logins and joins without an answer, by request id. */
  readonly asked: Map<number, Login | { readonly ticket: string | undefined }>;
  /** The last grant. */
  granted:
    { readonly facts: Player; readonly generation: number; readonly ticket?: string } | undefined;
}

interface Issued {
  readonly person: number;
  readonly gate: string;
  readonly playerId: string;
  sequence?: number;
}

class World {
  readonly #clock = new FakeClock();
  readonly #journal = new LossyJournal(this.#clock, {
    ...{ entries: 100_000, bytes: 2 ** 30, ageMs: 2 ** 40 },
  });
  readonly #turns: number;
  #town: MortalCoordinator | undefined;
  readonly #gates: Gate[] = [];
  readonly #issued = new Map<string, Issued>();
  /** The process that got a ticket. */
  readonly #owners = new Map<string, string>();
  /** Tickets whose players have joined. */
  readonly #used = new Set<string>();
  readonly #pending = new Set<Promise<unknown>>();
  #requests = 0;

  constructor(turns: number) {
    this.#turns = turns;
  }

  get town(): MortalCoordinator {
    if (!this.#town) throw new Error('no coordinator');
    return this.#town;
  }

  get redeemed(): number {
    return this.#owners.size;
  }

  async open(): Promise<void> {
    this.#town = await openMortal(this.#journal, this.#clock, { turns: () => this.#turns });
    for (let number = 0; number < GATES; number++) {
      const one = (this.#gates[number] ??= newGate(number, this.#town));
      this.#connect(one);
    }
    await this.#settle(20);
  }

  #connect(one: Gate): void {
    one.asked.clear();
    one.stream = new TestStream(this.town.port);
    const { name, instanceId } = one;
    one.stream.send({
      $case: 'hello',
      value: hello(name, { role: NodeRole.PROXY, instanceId }),
    });
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'issue':
        this.#issue(one.person, `gate-${one.gate}`);
        break;
      case 'login':
        this.#login(this.#gate(one.gate), one.person, factsOf(one));
        break;
      case 'follow':
        this.#follow(one.form);
        break;
      case 'join':
        this.#join(this.#gate(one.gate));
        break;
      case 'enter':
      case 'list':
        this.#tell(this.#gate(one.gate).stream, one.kind, factsOf(one));
        break;
      case 'revoke':
        this.#revoke();
        break;
      case 'advance':
        this.#clock.advance(one.ms);
        break;
      case 'lose':
        this.#journal.lose = one.lose;
        break;
      default:
        await this.#takeLong(one);
    }
  }

  async #takeLong(one: Exclude<Step, { kind: Instant }>): Promise<void> {
    switch (one.kind) {
      case 'cut':
        return this.#cut(this.#gate(one.gate));
      case 'stop':
        return this.#stop(one.gate);
      case 'restart':
        return this.#restart();
      case 'settle':
        return this.#settle(one.turns);
    }
  }

  /** A proxy has a player without a grant. */
  #tell(stream: TestStream, how: 'enter' | 'list', facts: Player): void {
    if (how === 'enter') {
      stream.send({ $case: 'reportPlayers', value: { reports: [joined(facts)] } });
      return;
    }
    const value = { asOf: 0, afterId: '', upToId: '', players: [facts], loginAges: {} };
    stream.send({ $case: 'syncPlayers', value });
  }

  #gate(number: number): Gate {
    const one = this.#gates[number];
    if (!one) throw new Error('no such gate');
    return one;
  }

  #issue(person: number, gate: string): void {
    const rows = personOf(this.town.playerRows, { id: player(person).xuid, uuid: uuidOf(person) });
    const [[playerId, row] = []] = rows;
    if (playerId === undefined || !row) return;
    const transferId = `transfer-${this.#issued.size}`;
    const issued: Issued = { person, gate, playerId };
    this.#issued.set(transferId, issued);
    const ticket = TransferTicket.create({ transferId });
    const { generation } = row;
    const ttlMs = LONGEST_TTL_MS;
    const request = { playerId, generation, ticket, proxy: gate, ttlMs };
    this.#run(this.town.tickets.issue(request).then((sequence) => (issued.sequence = sequence)));
  }

  #revoke(): void {
    const last = [...this.#issued.values()].findLast(({ sequence }) => sequence !== undefined);
    if (last?.sequence !== undefined)
      this.#run(this.town.tickets.revoke(last.playerId, last.sequence));
  }

  /** Work of the coordinator that may fail by what the steps do. */
  #run(work: Promise<unknown>): void {
    const done = work
      .catch((error: unknown) => expect(error).to.be.instanceOf(KelpieError))
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  #login(one: Gate, person: number, facts: Player): void {
    const value = { player: facts, policy: DuplicatePolicy.KICK_OLD };
    const login = { person, facts, used: new Set(this.#used) };
    this.#ask(one, { $case: 'acquirePlayer', value }, login);
  }

  /** The player of the newest ticket logs in where it leads them. */
  #follow(form: number): void {
    const last = [...this.#issued.values()].at(-1);
    const to = this.#gates.find(({ name }) => name === last?.gate);
    if (last && to) this.#login(to, last.person, factsOf({ person: last.person, form }));
  }

  #join(one: Gate): void {
    const { granted } = one;
    if (!granted) return;
    const reports = [joined(granted.facts, granted.generation)];
    this.#ask(one, { $case: 'reportPlayers', value: { reports } }, { ticket: granted.ticket });
  }

  #ask(
    one: Gate,
    frame: NonNullable<NodeFrame['frame']>,
    asked: Login | { readonly ticket: string | undefined },
  ): void {
    one.asked.set(++this.#requests, asked);
    one.stream.send({ requestId: this.#requests, frame });
  }

  async #cut(one: Gate): Promise<void> {
    await one.stream.cut();
    this.#connect(one);
  }

  /** The process stops, and another one takes the name. */
  async #stop(number: number): Promise<void> {
    const old = this.#gate(number);
    old.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await this.#settle(20);
    await old.stream.cut();
    const next = newGate(number, this.town);
    this.#gates[number] = next;
    this.#connect(next);
  }

  async #restart(): Promise<void> {
    this.town.die();
    this.#pending.clear();
    for (const { stream } of this.#gates) await stream.cut();
    await this.open();
  }

  async #settle(turns: number): Promise<void> {
    await settled(turns);
    this.#checkTable();
    for (const one of this.#gates) await this.#read(one);
  }

  /** No ticket is older than a login of its player: each login ends it. */
  #checkTable(): void {
    const { playerRows } = this.town;
    for (const [id, { value, sequence }] of playerRows.tickets.table.entries()) {
      for (const { generation } of personOf(playerRows, { id, uuid: value.uuid }).values()) {
        expect(sequence).to.be.above(generation);
      }
    }
  }

  async #read(one: Gate): Promise<void> {
    try {
      for (let frames; (frames = await one.stream.pullIfReady(1));) {
        for (const frame of frames) this.#answered(one, frame);
      }
    } catch (error) {
      if (error instanceof KelpieError) this.#connect(one);
      else throw error;
    }
  }

  #answered(one: Gate, { requestId, frame }: CoordinatorFrame): void {
    const asked = one.asked.get(requestId);
    if (!asked) return;
    one.asked.delete(requestId);
    if (frame?.$case === 'playerAcquired' && 'facts' in asked) {
      const { outcome, ticket } = frame.value;
      if (outcome?.$case !== 'generation') {
        expect(ticket).to.equal(undefined);
        return;
      }
      const { facts } = asked;
      const id = ticket?.transferId;
      one.granted = { facts, generation: outcome.value, ...(id !== undefined && { ticket: id }) };
      if (id !== undefined) this.#got(one, id, asked);
    }
    if (frame?.$case === 'playersReported' && 'ticket' in asked) {
      const [result] = frame.value.results;
      if (asked.ticket !== undefined && !result?.error) this.#used.add(asked.ticket);
    }
  }

  #got({ name, instanceId }: Gate, id: string, login: Login): void {
    const process = `${name} ${hex(instanceId)}`;
    const issued = this.#issued.get(id);
    expect(issued).to.deep.include({ gate: name, person: login.person });
    expect(this.#owners.get(id) ?? process).to.equal(process);
    expect([...login.used]).not.to.include(id);
    this.#owners.set(id, process);
  }

  /** Everything has had its time: the tickets, and logins without a join. */
  async end(): Promise<void> {
    this.#journal.lose = undefined;
    await this.#settle(30);
    await Promise.all(this.#pending);
    for (let rounds = 0; rounds < 3; rounds++) {
      this.#clock.advance(LONGEST_TTL_MS);
      await this.#settle(30);
    }
    expect(this.town.tickets.pending).to.equal(0);
    this.#clock.advance(120_000);
    await this.#settle(30);
    for (const [, row] of this.town.playerRows.entries()) expect(row.ticket).to.equal(undefined);
    for (const fault of this.town.faults)
      expect(fault).to.have.property('reason', 'OUTCOME_UNKNOWN');
    this.town.die();
  }
}

function newGate(number: number, { port }: MortalCoordinator): Gate {
  return {
    name: `gate-${number}`,
    instanceId: randomBytes(16),
    stream: new TestStream({ serve: port.serve }),
    asked: new Map(),
    granted: undefined,
  };
}

describe('tickets', () => {
  it('reach one process at most, the right one, and end', async () => {
    let redeemed = 0;
    const law = fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      fc.nat(3),
      async (steps, turns) => {
        const world = new World(turns);
        await world.open();
        for (const one of steps) await world.take(one);
        await world.end();
        redeemed += world.redeemed;
      },
    );
    await fc.assert(law, { numRuns: RUNS });
    expect(redeemed).to.be.above(RUNS / 5);
  });
});
