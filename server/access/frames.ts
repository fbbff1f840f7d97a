/** The rights that each frame of a node needs. */
import type { Hello, NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Right } from './access.js';
import {
  issuing,
  nothing,
  reading,
  readingAll,
  type RightLimits,
  valueTopic,
  verb,
  writing,
} from './needs.js';

type Frame = NonNullable<NodeFrame['frame']>;

/** The rights that the node with this name needs for a frame. */
type Needs<Value> = (value: Value, limits: RightLimits, name: string) => Iterable<Right>;

type FrameTable = {
  readonly [Case in Frame['$case']]: Needs<Extract<Frame, { $case: Case }>['value']>;
};

const HOLD_PLAYERS = verb('HOLD_PLAYERS');
const RESERVE = verb('RESERVE');

export const frames: FrameTable = {
  hello: opening,
  heartbeat: nothing,
  ack: nothing,
  // The publisher asks for each event, and rejects it alone.
  publish: nothing,
  updateSubscription: ({ addedTopics }, { patterns }) => readingAll(addedTopics, patterns),
  goodbye: nothing,
  updateOwnNode: nothing,
  acquirePlayer: HOLD_PLAYERS,
  releasePlayer: HOLD_PLAYERS,
  reportPlayers: HOLD_PLAYERS,
  syncPlayers: HOLD_PLAYERS,
  issueCommand: issuing,
  // It names a command of the same session.
  cancelCommand: nothing,
  // Only the process that got the command can answer it.
  commandReply: nothing,
  // The coordinator asks when it knows where the player is.
  updatePlayer: nothing,
  transferPlayers: verb('TRANSFER'),
  reserveSlots: RESERVE,
  releaseSlots: RESERVE,
  getValue: (place) => [reading(valueTopic(place))],
  putValue: writing,
  deleteValue: writing,
};

function* opening(
  { role, topics }: Hello,
  { patterns }: RightLimits,
  name: string,
): Generator<Right> {
  yield { kind: 'node', name };
  yield { kind: 'role', role };
  yield* readingAll(topics, patterns);
}
