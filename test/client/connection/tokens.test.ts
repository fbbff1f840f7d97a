/** The token of a client: from a file that is replaced, and by a join token. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { protectionOf, usesTls } from '../../../client/connection/tls.js';
import { ServerError, Status as Code } from 'nice-grpc';
import { apiAt } from '../../../client/api/index.js';
import { KelpieError as Refusal } from '../../../server/core/errors.js';
import { drawToken, hashOfToken } from '../../../client/core/token.js';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
  type Status,
} from '../../../client/index.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';
import { Door } from '../../support/wire/door.js';

const VARIABLES = ['KELPIE_TOKEN', 'KELPIE_TOKEN_FILE', 'KELPIE_JOIN_TOKEN'];
const JOIN = drawToken();

describe('the token of a client', () => {
  let door: Door;
  let file: string;
  const clients: KelpieClient[] = [];

  beforeEach(async () => {
    door = await new Door().open();
    file = join(dataFolder(), 'secrets', 'token');
  });
  afterEach(async () => {
    for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
    await Promise.all(clients.splice(0).map((client) => client.close()));
    door.close();
  });
  after(removeDataFolders);

  const node = (options: Partial<ConnectOptions> = {}) => {
    const logger = { warn: () => undefined };
    const { endpoint: endpoints } = door;
    const client = connect({ name: 'lobby-1', role: 'DOWNSTREAM', endpoints, logger, ...options });
    clients.push(client);
    return client;
  };
  /** The next status of a kind. */
  const next = async <T extends Status['type']>(client: KelpieClient, type: T) => {
    for await (const status of client.status())
      if (status.type === type) return status as Extract<Status, { type: T }>;
    throw new Error(`${type} did not come`);
  };
  const tokens = (by = 'connect') =>
    door.shown.filter((one) => one.by === by).map((one) => one.token);
  const store = (token: string): void => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    door.admitted.add(token);
  };
  const pending = () => `${file}.joining`;
  const read = (path: string) => readFileSync(path, 'utf8').trim();

  it('comes from the option, from KELPIE_TOKEN, or from the file of KELPIE_TOKEN_FILE', async () => {
    const [one, two, three] = [drawToken(), drawToken(), drawToken()];
    door.admitted.add(one).add(two);
    await next(node({ token: one }), 'connected');
    process.env['KELPIE_TOKEN'] = two;
    await next(node(), 'connected');
    delete process.env['KELPIE_TOKEN'];
    store(three);
    process.env['KELPIE_TOKEN_FILE'] = file;
    await next(node(), 'connected');
    expect(tokens()).to.deep.equal([one, two, three]);
  });

  it('is read from its file again at each connect, and at each call', async () => {
    const [old, young] = [drawToken(), drawToken()];
    store(old);
    const client = node({ tokenFile: file });
    const api = apiAt(door.endpoint, { tokenFile: file });
    try {
      await next(client, 'connected');
      store(young);
      const left = next(client, 'disconnected');
      door.endSessions();
      await left;
      await next(client, 'connected');
      await client.api.access.own();
      await api.access.own();
      expect([...tokens(), ...tokens('call')]).to.deep.equal([old, young, young, young]);
    } finally {
      api.close();
    }
  });

  for (const refusal of [
    'CREDENTIAL_INVALID',
    'CREDENTIAL_EXPIRED',
    'CREDENTIAL_REVOKED',
  ] as const) {
    it(`is refused for ever with ${refusal}, but that of a file is shown again`, async () => {
      door.refusal = refusal;
      const ended = await node({ token: drawToken() }).closed;
      expect(ended?.reason).to.equal(refusal);
      mkdirSync(dirname(file));
      writeFileSync(file, drawToken());
      const { error, retryInMs } = await next(node({ tokenFile: file }), 'disconnected');
      expect([error?.reason, error?.permanent]).to.deep.equal([refusal, false]);
      expect(error?.message).to.include(`; the token is that of ${file}: write a new one into it`);
      expect(retryInMs).to.be.within(15_000, 30_000);
    });
  }

  it('is shown at once when its file has another one than the refused one', async () => {
    const [old, young] = [drawToken(), drawToken()];
    store(young);
    door.refusal = 'CREDENTIAL_EXPIRED';
    door.admitted.delete(young);
    writeFileSync(file, old);
    const client = node({ tokenFile: file });
    await next(client, 'disconnected');
    // Not the same token again, and not a file without a token.
    writeFileSync(file, `${old}\n`);
    await delay(600);
    rmSync(file);
    await delay(600);
    expect(tokens()).to.deep.equal([old]);
    store(young);
    await next(client, 'connected');
    expect(tokens()).to.deep.equal([old, young]);
  });

  it('waits for a file that is not there yet, or cannot be used', async () => {
    const client = node({ tokenFile: file });
    const { error } = await next(client, 'disconnected');
    expect([error?.reason, error?.permanent]).to.deep.equal(['FILE_INVALID', false]);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'two words');
    const other = await next(node({ tokenFile: file }), 'disconnected');
    expect(other.error?.message).to.include('is no token').and.not.include('two words');
    store(drawToken());
    await next(client, 'connected');
  });

  it('goes to another machine by TLS alone, unless the client is insecure by name', () => {
    for (const endpoint of ['192.0.2.1:1', '[2001:db8::1]:1', 'kelpie.example.org:1']) {
      expect(usesTls(endpoint, protectionOf({}))).to.equal(true);
      expect(usesTls(endpoint, protectionOf({ insecure: true }))).to.equal(false);
    }
    for (const endpoint of ['127.0.0.1:1', '[::1]:1', 'localhost:1']) {
      expect(usesTls(endpoint, protectionOf({}))).to.equal(false);
      expect(usesTls(endpoint, protectionOf({ tls: true }))).to.equal(true);
    }
  });

  it('has one place, the form of a header, and shows in no message', () => {
    const secret = 'klp_secret\nx';
    for (const odd of [
      { token: secret },
      { joinToken: secret, tokenFile: file },
      { token: drawToken(), tokenFile: file },
      { joinToken: JOIN },
      { tokenFile: '' },
    ]) {
      const error = thrownBy(KelpieError, () => node(odd));
      expect(error.reason).to.equal('VALUE_INVALID');
      expect(error.message).to.not.include('secret');
    }
  });

  describe('of a node that joins', () => {
    beforeEach(() => door.admitted.add(JOIN));
    const joining = () => node({ tokenFile: file, joinToken: JOIN });

    it('is drawn by the node, stored for its user alone, and shown from then on', async () => {
      door.onJoin = () => door.admitted.add(read(pending()));
      await next(joining(), 'connected');
      const token = read(file);
      expect(token).to.match(/^klp_[A-Za-z0-9_-]{43}$/);
      expect(door.shown).to.deep.equal([
        { by: 'join', token: JOIN },
        { by: 'connect', token },
      ]);
      expect(Buffer.from(door.joined[0] ?? []).equals(hashOfToken(token))).to.equal(true);
      expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).to.deep.equal([
        0o600, 0o700,
      ]);
      expect(existsSync(pending())).to.equal(false);
      await next(joining(), 'connected');
      expect(door.joined).to.have.length(1);
    });

    it('keeps its hash when the answer of Join is lost, also in the next process', async () => {
      let lost = 1;
      door.onJoin = () => {
        door.admitted.add(read(pending()));
        if (lost-- > 0) throw new ServerError(Code.UNAVAILABLE, 'the answer is lost');
      };
      const first = joining();
      await next(first, 'disconnected');
      await first.close();
      await next(joining(), 'connected');
      const [one, two] = door.joined.map((hash) => Buffer.from(hash).toString('hex'));
      expect(two).to.equal(one);
      expect(door.joined).to.have.length(2);
    });

    it('is drawn anew, once, where another join token made a credential with its hash', async () => {
      door.onJoin = () => {
        if (door.joined.length === 1)
          throw new Refusal('RIGHTS_INVALID', 'taken', { field: 'token_hash' });
        door.admitted.add(read(pending()));
      };
      await next(joining(), 'connected');
      const hashes = door.joined.map((hash) => Buffer.from(hash).toString('hex'));
      expect(new Set(hashes).size).to.equal(2);
    });

    it('is one for two processes with one file', async () => {
      door.onJoin = () => {
        if (existsSync(pending())) door.admitted.add(read(pending()));
      };
      await Promise.all([next(joining(), 'connected'), next(joining(), 'connected')]);
      expect(new Set(door.joined.map((hash) => Buffer.from(hash).toString('hex'))).size).to.equal(
        1,
      );
      expect(new Set(tokens())).to.deep.equal(new Set([read(file)]));
    });

    it('is not made if the join token is used up or unknown: the client ends', async () => {
      door.admitted.clear();
      for (const reason of ['JOIN_TOKEN_USED', 'CREDENTIAL_INVALID'] as const) {
        door.refusal = reason;
        const ended = await joining().closed;
        expect(ended?.reason).to.equal(reason);
        expect(ended?.message).to.include('join token').and.include('kelpie token create --join');
        expect(existsSync(file)).to.equal(false);
        // An unknown join token may have been good before, and its answer lost.
        expect(existsSync(pending())).to.equal(reason === 'CREDENTIAL_INVALID');
      }
    });

    it('is not made if the join token is the token of a node: the client ends', async () => {
      door.admitted.clear();
      door.refusal = 'CREDENTIAL_REQUIRED';
      const ended = await joining().closed;
      expect(ended?.message).to.include('it is no join token').and.include('KELPIE_TOKEN');
      expect(existsSync(pending())).to.equal(false);
    });

    it('is not drawn again after it was removed by its operator without a join token', async () => {
      door.onJoin = () => door.admitted.add(read(pending()));
      await next(joining(), 'connected');
      rmSync(file);
      const api = apiAt(door.endpoint, { tokenFile: file });
      const error = await rejectionOf(KelpieError, api.access.own());
      api.close();
      expect(error.reason).to.equal('FILE_INVALID');
    });
  });
});
