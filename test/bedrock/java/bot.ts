/** A player of the game 1.18.30. The demo accepts only the things that their own connection saw as proof. */
import { History } from '../history.js';
import { type Client, dial, HOST, packetId, sendText, type Text } from '../library.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** A world that is not generated yet may let nobody spawn: the player joins once more then. */
const SPAWN_MS = 4000;
const JOINS = 4;

/**
 * The packets that the player reads. The library can read chunks and recipes of this game, but not all that a real server
 * sends, and a packet that it cannot read would end the connection.
 */
const READ = new Set([
  ...[/* play_status */ 2, /* server_to_client_handshake */ 3, /* disconnect */ 5],
  ...[/* resource_packs_info */ 6, /* resource_pack_stack */ 7, /* text */ 9, /* start_game */ 11],
  ...[/* transfer */ 85, /* set_title */ 88, /* network_stack_latency */ 115],
]);

/** Something that the client of a player received. */
type Sight =
  /** It stands in a world of the server. */
  | { type: 'spawn' }
  | { type: 'text'; message: string }
  /** A line of a title: `set_title Fair`. */
  | { type: 'shown'; what: string }
  /** It was sent to this port. */
  | { type: 'transfer'; port: number }
  | { type: 'disconnect'; message: string }
  | { type: 'close' }
  | { type: 'error'; message: string };

export class Bot {
  readonly seen = new History<Sight>();
  readonly name: string;
  #port: number;
  #client: Client | undefined;

  constructor(name: string, port: number) {
    this.name = name;
    this.#port = port;
  }

  /** Resolves when the player stands in a world of a server. */
  async join(): Promise<void> {
    for (let time = 1; ; time += 1) {
      const since = this.seen.mark;
      this.#dial();
      try {
        await this.spawns(since, SPAWN_MS);
        return;
      } catch (error) {
        this.leave();
        if (time === JOINS) throw error;
      }
    }
  }

  /** Resolves with the message with which a proxy or server refuses the player. Throws if they get in. */
  async refusal(): Promise<string> {
    const since = this.seen.mark;
    this.#dial();
    const isAnswer = (sight: Sight) => sight.type === 'spawn' || isEnd(sight);
    const sight = await this.seen.waitFor(`${this.name} to be refused`, isAnswer, { since });
    this.leave();
    if (sight.type === 'disconnect') return sight.message;
    throw new Error(`${this.name} was not refused: ${describe(sight)}`);
  }

  /** Resolves when the player stands in the world of the next server. Rejects if their connection ends. */
  async spawns(since: number, deadlineMs?: number): Promise<void> {
    const isIt = (sight: Sight) => sight.type === 'spawn' || isEnd(sight);
    const options = deadlineMs === undefined ? { since } : { since, deadlineMs };
    const sight = await this.seen.waitFor(`${this.name} to spawn`, isIt, options);
    if (sight.type !== 'spawn') throw new Error(`${this.name} did not get in: ${describe(sight)}`);
  }

