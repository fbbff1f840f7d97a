/** The needs of requests: parts of the table of rights that frames and calls share. */
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import type { PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { DeleteValueRequest, PutValueRequest } from '../../gen/ts/kelpie/v1/state_service.js';
import { nameOf } from '../commands/forms.js';
import { TARGETS } from '../commands/targets.js';
import { cutText } from '../core/text.js';
import type { Limits } from '../network/limits.js';
import { nameOfValue, type ValuePlace } from '../state/keys.js';
import { checkPatternCount } from '../topics/filter.js';
import { checkPattern, checkTopic, topicOfKey } from '../topics/topic.js';
import type { Right, VerbName } from './access.js';

/** The limits of a request: they bound the rights that it needs. */
export type RightLimits = Pick<Limits, 'patterns' | 'publishEvents'>;

/** One letter more than the longest name of a node or id of a player. */
const NAME_LETTERS = 64;

export function publishing(topic: string): Right {
  return { kind: 'publish', topic };
}

export function reading(pattern: string): Right {
  return { kind: 'read', pattern };
}

/** A request that needs one verb. */
export function verb(name: VerbName): () => readonly Right[] {
  const rights = [{ kind: 'verb', verb: name }] as const;
  return () => rights;
}

const NOTHING: readonly Right[] = [];

/** A request that needs no right: it concerns the peer alone, or has a fence of its own. */
export function nothing(): readonly Right[] {
  return NOTHING;
}

/**
 * The patterns that a request reads. Throws PATTERN_LIMIT, TOPIC_INVALID or TOPIC_RESERVED.
 */
export function* readingAll(patterns: readonly string[], limit: number): Generator<Right> {
  checkPatternCount(patterns.length, limit);
  for (const pattern of patterns) {
    checkPattern(pattern);
    yield reading(pattern);
  }
}

/**
 * The topics that a request publishes to. Throws TOPIC_INVALID or TOPIC_RESERVED. A request with more topics than the
 * limit fails later.
 */
export function* publishingAll(topics: readonly string[], limit: number): Generator<Right> {
  for (const topic of topics.slice(0, limit)) {
    checkTopic(topic);
    yield publishing(topic);
  }
}

export function readingNode(name: string): Right {
  return reading(`nodes.${cutText(name.toLowerCase(), NAME_LETTERS)}`);
}

/** A lookup by id reads one player. Every other lookup compares all players. */
export function readingPlayer(lookup: PlayerLookup | undefined): Right {
  const by = lookup?.by;
  return by?.$case === 'id' ? readingPlayerId(by.value) : reading('players.*');
}

export function readingPlayerId(id: string): Right {
  return reading(`players.${cutText(id.toLowerCase(), NAME_LETTERS)}`);
}

/** Throws KEY_INVALID. */
export function valueTopic(place: ValuePlace): string {
  return topicOfKey(`state/${nameOfValue(place)}`);
}

/** A write of a value. Its guard reads another value: the answer shows whether that one has changed. */
export function* writing(request: PutValueRequest | DeleteValueRequest): Generator<Right> {
  yield publishing(valueTopic(request));
  if (request.guard) yield reading(valueTopic(request.guard));
}

/**
 * The command, and the nodes that its target names. The commands ask for the nodes that a target selects, one by
 * one. A target of a player shows where they are.
 */
export function* issuing({ command, target }: IssueCommandRequest): Generator<Right> {
  if (command?.form) yield { kind: 'call', command: nameOf(command.form) };
  const place = target?.place;
  switch (place?.$case) {
    case 'node':
      yield targeting(place.value);
      return;
    case 'nodes':
      for (const name of place.value.names.slice(0, TARGETS)) yield targeting(name);
      return;
    case 'playerProxy':
    case 'playerServer':
      yield readingPlayerId(place.value);
      return;
    default:
      return;
  }
}

export function targeting(node: string): Right {
  return { kind: 'target', node: cutText(node.toLowerCase(), NAME_LETTERS) };
}
