/**
 * A TCP proxy that plants faults between two processes without touching either: between a client and its coordinator, or
 * between a coordinator and Redis. Each direction has rules of its own, which hold for open connections and for new ones.
 */
import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Direction, type Rules } from './direction.js';

/** The two ends of a connection. */
export type End = 'client' | 'server';

/** The rules of both directions. A direction that is left out passes everything. */
export interface Faults {
  readonly toServer?: Rules;
  readonly toClient?: Rules;
}

/** A network that loses everything, both ways. */
export const BLACKHOLE: Faults = { toServer: { drop: true }, toClient: { drop: true } };

/** A connection through the proxy, by its two sockets. */
type Pair = Readonly<Record<End, Socket>>;

export class FaultProxy {
  readonly port: number;
  /** Host and port, as clients expect them. */
  readonly endpoint: string;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #changed = new EventEmitter().setMaxListeners(0);
  #target: number;
  #faults: Faults = {};
  #refuses = false;

  private constructor(server: Server, target: number) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.port = address.port;
    this.endpoint = `127.0.0.1:${this.port}`;
    this.#server = server;
    this.#target = target;
    server.on('connection', (client: Socket) => this.#connect(client));
  }

  /** Listens on a free port, in front of this port. */
  static async before(target: number): Promise<FaultProxy> {
    // Without it a FIN of one end would close both directions.
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, target);
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** From now on these rules hold, in the place of all former ones. */
  set(faults: Faults): void {
    this.#faults = faults;
    this.#changed.emit('changed');
  }

  /** Passes everything again, and what waited. New connections are let through again. */
  heal(): void {
    this.#refuses = false;
    this.set({});
  }

  /** New connections lead to this port. Open ones stay where they are. */
  turnTo(port: number): void {
    this.#target = port;
  }

  /** Breaks every connection that is open. New ones are let through. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Breaks every connection, and new ones too until `heal`. */
  refuse(): void {
    this.#refuses = true;
    this.cut();
  }

  /** Ends the stream towards one end, on the connections that are open. The other direction still works. */
  halfClose(towards: End): void {
    for (const pair of this.#pairs) pair[towards].end();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #connect(client: Socket): void {
    if (this.#refuses) return void client.resetAndDestroy();
    const server = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, server };
    this.#pairs.add(pair);
    const toServer = new Direction(client, server, () => this.#faults.toServer ?? {});
    const toClient = new Direction(server, client, () => this.#faults.toClient ?? {});
    const flow = (): void => {
      toServer.flow();
      toClient.flow();
    };
    this.#changed.on('changed', flow);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('close', () => {
        if (!client.destroyed || !server.destroyed) return;
        this.#pairs.delete(pair);
        this.#changed.off('changed', flow);
      });
    }
  }
}
