/** Measures how many players a coordinator moves in a second: all players of a server to another one, and back. */
import { connect, type KelpieClient } from '../../client/index.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { startServer } from './children.js';
import { type RunningServer } from './coordinator.js';
import { cpuSeconds } from './cpu.js';
import { type Effort, transfers, transferSystems } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** The players, half of them on each proxy. */
const PLAYERS = 1000;
/** Players who log in at once. */
const LOGINS = 100;

/** Measures each journal, one after the other. */
export async function measureTransfers(
  { repetitions, moves }: Effort,
  onProgress: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = [];
  for (const system of transferSystems) {
    onProgress(`transfers, ${system.title}`);
    const measurements: Measurement[] = [];
    for (let round = 0; round < repetitions; round++) {
      const server = await startServer(system.server);
      measurements.push(await measureMoves(server, moves).finally(() => server.stop()));
    }
    rows.push({ system, measurements });
  }
  onProgress('');
  return { scenario: transfers, rows };
}

async function measureMoves({ endpoint, pid }: RunningServer, moves: number): Promise<Measurement> {
  const network = new FakeNetwork({ endpoints: endpoint });
  const issuer = connect({ name: 'bench', role: 'SERVICE', endpoints: endpoint });
  try {
    await issuer.ready();
    await fill(network);
    // The first way there and back pays for the warming up of both programs.
    for (const target of ['b', 'a']) await moveAll(issuer, target);
    const cpu = cpuSeconds([pid]);
    const beganMs = performance.now();
    for (let way = 0; way < moves; way++) await moveAll(issuer, way % 2 === 0 ? 'b' : 'a');
    const seconds = (performance.now() - beganMs) / 1000;
    const after = cpuSeconds([pid]);
    const serverCpu =
      cpu === undefined || after === undefined ? undefined : (after - cpu) / seconds;
    return { deliveriesPerSecond: (PLAYERS * moves) / seconds, serverCpu };
  } finally {
    await issuer.close();
    await network.close();
  }
}

async function fill(network: FakeNetwork): Promise<void> {
  for (const name of ['a', 'b']) await network.server(name, {}, { maxPlayers: PLAYERS });
  const [one, two] = [await network.proxy('gate-1'), await network.proxy('gate-2')];
  for (let from = 0; from < PLAYERS; from += LOGINS) {
    const logins = Array.from({ length: LOGINS }, (_, index) => {
      const facts = { xuid: String(from + index + 1), name: `Player ${from + index}` };
      return (index % 2 === 0 ? one : two).bring(facts, 'a');
    });
    await Promise.all(logins);
  }
}

async function moveAll(issuer: KelpieClient, target: string): Promise<void> {
  const from = target === 'a' ? 'b' : 'a';
  for await (const { error } of issuer.transfer({ server: from }, { server: target })) {
    if (error) throw error;
  }
}
