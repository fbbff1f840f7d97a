/** Checks of a coordinator that answers: its own report, and whether pings reach its nodes. */
import type { Api, CallOptions, CoordinatorInfo, Node } from '../../api/index.js';
import { fromThrown, type KelpieError } from '../../errors.js';
import { version as ours } from '../../core/version.js';
import { type Finding, Trouble } from './finding.js';
import { settingsOf } from '../maintenance.js';
import { bytes, counted } from '../output/output.js';
import { ping } from './raknet-ping.js';

const CALL_MS = 5000;
const ROUND_TRIPS = 20;
/** Nodes that are pinged at the most, all at once. */
const PINGS = 20;

export async function checkHealth(api: Api, timeoutMs = CALL_MS): Promise<string> {
  if (await answered(timeoutMs, (options) => api.coordinator.isServing(options))) return 'SERVING';
  const { readOnly } = await infoOf(api, timeoutMs);
  if (readOnly) {
    throw new Trouble(
      'its journal is read-only: the disk is full or failed',
      'Make room or mend the disk, then start kelpied again.',
    );
  }
  if ((await isDraining(api, timeoutMs)) === false) {
    throw new Trouble(
      'NOT_SERVING: it cannot reach the storage that it shares',
      'Look at that storage and at the way to it; the log of kelpied says why. It serves again by itself.',
    );
  }
  throw new Trouble(
    'DRAINING: it is about to stop, and takes no session',
    'Wait until it has been started again, or name another coordinator as endpoint.',
  );
}

/** Undefined if the coordinator does not say it, as those of older versions. */
async function isDraining(api: Api, timeoutMs: number): Promise<boolean | undefined> {
  try {
    const answer = await api.messages.coordinator.listCoordinators({ timeoutMs });
    return answer.coordinators.find(({ id }) => id === answer.coordinatorId)?.draining;
  } catch {
    return undefined;
  }
}

export async function checkVersion(api: Api, timeoutMs = CALL_MS): Promise<string> {
  const { version: theirs, network } = await infoOf(api, timeoutMs);
  const major = (text: string): string => text.split('.')[0] ?? '';
  if (major(theirs) === major(ours)) return `${theirs}, network ${network}; this kelpie is ${ours}`;
  throw new Trouble(
    `the coordinator is ${theirs}, and this kelpie is ${ours}`,
    `Use the kelpie of version ${major(theirs)}, or bring the coordinator to ${major(ours)}.`,
  );
}

/** Measured by the monotonic clock of this process; the coordinator's clock is not used. */
export async function checkRoundTrip(api: Api, timeoutMs = CALL_MS): Promise<string> {
  const tripsMs: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const startedMs = performance.now();
    await infoOf(api, timeoutMs);
    tripsMs.push(performance.now() - startedMs);
  }
  tripsMs.sort((left, right) => left - right);
  const [least = 0] = tripsMs;
  const median = tripsMs[ROUND_TRIPS / 2] ?? 0;
  return `median ${median.toFixed(1)} ms, least ${least.toFixed(1)} ms, of ${ROUND_TRIPS} calls`;
}

export async function checkJournal(
  api: Api,
  timeoutMs = CALL_MS,
): Promise<Omit<Finding, 'check'>[]> {
  const info = await infoOf(api, timeoutMs);
  const { entries, bytes: size, topics, warnings } = info;
  const [most] = topics;
  const fills = most ? `, most of it ${most.topic} (${bytes(most.bytes)})` : '';
  const finding = `${placeOf(info)}; holds ${entries} entries, ${bytes(size)}${fills}`;
  const wrong = warnings.map(({ problem, advice }) => {
    return { status: 'warning' as const, finding: problem, advice };
  });
  return [{ status: 'ok', finding }, ...wrong];
}

function placeOf({ durability, engine }: CoordinatorInfo): string {
  if (engine === 'redis') return 'in Redis, survives this coordinator';
  return {
    NONE: 'in memory, ends with the coordinator',
    POWER_LOSS: 'on disk, survives a loss of power',
    PROCESS_CRASH: 'on disk, may lose its last milliseconds with the power',
    UNKNOWN: 'kept in a way that this kelpie does not know',
  }[durability];
}

/** Only in maintenance: somebody may have forgotten it. */
export async function checkMaintenance(
  api: Api,
  timeoutMs = CALL_MS,
): Promise<Omit<Finding, 'check'>[]> {
  const settings = await answered(timeoutMs, (options) => settingsOf(api, options));
  if (!settings.maintenance) return [];
  const allowed = counted(settings.allowedPlayers.length, 'allowed player');
  return [
    {
      status: 'warning',
      finding: `only ${allowed} can log in`,
      advice: '`kelpie maintenance` shows who, and `kelpie maintenance off` lets everybody in.',
    },
  ];
}

/** A server that does not answer is a warning: it may be closed to this machine on purpose. */
export async function checkNodes(api: Api, timeoutMs = CALL_MS): Promise<Omit<Finding, 'check'>[]> {
  const addressed = await answered(timeoutMs, async (options) => {
    const found: Node[] = [];
    for await (const node of api.nodes.all({ roles: ['DOWNSTREAM', 'PROXY'] }, options)) {
      if (node.address) found.push(node);
    }
    return found;
  });
  if (addressed.length === 0) {
    return [{ status: 'ok', finding: 'no proxy or server has an address for players' }];
  }
  const asked = addressed.slice(0, PINGS);
  const silent = (await Promise.all(asked.map(silence))).filter((one) => one !== undefined);
  const rest = addressed.length - asked.length;
  const left = rest > 0 ? `; ${rest} more were not asked` : '';
  const finding = `${asked.length - silent.length} of ${asked.length} answer a RakNet ping${left}`;
  return [{ status: silent.length > 0 ? 'warning' : 'ok', finding }, ...silent];
}

async function silence({
  name,
  state,
  address,
}: Node): Promise<Omit<Finding, 'check'> | undefined> {
  const { host, port } = address ?? { host: '', port: 0 };
  const why = await ping(host, port);
  if (why === undefined) return undefined;
  return {
    status: 'warning',
    finding: `${name} (${state}) at ${host}:${port}, UDP: ${why}`,
    advice:
      'If this machine should reach it: look whether the server runs, at its firewall, and at the address ' +
      'that it gives of itself.',
  };
}

function infoOf(api: Api, timeoutMs: number): Promise<CoordinatorInfo> {
  return answered(timeoutMs, (options) => api.coordinator.info(options));
}

/** The answer of a call. Rejects with Trouble, or RIGHT_MISSING: most rights are not for everybody. */
export async function answered<T>(
  timeoutMs = CALL_MS,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  try {
    return await call({ timeoutMs });
  } catch (thrown) {
    const error = fromThrown(thrown);
    throw error.reason === 'RIGHT_MISSING' ? error : troubleOf(error, timeoutMs);
  }
}

function troubleOf({ message, permanent, reason }: KelpieError, timeoutMs: number): Trouble {
  if (reason === 'CALL_TIMEOUT') {
    return new Trouble(
      `a call got no answer in ${timeoutMs / 1000} s`,
      'Look at the log of kelpied and at the load of its machine.',
    );
  }
  if (permanent || reason === 'NOT_A_COORDINATOR') {
    return new Trouble(
      `it refuses a call that every coordinator answers: ${message}`,
      'Something else than kelpied may listen there: `kelpied config` prints where that does.',
    );
  }
  return new Trouble(`a call failed: ${message}`, 'Look at the log of kelpied, and try again.');
}
