/** The frames and messages that tests write and read, with the names of the protos. Fields that no test reads are left out. */
import { randomBytes } from 'node:crypto';

export interface Duration {
  seconds: number;
  nanos?: number;
}

export interface Cursor {
  epoch: Buffer;
  sequence: number;
  tag: number;
}

/** An empty start is an error. */
export interface Start {
  after?: Cursor;
  at?: string;
  since?: Duration;
}

/** kelpie.v1.ErrorDetail. */
export interface WireError {
  reason: string;
  code: number;
  message: string;
  metadata: Record<string, string>;
  retry_after: Duration | null;
}

export interface Node {
  name: string;
  display_name: string;
  role: string;
  state: string;
  instance_id: Buffer;
  address: { host: string; port: number } | null;
  labels: Record<string, string>;
  load?: { memory_max_bytes: number } | null;
}

export interface Event {
  sequence: number;
  topic: string;
  source: string;
  time: Duration;
  body: string;
  message_published?: {
    type: string;
    content: { form: string; text?: string; data?: Buffer };
    attributes: Record<string, string>;
    origin: string;
  };
  node_joined?: { node: Node };
  node_updated?: { node: Node };
  node_left?: { node: Node; reason: string };
}

/** An event that a test publishes. It may lack fields or break rules. */
export interface Draft {
  topic?: string;
  payload?: {
    type?: string;
    content?: { text?: string; data?: Buffer };
    attributes?: Record<string, string>;
    /** A name, or any number. */
    origin?: string | number;
  };
}

/** The first frame of a node. It may lack fields or break rules. */
export interface Hello {
  name?: string;
  role?: string | number;
  instance_id?: Buffer;
  address?: { host?: string; port: number };
  labels?: Record<string, string>;
  motd?: string;
  topics?: string[];
  start?: Start;
  window?: { events: number; bytes: number };
  commands?: string[];
}

/** A player whom a proxy reports. It may lack fields or break rules. */
export interface WirePlayer {
  xuid?: string;
  uuid?: string;
  name?: string;
  address?: string;
  device?: { os?: string; model?: string; input?: string };
  language?: string;
  properties?: Record<string, string>;
  context?: Buffer;
}

interface PlayerReport {
  player_id?: string;
  generation?: number;
  joined?: WirePlayer;
  moved_to?: string;
  changed?: { properties?: Record<string, string>; context?: Buffer; language?: string };
  left?: string;
}

/** kelpie.v1.Command. `form` names the field that is set. */
export interface Command {
  form: string;
  kick_players?: { players: { player_id: string }[]; message: string };
  show_message?: { players: { player_id: string }[]; display: object };
  run_console_command?: { line: string };
  custom?: { name: string; content: { form: string; text?: string; json?: object } };
}

/** kelpie.v1.CommandOutput. */
export interface CommandOutput {
  players?: { outcomes: { player_id: string; error?: { message: string } }[] };
  console?: { success: boolean; lines: string[] };
  custom?: { text?: string; data?: Buffer; json?: object };
}

export interface NodeFrame {
  request_id?: number;
  hello?: Hello;
  heartbeat?: object;
  ack?: { sequence: number };
  publish?: { first_publish_sequence: number; events: Draft[] };
  update_subscription?: { added_topics?: string[]; removed_topics?: string[]; start_at?: string };
  update_own_node?: { change: { state?: string; labels?: Record<string, string> } };
  acquire_player?: { player: WirePlayer; policy?: string };
  report_players?: { reports: PlayerReport[] };
  command_reply?: { command_id: number; output?: CommandOutput; failure?: { message: string } };
  goodbye?: { reason?: string };
}

export interface Welcome {
  session_id: string;
  generation: number;
  outcome: string;
  heartbeat_interval: Duration;
  limits: Record<string, number>;
  publish_sequence: number;
  node_name: string;
}

interface EventBatch {
  after_sequence: number;
  up_to: Cursor;
  events: Event[];
}

interface Snapshot {
  cursor: Cursor | null;
  topics: string[];
  rows: { sequence: number; node: Node }[];
  complete: boolean;
}

export interface Gap {
  lost_after: Cursor;
  resumes_at: Cursor;
  reason: string;
  topics: string[];
}

export interface Frames {
  event_batch: EventBatch;
  publish_ack: {
    publish_sequence: number;
    rejections: { publish_sequence: number; error: WireError }[];
  };
  heartbeat_ack: { cursor: Cursor | null };
  welcome: Welcome;
  snapshot: Snapshot;
  gap: Gap;
  subscription_updated: { cursor: Cursor };
  request_ok: object;
  request_failed: { error: WireError };
  drain: { grace: Duration; reconnect_window: Duration };
  heartbeat_requested: object;
  node_loads: { loads: { name: string }[] };
  player_acquired: { player_id: string; outcome: string; generation?: number };
  player_evicted: { player_id: string; generation: number };
  players_reported: { results: { player_id: string; error: WireError | null }[] };
  command_request: { command_id: number; command: Command };
  command_cancelled: { command_id: number };
}

export type Kind = keyof Frames;

/** `frame` names the field that is set. */
export type Frame = { request_id: number; frame: Kind } & Partial<Frames>;

/** A valid Hello. `more` adds fields and overwrites them. */
export function helloOf(name: string, more: Hello = {}): Hello {
  const start = { at: 'START_AT_LATEST' };
  return { name, role: 'NODE_ROLE_SERVICE', instance_id: randomBytes(16), start, ...more };
}

/** A valid event with a text. */
export function say(topic: string, text: string): Draft {
  return { topic, payload: { content: { text } } };
}

export function textOf(event: Event): string | undefined {
  return event.message_published?.content.text;
}

export function sequenceOf(event: Event): number {
  return event.sequence;
}