  #dial(): void {
    const client = dial({
      ...{ host: HOST, port: this.#port, name: this.name },
      timeoutMs: CONNECT_TIMEOUT_MS,
    });
    this.#client = client;
    const read = client.readPacket.bind(client);
    client.readPacket = (packet) => {
      if (READ.has(packetId(packet))) read(packet);
    };
    let over = false;
    const see = (sight: Sight) => {
      if (this.#client === client && !over) this.seen.add(sight);
      // The end of a connection is seen once, in its first form.
      over ||= isEnd(sight) || sight.type === 'transfer';
    };
    this.#enterWorlds(client, () => see({ type: 'spawn' }));
    client.on('text', (text) => see({ type: 'text', message: text.message }));
    client.on('set_title', ({ type, text }) => see({ type: 'shown', what: `${type} ${text}` }));
    client.on('disconnect', ({ message = '' }) => see({ type: 'disconnect', message }));
    client.on('close', () => see({ type: 'close' }));
    client.on('error', ({ message }) => see({ type: 'error', message }));
    client.on('transfer', ({ port }) => {
      see({ type: 'transfer', port });
      this.#follow(client, port);
    });
    // Every client of the game does the same.
    client.on('network_stack_latency', ({ timestamp }) =>
      client.write('network_stack_latency', { timestamp, needs_response: false }),
    );
  }

  /** Answers a server as every client of the game does, until it stands in its world. A proxy may move it on to another. */
  #enterWorlds(client: Client, onSpawn: () => void): void {
    let self = 0n;
    const accept = () =>
      client.write('resource_pack_client_response', {
        response_status: 'completed',
        resourcepackids: [],
      });
    client.on('resource_packs_info', () => {
      accept();
      client.write('client_cache_status', { enabled: false });
    });
    client.on('resource_pack_stack', () => {
      accept();
      client.write('request_chunk_radius', { chunk_radius: 4 });
    });
    client.on('start_game', ({ runtime_entity_id: id }) => (self = id));
    client.on('play_status', ({ status }) => {
      if (status !== 'player_spawn') return;
      client.write('set_local_player_as_initialized', { runtime_entity_id: self });
      onSpawn();
    });
  }

  /** Connects to the address that a packet named, as every client of the game does. */
  #follow(client: Client, port: number): void {
    if (this.#client !== client) return;
    this.#port = port;
    client.close();
    // The library is still handling a packet of the former connection.
    setImmediate(() => {
      if (this.#client === client) this.#dial();
    });
  }

  say(message: string): void {
    if (!this.#client) throw new Error(`${this.name} is not connected`);
    sendText(this.#client, { type: 'chat', source_name: this.name, message } satisfies Text);
  }

  /** Resolves with the first text that contains these words, also if it came before. */
  async sees(words: string, since = 0): Promise<string> {
    const isIt = (sight: Sight) => sight.type === 'text' && sight.message.includes(words);
    const sight = await this.seen.waitFor(`${this.name} to see “${words}”`, isIt, { since });
    return sight.type === 'text' ? sight.message : '';
  }

  /** Resolves when a line of a title is seen, also if it came before. */
  async isShown(what: string): Promise<void> {
    const isIt = (sight: Sight) => sight.type === 'shown' && sight.what === what;
    await this.seen.waitFor(`${this.name} to see ${what}`, isIt);
  }

  /** Resolves with the port to which the client was sent. */
  async isSentAway(since: number): Promise<number> {
    const isIt = (sight: Sight) => sight.type === 'transfer' || isEnd(sight);
    const sight = await this.seen.waitFor(`${this.name} to be sent away`, isIt, { since });
    if (sight.type !== 'transfer') throw new Error(`${this.name} saw: ${describe(sight)}`);
    return sight.port;
  }

  /** Resolves with the message of the disconnect. */
  async isDisconnected(since: number): Promise<string> {
    const sight = await this.seen.waitFor(`${this.name} to be disconnected`, isEnd, { since });
    if (sight.type !== 'disconnect') throw new Error(`${this.name} only saw: ${describe(sight)}`);
    return sight.message;
  }

  /** How often the player saw a text that contains these words. */
  count(words: string): number {
    return this.seen
      .since(0)
      .filter((sight) => sight.type === 'text' && sight.message.includes(words)).length;
  }

  /** The event that broke the connection since the mark, if there was one. */
  brokenSince(mark: number): string | undefined {
    const broken = this.seen.since(mark).find(isEnd);
    return broken && `${this.name}: ${describe(broken)}`;
  }

  /** Leaves by itself. The history does not record that. */
  leave(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.close();
  }
}

function isEnd({ type }: Sight): boolean {
  return type === 'disconnect' || type === 'close' || type === 'error';
}

function describe(sight: Sight): string {
  return 'message' in sight ? `${sight.type} “${sight.message}”` : sight.type;
}
