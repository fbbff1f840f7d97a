/** Checks which topics may have a retention of their own. */
import { KelpieError } from '../core/errors.js';
import { checkTopic, isReserved, isUnder } from '../topics/topic.js';
import type { TopicRetention } from './journal.js';

/** The limit of such topics: the journal compares each entry that it stores with each of them. */
const MOST = 16;

/**
 * Throws TOPIC_INVALID for a malformed topic, and TOPIC_RESERVED for a topic of the coordinator's own: readers of
 * these rely on every entry. Throws a RangeError if there are too many topics, or if one lies below another.
 */
export function checkOwnRetention(topics: readonly TopicRetention[]): void {
  if (topics.length > MOST) {
    throw new RangeError(`at most ${MOST} topics may have a retention of their own; name fewer`);
  }
  for (const [index, { prefix }] of topics.entries()) {
    if (isReserved(prefix.split('.', 1)[0] ?? '')) {
      const message = `"${prefix}" is a topic of the coordinator, which keeps all of its events; limit topics of your own`;
      throw new KelpieError('TOPIC_RESERVED', message, { topic: prefix });
    }
    checkTopic(prefix);
    const other = topics.find((one, at) => at !== index && isUnder(one.prefix, prefix));
    if (other) {
      throw new RangeError(
        `"${other.prefix}" lies below "${prefix}", which includes it; name only one of them`,
      );
    }
  }
}
