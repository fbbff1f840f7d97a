import type { Client, Player } from './library.js';
import { dial, dismiss, letGo, packetId, sendAway } from './library.js';

const PLAY_STATUS = 2;
const DISCONNECT = 5;

/**
 * RakNet sends a lost datagram of a login again only after 2 s, so 3 s were not enough for two. And a connection that the
 * proxy gives up so early makes the server ban the proxy's IP address, and with it all players, for half a minute.
 */
const CONNECT_TIMEOUT_MS = 10_000;
/** The limit of the packets that a player may send before they are connected to a server. No honest client sends more. */
const MAX_EARLY_PACKETS = 256;
/** How long the player's client may take to answer: longer than a coordinator waits. */
const ANSWER_MS = 1000;

/** A downstream to which the proxy connects. */
export interface Target {
  name: string;
  host: string;
  port: number;
}

/** Forwards one player's packets to a downstream and back as bytes, without parsing them twice. */
export class Forwarder {
  readonly #player: Player;
  readonly #onLost: () => void;
  readonly #gone: Promise<void>;
  readonly #early: Buffer[] = [];
  #upstream: Client | undefined;
  #over = false;
  #heardMs = performance.now();
  #onHeard = (): void => undefined;

  /**
   * Created at the player's 'join', when their login with the proxy has ended. `onLost` is called if their server breaks
   * the connection without a message.
   */
  constructor(player: Player, onLost: () => void) {
    this.#player = player;
    this.#onLost = onLost;
    player.readPacket = (packet) => this.#forward(packet);
    this.#gone = new Promise((resolve) => {
      player.once('close', () => {
        this.#leaveServer();
        resolve();
      });
    });
  }

  /** True after the player left or was disconnected. */
  get over(): boolean {
    return this.#over;
  }

  /** Asks the player's client for an answer. Resolves with the time since its last packet. */
  async silenceMs(): Promise<number> {
    this.#player.write('network_stack_latency', { timestamp: 0n, needs_response: true });
    await new Promise<void>((resolve) => {
      this.#onHeard = resolve;
      setTimeout(resolve, ANSWER_MS);
    });
    return performance.now() - this.#heardMs;
  }

  /**
   * Disconnects the player with a message, unless they are about to leave already. Their server loses them at once.
   * Resolves when they have gone.
   */
  showOut(message: string): Promise<void> {
    if (this.#over) return this.#gone;
    this.#leaveServer();
    return dismiss(this.#player, message);
  }

  /** Makes the player's client connect to another proxy. Resolves when they have gone. */
  sendAway(address: { host: string; port: number }): Promise<void> {
    return sendAway(this.#player, address);
  }

  /**
   * Resolves when the target has let the player in: they have left their former server then. Rejects if the target
   * refuses, and they stay where they are; or if the player leaves.
   */
  connect(target: Target): Promise<void> {
    const { name, uuid } = this.#player.profile;
    const upstream = dial({
      ...{ host: target.host, port: target.port, name, uuid },
      skinData: this.#player.skinData,
      timeoutMs: CONNECT_TIMEOUT_MS,
    });
    return new Promise((resolve, reject) => {
      // Without this, the player would stay on the server after they left.
      void this.#gone.then(() => {
        upstream.close();
        reject(new Error('the player left'));
      });
      upstream.on('error', reject);
      upstream.on('close', () => {
        reject(new Error(`${target.name} closed the connection`));
        if (this.#upstream === upstream) this.#lose();
      });
      upstream.once('join', () => {
        if (this.#over) return upstream.close();
        this.#enter(upstream);
        resolve();
      });
    });
  }

  #enter(upstream: Client): void {
    const former = this.#upstream;
    this.#upstream = upstream;
    upstream.readPacket = (packet) => {
      if (this.#upstream === upstream) this.#return(packet);
    };
    for (const packet of this.#early.splice(0)) upstream.sendBuffer(packet, true);
    former?.close();
  }

  #forward(packet: Buffer): void {
    this.#heardMs = performance.now();
    this.#onHeard();
    // Sent at once: the library's tick would delay each packet of a player by up to 20 ms.
    if (this.#upstream) this.#upstream.sendBuffer(packet, true);
    else if (this.#early.push(packet) > MAX_EARLY_PACKETS) this.#player.close();
  }

  #return(packet: Buffer): void {
    // The proxy itself has already answered the player's login.
    if (isLoginSuccess(packet)) return;
    this.#player.sendBuffer(packet, true);
    if (packetId(packet) === DISCONNECT) this.#end();
  }

  /** The server has already sent the player its own message, so the proxy adds none. */
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

  #lose(): void {
    this.#upstream = undefined;
    this.#onLost();
  }
}

function isLoginSuccess(packet: Buffer): boolean {
  return packetId(packet) === PLAY_STATUS && packet.at(-1) === 0;
}
