/**
 * The only file that knows bedrock-protocol: how it is loaded without building anything, and what
 * has to be done around it so that one bad packet or one full server does not take a process down.
 */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

export const HOST = '127.0.0.1';
export const VERSION = '1.21.0';

/** The library's default is 3; whoever comes after them only runs into a timeout. */
const MAX_PLAYERS = 100;
/** How long someone who was told to go may take to leave by himself. */
const LEAVE_MS = 1500;

export interface Text {
  type: 'chat' | 'system' | 'tip' | 'popup';
  source_name?: string;
  message: string;
  /** Of a popup, which must have them. */
  parameters?: string[];
}

/** A line of a title, or the one above the hotbar. */
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
  disconnect: [{ message?: string }];
  close: [];
  error: [Error];
}

interface Connection extends EventEmitter<Events> {
  readonly profile: { name: string; uuid: string };
  /** Takes each decrypted packet that came in. May be replaced to look at the bytes instead. */
  readPacket: (packet: Buffer) => void;
  handle: (bytes: Buffer) => void;
  write(packet: string, fields: object): void;
  sendBuffer(packet: Buffer, immediate: boolean): void;
  close(): void;
}

/** Someone who is connected to a server of ours. */
export interface Player extends Connection {
  readonly skinData: object;
}

/** A connection that we opened to somebody else's server. */
export interface Client extends Connection {
  connect(): void;
}

interface NativeServer extends EventEmitter<{ connect: [Player] }> {
  listen(): Promise<unknown>;
  close(message: string): Promise<void>;
}

interface Library {
  Server: new (options: object) => NativeServer;
  Client: new (options: object) => Client;
}

interface Serializers {
  createSerializer: (version: string) => unknown;
  createDeserializer: (version: string) => unknown;
}

const bedrock = load();

function load(): Library {
  // What is compiled lies in dist, the package with its node_modules does not.
  const requireHere = createRequire(new URL('../../../test/bedrock/package.json', import.meta.url));

  // The prebuilt binary is looked up by the kernel's major version, of which only 5 is there.
  const buildPath = requireHere('raknet-native/helpers/buildPath.js') as {
    getPath: () => string;
    getFallbackPath: () => string;
  };
  buildPath.getPath = buildPath.getFallbackPath;

  // Every client compiles the protocol anew, half a second each, unless they share the result.
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
  /** Tells every player why, waits until they have left, and frees the port. */
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
  // The library's own createServer does not wait for this: a taken port would be nobody's error.
  await server.listen();
  return {
    async close(message) {
      await Promise.all([...players].map((player) => dismiss(player, message)));
      await server.close(message);
    },
  };
}

/** Connects a player. It may end by 'error' without 'close' if it never came through. */
export function dial(options: {
  host: string;
  port: number;
  name: string;
  uuid?: string;
  skinData?: object;
  timeoutMs: number;
}): Client {
  const { host, port, name, uuid, skinData, timeoutMs } = options;
  const client = new bedrock.Client({
    ...{ host, port, version: VERSION, offline: true, raknetBackend: 'raknet-native' },
    username: name,
    skinData,
    connectTimeout: timeoutMs,
    autoInitPlayer: false,
    // Left out, it would be console.log.
    conLog: null,
  });
  guard(client);
  closeOnce(client);
  client.connect();
  // An own uuid is taken only between this call and the login that follows it.
  if (uuid !== undefined) client.profile.uuid = uuid;
  return client;
}

/**
 * What a peer sends is parsed where nobody catches, so its bad bytes would end the process; they
 * end its connection. An attempt that timed out keeps a timer unless it is closed.
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

/** Closing again what the native code has freed would corrupt the memory of the process. */
function closeOnce(client: Client): void {
  const close = client.close.bind(client);
  let closed = false;
  client.close = () => {
    if (!closed) close();
    closed = true;
  };
}

/** Sends a text. The library throws if any of the fields is missing, however empty. */
export function sendText(connection: Connection, text: Text): void {
  connection.write('text', {
    ...{ needs_translation: false, xuid: '', platform_chat_id: '', filtered_message: '' },
    ...text,
  });
}

/**
 * Tells a player why they must go. Resolves when they have gone: closing right behind the message would
 * overtake it in a client that is busy, so they may leave by themselves first.
 */
export function dismiss(player: Player, message: string): Promise<void> {
  const left = letGo(player);
  player.write('disconnect', { reason: 'kicked', hide_disconnect_reason: false, message });
  return left;
}

/** Resolves when a player who knows that they must go has gone, by their own doing or after a while. */
export function letGo(player: Player): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => player.close(), LEAVE_MS);
    player.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The native code writes this on stdout where there is no IPv6. The IPv4 socket works. */
export function isNoise(line: string): boolean {
  return line.startsWith('Unknown bind__() error');
}
