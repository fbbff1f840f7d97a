/** A proxy that connects to a coordinator without a socket, and its reports about players. */
import { type Hello } from '../../../gen/ts/kelpie/v1/session_service.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { DuplicatePolicy, Player, PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport } from '../../../gen/ts/kelpie/v1/presence.js';
import { hello, join, type TestCoordinator, type TestStream } from './coordinator.js';

/** The facts of a player in a login. */
export function steve(partial: Partial<Player> = {}): Player {
  return { ...Player.create({ xuid: '2535400000000001', name: 'Steve' }), ...partial };
}

/** The player with this number. */
export function player(number: number, partial: Partial<Player> = {}): Player {
  return steve({ xuid: String(1000 + number), name: `Player ${number}`, ...partial });
}

/** A report that a player joined. */
export function joined(said: Player, generation = 0): PlayerReport {
  return { playerId: '', generation, what: { $case: 'joined', value: said } };
}

/** A report about a player who has joined. */
export function about(
  playerId: string,
  generation: number,
  what: PlayerReport['what'],
): PlayerReport {
  return { playerId, generation, what };
}

/** A report that a player quit. */
export function quit(playerId: string, generation: number): PlayerReport {
  return about(playerId, generation, { $case: 'left', value: PlayerLeaveReason.QUIT });
}

export class TestProxy {
  readonly stream: TestStream;

  constructor(stream: TestStream) {
    this.stream = stream;
  }

  static async join(
    town: Pick<TestCoordinator, 'port'>,
    name: string,
    partial: Partial<Hello> = {},
  ): Promise<TestProxy> {
    const first = hello(name, { role: NodeRole.PROXY, ...partial });
    return new TestProxy((await join(town, first)).stream);
  }

  /** Sends a login. Resolves with its answer. */
  async login(said: Player, policy: DuplicatePolicy = DuplicatePolicy.VERIFY_OLD) {
    this.stream.send({ $case: 'acquirePlayer', value: { player: said, policy } });
    return this.stream.next('playerAcquired');
  }

  /** Sends a login. Resolves with its outcome. */
  async acquire(said: Player, policy?: DuplicatePolicy) {
    return (await this.login(said, policy)).outcome;
  }

  /** The generation of a login that is granted. */
  async granted(said: Player, policy?: DuplicatePolicy): Promise<number> {
    const outcome = await this.acquire(said, policy);
    if (outcome?.$case === 'generation') return outcome.value;
    throw new Error(`denied: ${JSON.stringify(outcome)}`);
  }

  async report(...reports: PlayerReport[]) {
    this.stream.send({ requestId: 1, frame: { $case: 'reportPlayers', value: { reports } } });
    return (await this.stream.next('playersReported')).results;
  }

  /** Sends a login and a join. Resolves with the player's generation. */
  async bring(said: Player): Promise<number> {
    const generation = await this.granted(said);
    await this.report(joined(said, generation));
    return generation;
  }

  async sync(players: readonly Player[], asOf: number) {
    const value = { asOf, afterId: '', upToId: '', players: [...players], loginAges: {} };
    this.stream.send({ $case: 'syncPlayers', value });
    return this.stream.next('playersSynced');
  }
}
