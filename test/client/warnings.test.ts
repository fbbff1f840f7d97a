import { expect } from 'chai';
import { KelpieError } from '../../client/errors.js';
import { type Status, StatusBoard } from '../../client/status.js';
import { Warnings } from '../../client/warnings.js';
import { FakeClock } from '../support/clock/fake-clock.js';

const connecting: Status = { type: 'connecting', endpoint: '127.0.0.1:50051', attempt: 0 };
const connected = { type: 'connected', endpoint: '', welcome: {} } as unknown as Status;
const failed: Status = {
  type: 'disconnected',
  error: new KelpieError('UNAVAILABLE', 'connection refused'),
  retryInMs: 1,
};
const threw = (error: unknown): Status => ({ type: 'handlerFailed', pattern: 'chat.*', error });

describe('a warning, while nobody reads the status', () => {
  let clock: FakeClock;
  let warned: string[];
  let board: StatusBoard;

  beforeEach(() => {
    clock = new FakeClock();
    warned = [];
    const logger = { warn: (message: string) => warned.push(message) };
    const warnings = new Warnings('lobby-1', logger, Object.assign(clock, { random: () => 0 }));
    board = new StatusBoard((status) => warnings.take(status));
  });

  const post = (...all: Status[]): void => {
    for (const one of all) board.post(one);
  };

  it('names the endpoint where no coordinator answers, and the remedy', () => {
    post(connecting, failed);
    expect(warned).to.have.length(1);
    for (const part of ['lobby-1', '127.0.0.1:50051', 'connection refused', 'KELPIE_ENDPOINTS'])
      expect(warned[0]).to.include(part);
  });

  it('comes at once when the token of the session is not good any more', () => {
    const error = new KelpieError('CREDENTIAL_REVOKED', 'an operator revoked the credential');
    post(connecting, connected, { type: 'disconnected', error, retryInMs: 15_000 });
    expect(warned[0]).to.include(
      '127.0.0.1:50051 ended the session: an operator revoked the credential; the client keeps trying',
    );
  });

  it('comes again when attempts fail for another reason', () => {
    const untrusted = new KelpieError('CERTIFICATE_UNTRUSTED', 'no CA');
    post(connecting, failed, failed, { type: 'disconnected', error: untrusted, retryInMs: 1 });
    expect(warned).to.have.length(2);
    expect(warned[1]).to.include('no CA');
  });

  it('has the time that a credential has left', () => {
    for (const [expiresInMs, words] of [
      [7 * 24 * 3_600_000, '168 h'],
      [119 * 60_000, '119 min'],
      [1500, '2 s'],
    ] as const) {
      post({ type: 'credentialExpiring', expiresInMs });
      expect(warned.at(-1)).to.include(`expires in ${words}, and its session`);
      clock.advance(60_000);
    }
  });

  it('names the handler that throws, and the place', () => {
    post(threw(new Error('boom')));
    for (const part of ['chat.*', 'boom', '    at ', 'warnings.test'])
      expect(warned[0]).to.include(part);
  });

  it('reports a refusal, a gap, and the end of the client', () => {
    post(
      { type: 'refused', error: new KelpieError('TOPIC_RESERVED', 'not yours') },
      { type: 'gap', gap: {} as never },
      { type: 'fileFailed', path: '/x/cursor', error: new Error('no room') },
      { type: 'closed', error: new KelpieError('NODE_NAME_IN_USE', 'taken') },
    );
    const words = ['not yours', 'events were lost', '/x/cursor', 'taken'];
    for (const [index, word] of words.entries()) expect(warned[index]).to.include(word);
  });

  it('does not come for a loss that the client repairs, or without a fault', () => {
    post(connecting, connected, failed, connecting, connected, { type: 'draining' });
    post({ type: 'closed', error: undefined });
    expect(warned).to.be.empty;
    post(failed);
  });

  it('comes once a minute for each kind, with the number of those that were left out', () => {
    for (let count = 0; count < 1000; count++) post(threw('a'), connecting, failed);
    expect(warned).to.have.length(2);
    clock.advance(60_000);
    post(threw('a'));
    expect(warned).to.have.length(3);
    expect(warned[2]).to.include('999 more');
  });

  it('has no characters that a terminal obeys', () => {
    post(threw('one\ntwo\u001b]0;owned\u0007\u009b2J\u202e\u2028'));
    expect(warned[0]).to.not.match(/[\p{C}\u2028]/u);
    expect(warned[0]).to.include('\\u{1b}');
  });

  it('comes for any thrown value, and also if the logger throws', () => {
    const odd: unknown[] = [
      undefined,
      null,
      Symbol('x'),
      Object.create(null),
      { toString: () => 1 / 0 },
    ];
    const noStack = Object.assign(new Error('no stack'), { stack: undefined });
    for (const error of [...odd, noStack, new Proxy({}, {})]) {
      post(threw(error));
      clock.advance(60_000);
    }
    expect(warned).to.have.length(7);
    const throwing = new Warnings(
      'a',
      { warn: () => expect.fail('a bug') },
      Object.assign(clock, { random: () => 0 }),
    );
    throwing.take(threw('x'));
  });

  it('does not come while a program reads the status, and comes again when it stops', async () => {
    const reader = board.read();
    post(threw('a'));
    expect(warned, 'reading has not begun').to.have.length(1);
    await reader.next();
    clock.advance(60_000);
    post(threw('b'));
    expect(warned).to.have.length(1);
    await reader.return?.();
    post(threw('c'));
    expect(warned).to.have.length(2);
  });
});
