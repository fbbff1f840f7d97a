import type { Client, Player } from './library.js';
import { dial, dismiss, letGo } from './library.js';

const PLAY_STATUS = 2;
const DISCONNECT = 5;

const CONNECT_TIMEOUT_MS = 3000;
/** What a player may send before they are through to a server. No honest client sends more. */
const MAX_EARLY_PACKETS = 256;
/** How long their client may take to answer: longer than a coordinator asks. */
const ANSWER_MS = 1000;

/** A downstream as the proxy dials it. */
export interface Target {
  name: string;
  host: string;
  port: number;
}

/** Carries one player's packets to a downstream and back, as bytes: nothing is parsed twice. */
export class Forwarder {
  readonly #player: Player;
  readonly #early: Buffer[] = [];
  #upstream: Client | undefined;
  #over = false;
  #heardMs = performance.now();
  #onHeard = (): void => undefined;

  /** From the player's 'join' on, when their login with the proxy is done. */
  constructor(player: Player) {
    this.#player = player;
    player.readPacket = (packet) => this.#forward(packet);
    player.once('close', () => (this.#over = true));
  }

  /** They left, or were told to go. */
  get over(): boolean {
    return this.#over;
  }

  /** Asks the player's client for an answer. Resolves with how long ago it was heard. */
  async silenceMs(): Promise<number> {
    this.#player.write('network_stack_latency', { timestamp: 0n, needs_response: true });
    await new Promise<void>((resolve) => {
      this.#onHeard = resolve;
      setTimeout(resolve, ANSWER_MS);
    });
    return performance.now() - this.#heardMs;
  }

  /** Tells the player why they must go. Their server loses them at once. Resolves when they have gone. */
  showOut(message: string): Promise<void> {
    this.#leaveServer();
    return dismiss(this.#player, message);
  }

  /** Resolves when the target has let the player in. Rejects if it does not, or they leave. */
  connect(target: Target): Promise<void> {
    const { name, uuid } = this.#player.profile;
    const upstream = dial({
      ...{ host: target.host, port: target.port, name, uuid },
      skinData: this.#player.skinData,
      timeoutMs: CONNECT_TIMEOUT_MS,
    });
    return new Promise((resolve, reject) => {
      // A connection that outlived its player would be a ghost on the server.
      this.#player.once('close', () => {
        this.#upstream = undefined;
        upstream.close();
        reject(new Error('the player left'));
      });
      upstream.on('error', reject);
      upstream.on('close', () => {
        reject(new Error(`${target.name} closed the connection`));
        if (this.#upstream === upstream) this.#lose(target.name);
      });
      upstream.once('join', () => {
        if (this.#over) return upstream.close();
        upstream.readPacket = (packet) => this.#return(packet);
        for (const packet of this.#early.splice(0)) upstream.sendBuffer(packet, true);
        this.#upstream = upstream;
        resolve();
      });
    });
  }

  #forward(packet: Buffer): void {
    this.#heardMs = performance.now();
    this.#onHeard();
    // At once: waiting for the library's tick would add 20 ms to everything that a player does.
    if (this.#upstream) this.#upstream.sendBuffer(packet, true);
    else if (this.#early.push(packet) > MAX_EARLY_PACKETS) this.#player.close();
  }

  #return(packet: Buffer): void {
    // The proxy itself has answered the player's login.
    if (isLoginSuccess(packet)) return;
    this.#player.sendBuffer(packet, true);
    if (packetId(packet) === DISCONNECT) this.#end();
  }

  /** The player has the server's own words; our end of the connection has nothing to add. */
  #end(): void {
    this.#leaveServer();
    void letGo(this.#player);
  }

  #leaveServer(): void {
    this.#over = true;
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.close();
  }

  #lose(server: string): void {
    void this.showOut(`The connection to ${server} was lost.`);
  }
}

/** A varint of 10 bits of id and 4 of sub-client numbers, hence two bytes at most. */
function packetId(packet: Buffer): number {
  const [low = 0, high = 0] = packet;
  return (low & 0x80 ? (low & 0x7f) | ((high & 0x7f) << 7) : low) & 0x3ff;
}

function isLoginSuccess(packet: Buffer): boolean {
  return packetId(packet) === PLAY_STATUS && packet.at(-1) === 0;
}
