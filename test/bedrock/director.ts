/** The messages between a process of the demo and its director. */
import type { KelpieClient } from '../../client/index.js';

export type Report =
  | { type: 'ready' }
  /** A change of the connection to Kelpie; `connected` names the coordinator. */
  | { type: 'status'; status: string; endpoint?: string }
  | { type: 'servers'; names: string[] };

/** Sends a report to the director over IPC, because the native code of the game prints to stdout. */
export function tell(report: Report): void {
  if (process.connected) process.send?.(report);
}

/** The arguments of a process: its name, its UDP port, the coordinator's endpoint, and more. */
export function role(): { name: string; port: number; endpoint: string; more: string[] } {
  const [name, port, endpoint, ...more] = process.argv.slice(2);
  if (name === undefined || port === undefined || endpoint === undefined) {
    throw new Error('usage: <name> <udp port> <coordinator host:port> [more]');
  }
  return { name, port: Number(port), endpoint, more };
}

/** Reports each change of the connection to Kelpie, until the connection is closed. */
export async function tellStatus(kelpie: KelpieClient, onChange?: () => void): Promise<void> {
  for await (const status of kelpie.status()) {
    const endpoint = status.type === 'connected' && { endpoint: status.endpoint };
    tell({ type: 'status', status: status.type, ...endpoint });
    onChange?.();
  }
}

/** On SIGTERM, closes everything and ends the process. */
export function onStop(close: () => Promise<void>): void {
  process.once('SIGTERM', () => {
    void close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
