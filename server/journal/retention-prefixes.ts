/** Checks which topics may have a retention of their own. */
import { checkTopic, isUnder } from '../topics/topic.js';
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
    checkTopic(prefix);
    const other = topics.find((one, at) => at !== index && isUnder(one.prefix, prefix));
    if (other) {
      throw new RangeError(
        `"${other.prefix}" lies below "${prefix}", which includes it; name only one of them`,
      );
    }
  }
}
