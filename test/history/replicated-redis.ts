/**
 * A primary and its replica, each behind a fault proxy: the one on the way of the coordinators, the other on the way of the
 * replica to its primary. So the replica can fall behind, and take the place of the primary.
 */
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';

export class ReplicatedRedis {
  readonly #way: FaultProxy;
  #primary: RedisServer;
  #replica: RedisServer | undefined;
  #replication: FaultProxy | undefined;

  private constructor(primary: RedisServer, way: FaultProxy) {
    this.#primary = primary;
    this.#way = way;
  }

  /** Resolves when the replica has the data. */
  static async start(): Promise<ReplicatedRedis> {
    const primary = await RedisServer.start();
    const redis = new ReplicatedRedis(primary, await FaultProxy.before(primary.port));
    await redis.replicate();
    return redis;
  }

  /** For a client of the primary, whichever it is. */
  get url(): string {
    return `redis://${this.#way.endpoint}`;
  }

  /** Gives the primary a new replica. */
  async replicate(): Promise<void> {
    this.#replication = await FaultProxy.before(this.#primary.port);
    this.#replica = await RedisServer.start();
    const { port } = this.#replication;
    await this.#replica.command('REPLICAOF', '127.0.0.1', String(port));
    const replica = this.#replica;
    await replica.until(async () => (await replica.info('replication')).includes('link_status:up'));
  }

  /** From now on the replica gets nothing more. */
  leaveBehind(): void {
    this.#replication?.refuse();
  }

  /** The primary dies, and the replica takes its place. */
  async failOver(): Promise<void> {
    if (!this.#replica) throw new Error('there is no replica');
    await this.#primary.stop();
    await this.#replica.command('REPLICAOF', 'NO', 'ONE');
    await this.#replication?.close();
    this.#primary = this.#replica;
    this.#replica = this.#replication = undefined;
    this.#way.turnTo(this.#primary.port);
    this.#way.cut();
  }

  async stop(): Promise<void> {
    await this.#way.close();
    await this.#replication?.close();
    await this.#replica?.stop();
    await this.#primary.stop();
  }
}
