/** The driver of the TypeScript SDK with a fault in the SDK, which FAULT names: scenarios must find it. */
import { Outbox } from '../../../client/connection/outbox.js';
import { Publisher } from '../../../client/events/publisher.js';
import { Position } from '../../../client/events/position.js';
import { SavedState } from '../../../client/files/saved.js';
import { Reading } from '../../../client/reading.js';

/** Puts a method in the place of one of a class; it gets the original one. */
function replace<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  method: (original: Class[Name]) => Class[Name],
): void {
  prototype[name] = method(prototype[name]);
}

const faults: Record<string, () => void> = {
  'skips acknowledgements': () => replace(Outbox.prototype, 'acknowledge', () => () => undefined),
  'resumes from the newest event instead of the last handled one': () =>
    replace(
      SavedState.prototype,
      'received',
      (original) =>
        function (this: SavedState, cursor) {
          const piece = original.call(this, cursor);
          this.processed(piece);
          return piece;
        },
    ),
  'ignores a gap': () => replace(Reading.prototype, 'lose', () => () => undefined),
  'numbers publishes again on each stream': () => {
    let streams = 0;
    replace(
      Publisher.prototype,
      'restart',
      (original) =>
        function (this: Publisher, welcome) {
          streams += 1;
          original.call(this, welcome);
        },
    );
    replace(
      Publisher.prototype,
      'take',
      (original) =>
        function (this: Publisher, room) {
          const publish = original.call(this, room);
          if (!publish) return undefined;
          return {
            ...publish,
            firstPublishSequence: publish.firstPublishSequence + 1000 * streams,
          };
        },
    );
  },
  'does not ask for a broken Snapshot again': () =>
    replace(
      Position.prototype,
      'load',
      (original) =>
        function (this: Position, part) {
          original.call(this, { ...part, complete: true });
        },
    ),
};

const fault = faults[process.env['FAULT'] ?? ''];
if (!fault) throw new Error('FAULT names no fault');
fault();
await import('./typescript.js');
