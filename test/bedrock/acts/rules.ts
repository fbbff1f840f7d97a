/** The routing rules of the demo. */
import { FallbackReason, RoutingOccasion, RoutingRule } from '../../../gen/ts/kelpie/v1/routing.js';

const to = { labels: { mode: 'lobby' }, names: [] };
const { JOIN, FALLBACK } = RoutingOccasion;
const { TIMEOUT, EXCEPTION, DRAIN } = FallbackReason;

export const RULES = [
  { name: 'joins', when: { occasions: [JOIN] }, to },
  { name: 'losses', when: { occasions: [FALLBACK], fallbackReasons: [TIMEOUT, EXCEPTION] }, to },
  { name: 'updates', when: { occasions: [FALLBACK], fallbackReasons: [DRAIN] }, to },
].map((rule) => RoutingRule.fromPartial(rule));
