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

describe('what goes wrong while nobody reads the status', () => {
  let clock: FakeClock;
  let said: string[];
  let board: StatusBoard;

  beforeEach(() => {
    clock = new FakeClock();
    said = [];
    const logger = { warn: (message: string) => said.push(message) };
    const warnings = new Warnings('lobby-1', logger, Object.assign(clock, { random: () => 0 }));
    board = new StatusBoard((status) => warnings.take(status));
  });

  const post = (...all: Status[]): void => {
    for (const one of all) board.post(one);
  };

  it('is said: that no coordinator answers where it is looked for, and what to do', () => {
    post(connecting, failed);
    expect(said).to.have.length(1);
    for (const part of ['lobby-1', '127.0.0.1:50051', 'connection refused', 'KELPIE_ENDPOINTS'])
      expect(said[0]).to.include(part);
  });

  it('is said: that a handler throws, with where', () => {
    post(threw(new Error('boom')));
    for (const part of ['chat.*', 'boom', '    at ', 'warnings.test'])
      expect(said[0]).to.include(part);
  });

  it('is said: what was refused, lost, or ends the client', () => {
    post(
      { type: 'refused', error: new KelpieError('TOPIC_RESERVED', 'not yours') },
      { type: 'gap', gap: {} as never },
      { type: 'fileFailed', path: '/x/cursor', error: new Error('no room') },
      { type: 'closed', error: new KelpieError('NODE_NAME_IN_USE', 'taken') },
    );
    const words = ['not yours', 'events were lost', '/x/cursor', 'taken'];
    for (const [index, word] of words.entries()) expect(said[index]).to.include(word);
  });

  it('is not said if it mends itself, or is no fault', () => {
    post(connecting, connected, failed, connecting, connected, { type: 'draining' });
    post({ type: 'closed', error: undefined });
    expect(said).to.be.empty;
    post(failed);
  });

  it('is said once a minute of each kind, with how much was left out', () => {
    for (let count = 0; count < 1000; count++) post(threw('a'), connecting, failed);
    expect(said).to.have.length(2);
    clock.advance(60_000);
    post(threw('a'));
    expect(said).to.have.length(3);
    expect(said[2]).to.include('999 more');
  });

  it('is not said to a terminal in letters that it obeys', () => {
    post(threw('one\ntwo\u001b]0;owned\u0007\u009b2J\u202e\u2028'));
    expect(said[0]).to.not.match(/[\p{C}\u2028]/u);
    expect(said[0]).to.include('\\u{1b}');
  });

  it('is said, whatever was thrown, and though the logger throws', () => {
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
    expect(said).to.have.length(7);
    const throwing = new Warnings(
      'a',
      { warn: () => expect.fail('a bug') },
      Object.assign(clock, { random: () => 0 }),
    );
    throwing.take(threw('x'));
  });

  it('is left to whoever reads the status, and said again when they stop', async () => {
    const reader = board.read();
    post(threw('a'));
    expect(said, 'reading has not begun').to.have.length(1);
    await reader.next();
    clock.advance(60_000);
    post(threw('b'));
    expect(said).to.have.length(1);
    await reader.return?.();
    post(threw('c'));
    expect(said).to.have.length(2);
  });
});
