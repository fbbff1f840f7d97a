/** Locks over every kind of bad luck: late answers, no answers, broken streams, other epochs, the end of the client. */
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import type { Lock, LockOptions } from '../../../client/index.js';
import { StateEndReason } from '../../../gen/ts/kelpie/v1/event.js';
import { WelcomeOutcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { settled } from '../../support/journal/history.js';
import { cursorAt, errorOf, Scripted } from '../../support/wire/scripted.js';
import { change, type Content, end, part, stored } from '../../support/wire/scripted-state.js';

const TOPIC = 'state.maps.a';
const GRACE_S = 10;

/** A caller, and what became of it. */
interface Caller {
  lock?: Lock;
  refused?: string;
}

describe('locks', () => {
  let scripted: Scripted;

  beforeEach(async () => {
    scripted = new Scripted();
    await settled(10);
    await welcome('NEW');
  });
  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.state.locks.size, 'callers after the end').to.equal(0);
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  const welcome = (outcome: 'NEW' | 'RESUMED') =>
    scripted.stream.welcome({
      outcome: WelcomeOutcome[outcome],
      grace: { seconds: GRACE_S, nanos: 0 },
    });
  const call = async (options: LockOptions = {}): Promise<Caller> => {
    const caller: Caller = {};
    void scripted.client.state.lock('maps', 'a', options).then(
      (lock) => (caller.lock = lock),
      (error: unknown) => (caller.refused = (error as KelpieError).reason),
    );
    await settled(10);
    return caller;
  };
  const puts = () => scripted.stream.requests('putValue');
  const lastPut = () => {
    const put = puts().at(-1);
    if (!put) throw new Error('the client put nothing');
    return put;
  };
  const content = () => {
    const form = lastPut().value.content?.form;
    return form?.$case === 'json' ? form.value : undefined;
  };
  const grant = (sequence: number) =>
    scripted.stream.answer(lastPut().id, {
      $case: 'valueStored',
      value: { sequence, cursor: cursorAt(sequence) },
    });
  const heldBy = (sequence: number) => {
    const error = { ...errorOf('SEQUENCE_CONFLICT'), metadata: { sequence: String(sequence) } };
    return scripted.stream.answer(lastPut().id, { $case: 'requestFailed', value: { error } });
  };
  /** Answers the newest request for the value; undefined: it is absent. */
  const found = (sequence: number | undefined, json?: Content) => {
    const id = scripted.stream.requests('getValue').at(-1)?.id ?? 0;
    if (sequence === undefined) return scripted.stream.refuse(id, 'VALUE_NOT_FOUND', 5);
    const value = { value: stored(['a', sequence, json]), cursor: undefined };
    return scripted.stream.answer(id, { $case: 'value', value });
  };
  const held = async (options: LockOptions = {}): Promise<Lock> => {
    const caller = await call(options);
    await grant(7);
    if (!caller.lock) throw new Error(`no lock: ${caller.refused ?? 'no answer'}`);
    await part(scripted.stream, [['a', 7]], { begins: [7, TOPIC] });
    expect(caller.lock.held()).to.equal(true);
    return caller.lock;
  };
  const lost = async (lock: Lock) => {
    expect(lock.held()).to.equal(false);
    await lock.lost;
  };
  const lose = async () => scripted.stream.break(new Error('broken'));
  const reconnect = async (outcome: 'NEW' | 'RESUMED' = 'RESUMED') => {
    await lose();
    await scripted.pass(1000);
    await welcome(outcome);
  };

  it('are values that must be absent, bound to the node, and deleted at the release', async () => {
    const lock = await held({ ttlMs: 60_000 });
    expect(lastPut().value).to.deep.include({ bucket: 'maps', key: 'a', owner: 'lobby-1' });
    expect(lastPut().value).to.deep.include({
      expectedSequence: 0,
      ttl: { seconds: 60, nanos: 0 },
    });
    expect(lock.guard).to.deep.equal({ bucket: 'maps', key: 'a', sequence: 7 });
    let released = false;
    void lock.release().then(() => (released = true));
    await lost(lock);
    await settled(10);
    const [deletion] = scripted.stream.requests('deleteValue');
    expect(deletion?.value.expectedSequence).to.equal(7);
    expect(released).to.equal(false);
    await scripted.stream.refuse(deletion?.id ?? 0, 'VALUE_NOT_FOUND', 5);
    expect(released).to.equal(true);
    expect(scripted.client.state.locks.size).to.equal(0);
  });

  it('are lost with the end of their value, and when another value has their key', async () => {
    const first = await held();
    await end(scripted.stream, 'a', 8, StateEndReason.OWNER_LEFT);
    await lost(first);
    const second = await held();
    await change(scripted.stream, ['a', 9]);
    await lost(second);
  });

  it('are lost at the end of their TTL, which began with the put', async () => {
    const caller = await call({ ttlMs: 3000 });
    await scripted.pass(1000);
    await grant(7);
    await scripted.pass(1999);
    expect(caller.lock?.held()).to.equal(true);
    await scripted.pass(1);
    expect(caller.lock?.held()).to.equal(false);
  });

  it('are lost at the end of the grace without a connection', async () => {
    const lock = await held();
    await lose();
    await scripted.pass(GRACE_S * 1000 - 1);
    expect(lock.held()).to.equal(true);
    await scripted.pass(1);
    await lost(lock);
  });

  it('survive a resumed session if their value is still there, and no new presence', async () => {
    const lock = await held();
    await reconnect();
    await found(7);
    expect(lock.held()).to.equal(true);
    await reconnect();
    await found(undefined);
    await lost(lock);
    const next = await held();
    await reconnect('NEW');
    await lost(next);
  });

  it('go to those who wait when the value ends, by its TTL or with its owner', async () => {
    let sequence = 5 as number;
    for (const reason of [StateEndReason.EXPIRED, StateEndReason.OWNER_LEFT]) {
      const caller = await call();
      await heldBy(sequence);
      await part(scripted.stream, [['a', sequence]], { begins: [sequence, TOPIC] });
      const before = puts().length;
      await end(scripted.stream, 'a', sequence + 1, reason);
      await scripted.pass(20);
      expect(puts().length).to.equal(before + 1);
      await grant(sequence + 2);
      expect(caller.lock?.token).to.equal(sequence + 2);
      await end(scripted.stream, 'a', sequence + 3);
      sequence += 5;
    }
  });

  it('go to a caller who waits if the value ended before their watch had begun', async () => {
    const caller = await call();
    await heldBy(5);
    await part(scripted.stream, [], { begins: [6, TOPIC] });
    await grant(7);
    expect(caller.lock?.token).to.equal(7);
  });

  it('are waited for by a caller whose Snapshot is older than the value', async () => {
    await call();
    await heldBy(5);
    const before = puts().length;
    await part(scripted.stream, [], { begins: [4, TOPIC] });
    await change(scripted.stream, ['a', 5]);
    await scripted.pass(20);
    expect(puts().length).to.equal(before);
    await end(scripted.stream, 'a', 6);
    await scripted.pass(20);
    expect(puts().length).to.equal(before + 1);
    await grant(7);
  });

  it('are LOCK_HELD for a caller who waited long enough', async () => {
    const caller = await call({ waitMs: 500 });
    await heldBy(5);
    await part(scripted.stream, [['a', 5]], { begins: [5, TOPIC] });
    await scripted.pass(499);
    expect(caller.refused).to.equal(undefined);
    await scripted.pass(1);
    expect(caller.refused).to.equal('LOCK_HELD');
    expect(scripted.client.state.locks.size).to.equal(0);
  });

  it('are free again in a new epoch, whose sequences are lower', async () => {
    const caller = await call();
    await heldBy(1000);
    await reconnect('NEW');
    await part(scripted.stream, [], { begins: [2, TOPIC] });
    await scripted.pass(20);
    await grant(3);
    expect(caller.lock?.token).to.equal(3);
  });

  it('know their own value where the answer of the put did not come', async () => {
    const caller = await call();
    const mine = content();
    await reconnect();
    await part(scripted.stream, [['a', 6, mine]], { begins: [6, TOPIC] });
    expect(caller.lock?.token).to.equal(6);
    expect(puts(), 'no other put').to.have.length(0);
  });

  for (const reason of ['ENGINE_UNAVAILABLE', 'EPOCH_ENDED', 'JOURNAL_READ_ONLY'] as const)
    it(`are put again after ${reason}`, async () => {
      const caller = await call();
      await part(scripted.stream, [], { begins: [1, TOPIC] });
      await scripted.stream.refuse(lastPut().id, reason, 14);
      await part(scripted.stream, [], { begins: [1, TOPIC] });
      await scripted.pass(1000);
      expect(puts()).to.have.length(2);
      await grant(8);
      expect(caller.refused).to.equal(undefined);
      expect(caller.lock?.token).to.equal(8);
    });

  it('are lost at the end of a TTL that began with the put without an answer', async () => {
    const caller = await call({ ttlMs: 3000 });
    const mine = content();
    await reconnect();
    await part(scripted.stream, [['a', 6, mine]], { begins: [6, TOPIC] });
    await scripted.pass(1999);
    expect(caller.lock?.held()).to.equal(true);
    await scripted.pass(1);
    expect(caller.lock?.held()).to.equal(false);
  });

  it('ask again whether they are there if the watch was ahead of the answer', async () => {
    const caller = await call();
    await heldBy(5);
    await part(scripted.stream, [], { begins: [6, TOPIC] });
    await scripted.pass(20);
    const mine = content();
    await change(scripted.stream, ['a', 8, mine]);
    await end(scripted.stream, 'a', 9);
    await grant(8);
    await found(undefined);
    expect(caller.lock?.held()).to.equal(false);
  });

  it('leave no value after a put of unknown outcome that they gave up', async () => {
    const caller = await call({ waitMs: 500 });
    const mine = content();
    await scripted.stream.refuse(lastPut().id, 'OUTCOME_UNKNOWN', 2);
    await scripted.pass(500);
    expect(caller.refused).to.equal('OUTCOME_UNKNOWN');
    expect(scripted.client.state.locks.size, 'an owner of the deletion').to.equal(1);
    await lose();
    await scripted.pass(1000);
    await welcome('RESUMED');
    await found(6, mine);
    const [deletion] = scripted.stream.requests('deleteValue');
    expect(deletion?.value.expectedSequence).to.equal(6);
    await scripted.stream.answer(deletion?.id ?? 0, { $case: 'requestOk', value: {} });
    expect(scripted.client.state.locks.size).to.equal(0);
  });

  it('leave the value of another caller after a put of unknown outcome', async () => {
    await call({ waitMs: 500 });
    await scripted.stream.refuse(lastPut().id, 'OUTCOME_UNKNOWN', 2);
    await scripted.pass(500);
    await found(6, { nonce: 'of another caller' });
    expect(scripted.stream.requests('deleteValue')).to.deep.equal([]);
    expect(scripted.client.state.locks.size).to.equal(0);
  });

  it('leave no value where the node can read no other topic', async () => {
    for (let count = 0; ; count++) {
      try {
        scripted.client.subscribe(`topic-${count}`, () => undefined);
      } catch {
        break;
      }
    }
    const caller = await call();
    const mine = content();
    await grant(7);
    expect(caller.refused).to.equal('PATTERN_LIMIT');
    await found(7, mine);
    expect(scripted.stream.requests('deleteValue')).to.have.length(1);
  });

  for (const [moment, before] of [
    ['the put', () => undefined],
    ['the wait', () => heldBy(5)],
    [
      'the wait before another attempt',
      () => scripted.stream.refuse(lastPut().id, 'OUTCOME_UNKNOWN', 2),
    ],
  ] as const) {
    it(`end with the client, also during ${moment}`, async () => {
      const [first, second] = [await call(), await call()];
      await before();
      const closed = scripted.client.close();
      await scripted.stream.end();
      await closed;
      expect([first.refused, second.refused]).to.deep.equal(['CLOSED', 'CLOSED']);
    });
  }

  it('end with the client, also during a release and after a put that they gave up', async () => {
    const lock = await held();
    const released = lock.release();
    await settled(10);
    await scripted.stream.refuse(
      scripted.stream.requests('deleteValue')[0]?.id ?? 0,
      'OUTCOME_UNKNOWN',
      2,
    );
    const closed = scripted.client.close();
    await scripted.stream.end();
    await closed;
    await released;
    expect(scripted.clock.pending, 'timers at once').to.equal(0);
  });
});
