/** A node of a run: a client of the real SDK that records its calls, and its frames below the SDK. */
import { KelpieClient } from '../../../client/client.js';
import { grpcTransport } from '../../../client/connection/transport.js';
import { fromThrown } from '../../../client/errors.js';
import type { MessageContent, Policy, RoleName } from '../../../client/index.js';
import type { Recorder } from '../recorder.js';
import type { Act, Published } from '../steps.js';
import { replyTo } from '../validators/commands.js';

export interface NodeOptions {
  readonly name: string;
  readonly role: RoleName;
  /** The coordinators, in the order in which the node tries them. */
  readonly endpoints: readonly string[];
  /** Patterns to read from the first stream on. */
  readonly topics: readonly string[];
  /** Whether its roster has the players too. */
  readonly players: boolean;
}

/** After these errors of a publish the event may be stored. */
const UNKNOWN: ReadonlySet<string> = new Set(['CLOSED', 'OUTCOME_UNKNOWN']);
/** The one command of a run. */
const WORK = 'work';

export class RecordedNode {
  readonly name: string;
  readonly client: KelpieClient;
  /** Whether its roster has the players. */
  readonly hasPlayers: boolean;
  readonly #recorder: Recorder;
  readonly #role: RoleName;
  readonly #patterns = new Set<string>();
  #publishes = 0;
  #commands = 0;
  /** The calls under way, which a run waits for. */
  readonly pending = new Set<Promise<void>>();

  constructor(recorder: Recorder, { name, role, endpoints, topics, players }: NodeOptions) {
    this.name = name;
    this.#recorder = recorder;
    this.#role = role;
    this.hasPlayers = players;
    const routes = endpoints.map((endpoint) => ({
      endpoint,
      transport: recorder.over(name, grpcTransport(endpoint)),
    }));
    const onEvicted = ({ id }: { id: string }): void =>
      this.#record({ kind: 'evicted', player: id });
    const verify = () => ({ connected: true, silenceMs: 0 });
    this.client = new KelpieClient(
      {
        ...{ name, role, roster: { players }, logger: { warn: () => undefined } },
        ...(role === 'PROXY' && { players: { onEvicted, verify } }),
      },
      { routes },
    );
    for (const pattern of topics) this.subscribe(pattern);
    this.client.handle(WORK, (content) => {
      const command = textOf(content);
      this.#record({ kind: 'executes', command });
      return replyTo(command, name);
    });
  }

  #record(act: Act): void {
    this.#recorder.record(this.name, act);
  }

  #call(call: Promise<void>): Promise<void> {
    this.pending.add(call);
    return call.finally(() => this.pending.delete(call));
  }

  /** Reads the topics of a pattern, unless it does. The returned function ends it. */
  subscribe(pattern: string): () => void {
    if (this.#patterns.has(pattern)) return () => undefined;
    this.#patterns.add(pattern);
    const subscription = this.client.subscribe(pattern, ({ sequence }) =>
      this.#record({ kind: 'handled', pattern, sequence }),
    );
    return () => {
      this.#record({ kind: 'unsubscribes', pattern });
      subscription.close();
      this.#patterns.delete(pattern);
    };
  }

  publish(topic: string, text: string): Promise<void> {
    const id = `${this.name}:${(this.#publishes += 1)}`;
    this.#record({ kind: 'publish', id, topic });
    const ends = (outcome: Published): void => this.#record({ kind: 'published', id, outcome });
    const stored = this.client.publish(topic, text, { attributes: { id } });
    return this.#call(
      stored.then(
        () => ends('stored'),
        (error: unknown) => ends(UNKNOWN.has(fromThrown(error).reason) ? 'unknown' : 'refused'),
      ),
    );
  }

  /** Issues a command to these nodes, and reads its results to the end. */
  issue(targets: readonly string[], timeoutMs: number): Promise<void> {
    const command = `${this.name}#${(this.#commands += 1)}`;
    this.#record({ kind: 'issue', command, targets, timeoutMs });
    return this.#call(this.#results(command, targets, timeoutMs));
  }

  async #results(command: string, nodes: readonly string[], timeoutMs: number): Promise<void> {
    const custom = { name: WORK, content: command };
    let failed: string | undefined;
    try {
      const results = this.client.issue({ target: { nodes }, command: { custom }, timeoutMs });
      for await (const { node, reply, error } of results) {
        const outcome = error ? { reason: error.reason } : { reply: textOf(reply) };
        this.#record({ kind: 'result', command, node, ...outcome });
      }
    } catch (thrown) {
      failed = fromThrown(thrown).reason;
    }
    this.#record({ kind: 'ended', command, ...(failed !== undefined && { reason: failed }) });
  }

  /** A player logs in and joins. Resolves with false if the login was denied or did not end well. */
  async login(xuid: string, policy: Policy): Promise<boolean> {
    const facts = { xuid, name: `player ${xuid}` };
    this.#record({ kind: 'acquire', player: xuid });
    try {
      const acquired = await this.client.players.acquire(facts, { policy });
      const generation = acquired.granted ? acquired.generation : undefined;
      this.#record({ kind: 'acquired', player: xuid, generation });
      if (!acquired.granted) return false;
      this.#record({ kind: 'joins', player: xuid });
      await this.client.players.joined(facts);
      return true;
    } catch {
      this.#record({ kind: 'evicted', player: xuid });
      return false;
    }
  }

  async logout(player: string): Promise<void> {
    this.#record({ kind: 'quits', player });
    await this.client.players.left(player);
  }

  /** Whether the proxy holds the player. */
  holds(player: string): boolean {
    return this.#role === 'PROXY' && this.client.players.get(player) !== undefined;
  }

  /** Records its roster. */
  show(): void {
    const { roster } = this.client;
    const players = roster.players().map(({ id, proxy }) => [id, proxy] as const);
    const nodes = roster.nodes().map(({ name }) => name);
    this.#record({ kind: 'roster', nodes, players: Object.fromEntries(players) });
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    this.#record({ kind: 'leaves' });
    await this.client.close();
  }
}

/** Commands of a run carry text. */
function textOf(content: MessageContent | undefined): string {
  return typeof content === 'string' ? content : '';
}
