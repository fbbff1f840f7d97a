/**
 * Valid messages, by their type. A test puts a hostile field into one of them, so a refusal is always about that
 * field. In the JSON form of protobuf; a type that is not here is empty.
 */
import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { bytesOfJson } from '../wire/descriptors.js';

const PLAYER = '2535400000000001';
const MOMENT = '0.05s';

const decent: Record<string, JsonValue> = {
  Hello: {
    name: 'fuzz-hello',
    role: 'NODE_ROLE_PROXY',
    instanceId: 'AAAAAAAAAAAAAAAAAAAAAA==',
    start: { at: 'START_AT_LATEST' },
  },
  Start: { at: 'START_AT_LATEST' },
  Window: { events: 100, bytes: 100_000 },
  Address: { host: '127.0.0.1', port: 19132 },
  EventDraft: { topic: 'fuzz', payload: { content: { text: 'x' } } },
  Payload: { content: { text: 'x' } },
  UpdateSubscription: { startAt: 'START_AT_LATEST' },
  Goodbye: { reason: 'GOODBYE_REASON_DRAINED' },
  AcquirePlayer: { player: { xuid: PLAYER, name: 'Fuzz' }, policy: 'DUPLICATE_POLICY_KICK_OLD' },
  Player: { xuid: PLAYER, name: 'Fuzz' },
  UpdatePlayer: { playerId: PLAYER },
  PlayerReport: { playerId: PLAYER },
  PlayerRef: { playerId: PLAYER },
  PlayerLookup: { name: 'Fuzz' },
  PlayerTarget: { player: { name: 'Fuzz' } },
  Command: { custom: { name: 'echo', content: { text: 'x' } } },
  CustomCommand: { name: 'echo', content: { text: 'x' } },
  CommandTarget: { node: 'fuzz-victim' },
  KickPlayersCommand: { players: [{ playerId: PLAYER }], message: 'x' },
  ShowMessageCommand: { players: [{ playerId: PLAYER }], display: { chat: 'x' } },
  Display: { chat: 'x' },
  Title: { title: 'x' },
  Toast: { title: 'x', message: 'x' },
  RunConsoleCommand: { line: 'list' },
  VerifyPlayerCommand: { player: { playerId: PLAYER } },
  CommandReply: { commandId: '1', output: { custom: { text: 'x' } } },
  CommandOutput: { custom: { text: 'x' } },
  IssueCommandRequest: {
    target: { node: 'fuzz-victim' },
    command: { custom: { name: 'echo', content: { text: 'x' } } },
    timeout: MOMENT,
  },
  PublishEventsRequest: {},
  ReadEventsRequest: { topics: ['fuzz'], start: { at: 'START_AT_LATEST' } },
  WatchEventsRequest: { topics: ['fuzz'], start: { at: 'START_AT_LATEST' } },
  GetNodeRequest: { name: 'fuzz-victim' },
  UpdateNodeRequest: { name: 'fuzz-victim' },
  DisconnectNodeRequest: { name: 'nobody' },
  DrainNodeRequest: { name: 'fuzz-victim', deadline: MOMENT },
  CancelNodeDrainRequest: { name: 'fuzz-victim' },
  GetPlayerRequest: { player: { name: 'Fuzz' } },
  KickPlayersRequest: { target: { player: { name: 'Fuzz' } }, message: 'x', timeout: MOMENT },
  ShowMessageRequest: {
    target: { player: { name: 'Fuzz' } },
    display: { chat: 'x' },
    timeout: MOMENT,
  },
};

const written = new Map<DescMessage, Uint8Array>();

/** A valid message of this type, as bytes. */
export function decentBytes(type: DescMessage): Uint8Array {
  let bytes = written.get(type);
  if (!bytes) {
    const json = decent[type.name];
    bytes = json === undefined ? new Uint8Array() : bytesOfJson(type, json);
    written.set(type, bytes);
  }
  return bytes;
}

/** Replaces the valid message of a type: for numbers that must grow, and for names that must exist. */
export function nowDecent(type: DescMessage, json: JsonValue): void {
  written.set(type, bytesOfJson(type, json));
}
