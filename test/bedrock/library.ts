/**
 * The only file that uses bedrock-protocol. It loads the library without a build step, and guards the process: one bad
 * packet or one full server must not end it.
 */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

export const HOST = '127.0.0.1';
/** The version of the game. The demo with PowerNukkit plays an older one. */
export const VERSION = process.env['BEDROCK_VERSION'] ?? '1.21.0';

/** The library's default is 3; a player above the limit only gets a timeout. */
const MAX_PLAYERS = 100;
/** How long a disconnected player may take to leave by themselves. */
const LEAVE_MS = 1500;
/** How long a player may take to leave for another address. In a busy client, a close would overtake the packet. */
const TRANSFER_MS = 8000;

export interface Text {
  type: 'chat' | 'system' | 'tip' | 'popup';
  source_name?: string;
  message: string;
  /** A popup must have parameters. */
  parameters?: string[];
}

/** A line of a title, or the line above the hotbar. */
export interface TitleLine {
  type: 'set_title' | 'set_subtitle' | 'action_bar_message';
  text: string;
  fade_in_time: number;
  stay_time: number;
  fade_out_time: number;
}

interface Events {
  join: [];
  text: [Text];
  set_title: [TitleLine];
  toast_request: [{ title: string; message: string }];
  command_request: [{ command: string }];
  network_stack_latency: [{ timestamp: bigint; needs_response: boolean }];
  resource_packs_info: [object];
  resource_pack_stack: [object];
  start_game: [{ runtime_entity_id: bigint }];
  play_status: [{ status: string }];
  disconnect: [{ message?: string }];
  transfer: [{ server_address: string; port: number }];
  close: [];
  error: [Error];
}

interface Connection extends EventEmitter<Events> {
  readonly profile: { name: string; uuid: string };
  /** Handles each decrypted packet that came in. A user of the connection may replace it to get the bytes. */
  readPacket: (packet: Buffer) => void;
  handle: (bytes: Buffer) => void;
  write(packet: string, fields: object): void;
  sendBuffer(packet: Buffer, immediate: boolean): void;
  close(): void;
}

/** A player who is connected to a server of this process. */
export interface Player extends Connection {
  readonly skinData: object;
}

/** A connection that this process opened to a server. */
export interface Client extends Connection {
  /** Packets of more bytes are compressed. The option of this name has no effect. */
  compressionThreshold: number;
  connect(): void;
}

interface NativeServer extends EventEmitter<{ connect: [Player] }> {
  listen(): Promise<unknown>;
  close(message: string): Promise<void>;
}

interface Library {
  Server: new (options: object) => NativeServer;
  Client: new (options: object) => Client;
  /** Rejects if nothing answers within a second. */
  ping: (at: { host: string; port: number }) => Promise<unknown>;
}

interface Serializers {
  createSerializer: (version: string) => unknown;
  createDeserializer: (version: string) => unknown;
}

const bedrock = load();

function load(): Library {
  // The compiled file lies in dist, but the package and its node_modules do not.
  const requireHere = createRequire(new URL('../../../test/bedrock/package.json', import.meta.url));

  // The library looks for a prebuilt binary of the kernel's major version, but the package contains only that of 5.
  const buildPath = requireHere('raknet-native/helpers/buildPath.js') as {
    getPath: () => string;
    getFallbackPath: () => string;
  };
  buildPath.getPath = buildPath.getFallbackPath;

  // Every client compiles the protocol anew, which takes half a second, unless they share the result.
  const serializers = requireHere('bedrock-protocol/src/transforms/serializer') as Serializers;
  serializers.createSerializer = once(serializers.createSerializer);
  serializers.createDeserializer = once(serializers.createDeserializer);

  return requireHere('bedrock-protocol') as Library;
}

function once(create: (version: string) => unknown): (version: string) => unknown {
  const made = new Map<string, unknown>();
  return (version) => {
    if (!made.has(version)) made.set(version, create(version));
    return made.get(version);
  };
}

interface GameServer {
  /** Disconnects every player with a message, waits until they have left, and frees the port. */
  close(message: string): Promise<void>;
}

