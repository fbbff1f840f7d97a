/** The network of the demo with three coordinators on one Redis. */
import { RedisServer } from '../../support/redis/redis-server.js';
import type { Stage as AnyStage } from '../acts/stage.js';
import { Network, plan } from '../network.js';

export type Stage = AnyStage & { network: ClusterNetwork };

export const COORDINATORS = [0, 1, 2] as const;

export class ClusterNetwork extends Network {
  readonly redis: RedisServer;

  private constructor(facts: Awaited<ReturnType<typeof plan>>, redis: RedisServer) {
    super({ ...facts, journal: ['--journal', 'redis', '--redis', redis.url] });
    this.redis = redis;
  }

  static override async plan(): Promise<ClusterNetwork> {
    return new ClusterNetwork(
      await plan(COORDINATORS.length),
      await RedisServer.start({ persistent: true }),
    );
  }

  override async forget(): Promise<void> {
    await super.forget();
    await this.redis.stop();
  }
}
