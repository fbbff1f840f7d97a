/** The services that sessions use. The coordinator builds them. */
import type { Commands } from '../commands/commands.js';
import type { LoadFrames } from '../delivery/load-frames.js';
import type { Pages } from '../delivery/pages.js';
import type { PatternBudget } from '../delivery/pattern-budget.js';
import type { SubscriptionIndex } from '../delivery/subscription-index.js';
import type { Network } from '../network/network.js';
import type { NodeClaims } from '../nodes/claims.js';
import type { Loads } from '../nodes/loads.js';
import type { PlayerOwnership, Verify } from '../players/ownership.js';
import type { SessionObserver } from './observer.js';
import type { SessionRegistry } from './registry.js';

export interface SessionServices {
  readonly network: Network;
  readonly registry: SessionRegistry;
  readonly claims: NodeClaims;
  readonly ownership: PlayerOwnership;
  readonly verify: Verify;
  readonly commands: Commands;
  readonly loads: Loads;
  readonly loadFrames: LoadFrames;
  readonly pages: Pages;
  readonly subscriptions: SubscriptionIndex;
  readonly patterns: PatternBudget;
  readonly observer: SessionObserver;
}