/** Listens on a UDP port of this machine. Rejects if the port is taken. */
export async function listen(options: {
  port: number;
  motd: string;
  onConnect: (player: Player) => void;
}): Promise<GameServer> {
  const { port, motd, onConnect } = options;
  const server = new bedrock.Server({
    ...{ host: HOST, port, version: VERSION, offline: true, raknetBackend: 'raknet-native' },
    maxPlayers: MAX_PLAYERS,
    motd: { motd, levelName: motd },
  });
  const players = new Set<Player>();
  server.on('connect', (player) => {
    guard(player);
    players.add(player);
    player.on('close', () => players.delete(player));
    onConnect(player);
  });
  // The library's own createServer does not wait for this, so no caller would get the error of a taken port.
  await server.listen();
  return {
    async close(message) {
      await Promise.all([...players].map((player) => dismiss(player, message)));
      await server.close(message);
    },
  };
}

/** Connects a player. If the connection never opens, it may emit 'error' without 'close'. */
export function dial(options: {
  host: string;
  port: number;
  name: string;
  uuid?: string;
  skinData?: object;
  timeoutMs: number;
}): Client {
  const { host, port, name, uuid, skinData, timeoutMs } = options;
  const client: Client = new bedrock.Client({
    ...{ host, port, version: VERSION, offline: true, raknetBackend: 'raknet-native' },
    username: name,
    skinData,
    connectTimeout: timeoutMs,
    autoInitPlayer: false,
    conLog: (line: string) => {
      // If RakNet refuses the connection, for a ban for example, this line is the only sign of it.
      if (line.startsWith('Server closed connection')) client.emit('error', new Error(line));
    },
  });
  // Servers before 1.19.30 do not name a threshold, and expect each packet compressed. The newer ones name theirs.
  client.compressionThreshold = 0;
  guard(client);
  closeOnce(client);
  client.connect();
  // The library accepts an own uuid only between this call and the login that follows it.
  if (uuid !== undefined) client.profile.uuid = uuid;
  return client;
}

/**
 * The library parses the packets of a peer without a catch, so bad bytes would end the process. With this guard they end
 * the connection only. An attempt that timed out keeps a timer unless it is closed.
 */
function guard(connection: Connection): void {
  const handle = connection.handle.bind(connection);
  connection.handle = (bytes) => {
    try {
      handle(bytes);
    } catch (error) {
      console.error('dropped a connection:', error);
      connection.close();
    }
  };
  connection.on('error', () => connection.close());
}

/** Makes `close` work only once: a second close of freed native code would corrupt the memory of the process. */
function closeOnce(client: Client): void {
  const close = client.close.bind(client);
  let closed = false;
  client.close = () => {
    if (!closed) close();
    closed = true;
  };
}

/** Sends a text. The library throws if a field is missing, so it sets empty ones too. */
export function sendText(connection: Connection, text: Text): void {
  connection.write('text', {
    ...{ needs_translation: false, xuid: '', platform_chat_id: '', filtered_message: '' },
    ...text,
  });
}

/**
 * Disconnects a player with a message. Resolves when they have gone. In a busy client, a close right after the message
 * would overtake it, so the player gets time to leave by themselves.
 */
export function dismiss(player: Player, message: string): Promise<void> {
  const left = letGo(player);
  player.write('disconnect', { reason: 'kicked', hide_disconnect_reason: false, message });
  return left;
}

/** Makes the player's client connect to another address. Resolves when they have gone. */
export function sendAway(
  player: Player,
  { host, port }: { host: string; port: number },
): Promise<void> {
  const left = letGo(player, TRANSFER_MS);
  player.write('transfer', { server_address: host, port });
  return left;
}

/** Whether a server of the game answers at this address. */
export async function answersAt({ host, port }: { host: string; port: number }): Promise<boolean> {
  return bedrock.ping({ host, port }).then(
    () => true,
    () => false,
  );
}

/** Resolves when a player who has to leave has gone. Closes their connection if they do not leave in time. */
export function letGo(player: Player, leaveMs = LEAVE_MS): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => player.close(), leaveMs);
    player.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A varint of 10 bits of id and 4 of sub-client numbers, hence two bytes at most. */
export function packetId(packet: Buffer): number {
  const [low = 0, high = 0] = packet;
  return (low & 0x80 ? (low & 0x7f) | ((high & 0x7f) << 7) : low) & 0x3ff;
}

/** On a machine without IPv6 the native code writes this line to stdout. The IPv4 socket works anyway. */
export function isNoise(line: string): boolean {
  return line.startsWith('Unknown bind__() error');
}
