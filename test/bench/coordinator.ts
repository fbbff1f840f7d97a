/** A server of a run, and a kelpied as one. */
import { startKelpied } from '../support/process/kelpied.js';

/** A server that listens. */
export interface RunningServer {
  /** Several are separated by commas. */
  readonly endpoint: string;
  readonly pid: number;
  /** The other processes of the server. */
  readonly otherPids?: readonly number[];
  /** The variables that its clients need. */
  readonly variables?: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** A kelpied; its journal is in memory unless the arguments say otherwise. */
export async function startCoordinator(args: readonly string[]): Promise<RunningServer> {
  const kelpied = await startKelpied(args);
  return {
    endpoint: kelpied.endpoint,
    pid: kelpied.process.pid ?? 0,
    stop: () => kelpied.kill(),
  };
}
