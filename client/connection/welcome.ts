/** The coordinator's Welcome in the form of programs: with names for the numbers of the wire, and milliseconds. */
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

/** The values for a coordinator that sends none. */
export const HEARTBEAT_MS = 5000;
export const MAX_SILENCE_MS = 15_000;
export const GRACE_MS = 15_000;

/** The facts of a session, which the coordinator sends when it opens the session. */
export interface Welcome {
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
  /** The time between two heartbeats of the client. */
  readonly heartbeatIntervalMs: number;
  /** Each side ends the stream when it has received nothing for this long. */
  readonly maxSilenceMs: number;
  /** How long the coordinator keeps a lost node before the node leaves as LOST. */
  readonly graceMs: number;
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
    heartbeatIntervalMs: msOf(welcome.heartbeatInterval, HEARTBEAT_MS),
    maxSilenceMs: msOf(welcome.maxSilence, MAX_SILENCE_MS),
    graceMs: msOf(welcome.grace, GRACE_MS),
    limits,
    cursor,
    features,
    network,
    credentialExpiresInMs: credentialExpiresIn && msOf(credentialExpiresIn, 0),
  };
}
