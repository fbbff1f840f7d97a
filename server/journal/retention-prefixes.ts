/** Which topics may have a retention of their own. */
import { checkTopic, isUnder } from '../topics/topic.js';
import type { TopicRetention } from './journal.js';

/** Each entry that is stored is held against each of them. */
const MOST = 16;

/**
 * Throws TOPIC_INVALID or TOPIC_RESERVED for what is no topic or the coordinator's own, whose holes no
 * reader could live with; a RangeError if there are too many, or one lies below another.
 */
export function checkOwnRetention(topics: readonly TopicRetention[]): void {
  if (topics.length > MOST) {
    throw new RangeError(`at most ${MOST} topics can have a retention of their own`);
  }
  for (const [index, { prefix }] of topics.entries()) {
    checkTopic(prefix);
    const other = topics.find((one, at) => at !== index && isUnder(one.prefix, prefix));
    if (other) {
      throw new RangeError(
        `"${other.prefix}" lies below "${prefix}", which includes it; name one of them`,
      );
    }
  }
}
