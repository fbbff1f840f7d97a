import { realClock } from '../../../server/core/real-clock.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import { RedisJournal } from '../../../server/journal/redis/redis-journal.js';
import { journalContract } from '../../contract/journal.js';
import { RedisServer } from '../../support/redis/redis-server.js';

describe('the journal in Redis', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  let networks = 0;

  before(async () => {
    server = await RedisServer.start();
    connection = new RedisConnection({ url: server.url }, realClock, (error) => {
      throw error;
    });
  });
  after(async () => {
    connection.close();
    await server.stop();
  });

  journalContract('redis', ({ clock, retention, onListenerFault }) =>
    RedisJournal.open({ connection, network: `n${++networks}`, clock, retention, onListenerFault }),
  );
});
