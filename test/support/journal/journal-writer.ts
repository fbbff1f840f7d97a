/**
 * A process that appends to a file journal as fast as it can, with several appends under way, and prints the sequence of
 * each entry when the journal has acknowledged it. It never ends by itself.
 */
import { writeSync } from 'node:fs';
import { hex } from '../../../server/core/cursor.js';
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import { note, write } from './entries.js';
import { everything } from './file-journals.js';
import { realClock as clock } from '../clock/real-clock.js';

const AT_ONCE = 16;

const [folder = '', sync] = process.argv.slice(2);
const journal = await FileJournal.open({
  folder,
  clock,
  retention: everything,
  sync: sync === 'interval' ? 'interval' : 'commit',
});
// Synchronous, so that each printed line is in the pipe even if the process is killed next.
writeSync(1, `epoch ${hex(journal.head.epoch)}\n`);

const append = async (): Promise<void> => {
  for (;;) {
    const entries = [note('something'), write('nodes/a', 'x')];
    const [outcome] = await journal.append([{ entries }]);
    if (outcome?.kind !== 'stored') throw new Error('not stored');
    writeSync(1, `${outcome.first}\n${outcome.first + 1}\n`);
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, append));
