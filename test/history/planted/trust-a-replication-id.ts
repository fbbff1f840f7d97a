/** Planted in kelpied: a Redis whose replication id changed counts as the one before, so no epoch begins. */
import { APPEND } from '../../../server/journal/redis/append-lua.js';
import { Script } from '../../../server/journal/redis/connection.js';
import { OPEN } from '../../../server/journal/redis/open-lua.js';
import { READ } from '../../../server/journal/redis/read-lua.js';

const CHECK = `if string.match(replication, 'master_replid:(%x+)') ~= found[3] then return nil, 'replication' end`;

for (const script of [APPEND, OPEN, READ]) {
  if (!script.text.includes(CHECK)) throw new Error('the check is elsewhere');
  Object.assign(script, new Script(script.text.replace(CHECK, '')));
}
