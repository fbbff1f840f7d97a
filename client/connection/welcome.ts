/** The coordinator's Welcome in the form of programs: with names for the numbers of the wire, and milliseconds. */
import type { Duration } from '../../gen/ts/google/protobuf/duration.js';
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Welcome as WireWelcome } from '../../gen/ts/kelpie/v1/session_service.js';
import { msOf } from '../core/duration.js';
import {
  durabilityNameOf,
  type DurabilityName,
  welcomeOutcomeNameOf,
  type WelcomeOutcomeName,
} from '../core/spelling.js';

/** The times of a Welcome: the default, and the least that counts. Shorter times would keep a node busy with nothing else. */
const HEARTBEAT = { defaultMs: 5000, leastMs: 50 };
const MAX_SILENCE = { defaultMs: 15_000, leastMs: 250 };
const GRACE = { defaultMs: 15_000, leastMs: 500 };

/** The times of a session. Without a Welcome: the defaults. */
export function timesOf(welcome: WireWelcome | undefined): SessionTimes {
  return {
    heartbeatIntervalMs: timeOf(welcome?.heartbeatInterval, HEARTBEAT),
    maxSilenceMs: timeOf(welcome?.maxSilence, MAX_SILENCE),
    graceMs: timeOf(welcome?.grace, GRACE),
  };
}

function timeOf(given: Duration | undefined, { defaultMs, leastMs }: typeof GRACE): number {
  return Math.max(leastMs, msOf(given, defaultMs));
}

interface SessionTimes {
  /** The time between two heartbeats of the client. */
  readonly heartbeatIntervalMs: number;
  /** Each side ends the stream when it has received nothing for this long. */
  readonly maxSilenceMs: number;
  /** How long the coordinator keeps a lost node before the node leaves as LOST. */
  readonly graceMs: number;
}

/** The facts of a session, which the coordinator sends when it opens the session. */
export interface Welcome extends SessionTimes {
  /** The session's id, for logs. */
  readonly sessionId: string;
  /** The coordinator's id, for logs. */
  readonly coordinatorId: string;
  /** The version of the coordinator. */
  readonly coordinatorVersion: string;
  /** The node's name in lower case, as in topics. */
  readonly nodeName: string;
  /** The number of the session: each new session of the node has a higher one. */
  readonly generation: number;
  /** NEW, RESUMED (the process was connected before), or REPLACED (another process had the name). */
  readonly outcome: WelcomeOutcomeName;
  /** The crashes that an acknowledged event survives. */
  readonly durability: DurabilityName;
  /** The limits of the coordinator. */
  readonly limits: Limits | undefined;
  /** Where reading starts. */
  readonly cursor: Cursor | undefined;
  /** The optional features of the coordinator. */
  readonly features: readonly string[];
  /** The network of the node. Its credential decides it. */
  readonly network: string;
  /** The time until the credential expires, and with it the session; undefined: never. */
  readonly credentialExpiresInMs: number | undefined;
}

export function welcomeOf(welcome: WireWelcome): Welcome {
  const { sessionId, coordinatorId, coordinatorVersion, nodeName, generation } = welcome;
  const { limits, cursor, features, network, credentialExpiresIn } = welcome;
  return {
    sessionId,
    coordinatorId,
    coordinatorVersion,
    nodeName,
    generation,
    outcome: welcomeOutcomeNameOf(welcome.outcome),
    durability: durabilityNameOf(welcome.durability),
    ...timesOf(welcome),
    limits,
    cursor,
    features,
    network,
    credentialExpiresInMs: credentialExpiresIn && msOf(credentialExpiresIn, 0),
  };
}
