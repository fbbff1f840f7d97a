/** The record of a call does not change the call: not its answers, not its error, not its time. */
import { expect } from 'chai';
import type { AuditRecord } from '../../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { OpenAct } from '../../../server/access/act.js';
import { openAccess } from '../../../server/access/access.js';
import { Audit } from '../../../server/access/audit.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Outcome } from '../../../server/journal/journal.js';
import type { Responses } from '../../../server/edge/grpc/observe.js';
import { recorded } from '../../../server/edge/grpc/recorded.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const actor = { node: '', access: openAccess('main', { host: '10.0.0.1' }) };

function open() {
  const records: AuditRecord[] = [];
  const read = (answer: { readonly target: string }) => [answer];
  const parts = {
    actor,
    onEnd: ({ record }: { readonly record: AuditRecord }) => void records.push(record),
    onFault: (error: unknown) => {
      throw error;
    },
  };
  return { records, act: new OpenAct({ action: 1, read }, parts) };
}

const outcomes = ([record]: AuditRecord[]): unknown =>
  record?.outcomes.map(({ reason, count }) => [reason, count]);

describe('a call that is an act', () => {
  it('gets its answer while the journal stands still', async () => {
    const commit = (): Promise<Outcome> => new Promise(() => undefined);
    const clock = new FakeClock();
    const audit = new Audit({ network: { commit }, clock, onFault: () => undefined });
    const act = audit.ofCall('/kelpie.v1.NodeService/DisconnectNode', { name: 'lobby' }, actor);
    if (!act) throw new Error('it is an act');
    const answers = recorded(act, async function* (): Responses<string> {
      yield* [];
      return 'answer';
    });
    expect(await answers.next()).to.deep.equal({ done: true, value: 'answer' });
  });

  it('passes its answers on, and its error', async () => {
    const { records, act } = open();
    const error = new KelpieError('TIMED_OUT', 'too late');
    const answers = recorded(act, async function* (): Responses<{ target: string }> {
      yield { target: 'a' };
      throw error;
    });
    expect((await answers.next()).value).to.deep.equal({ target: 'a' });
    expect(await answers.next().catch((thrown: unknown) => thrown)).to.equal(error);
    expect(records).to.have.length(1);
    expect(outcomes(records)).to.deep.equal([
      [ErrorReason.UNSPECIFIED, 1],
      [ErrorReason.TIMED_OUT, 1],
    ]);
  });

  it('has a record when its caller leaves, and ends', async () => {
    const { records, act } = open();
    let hasEnded = false;
    const answers = recorded(act, async function* (): Responses<{ target: string }> {
      try {
        yield { target: 'a' };
        yield { target: 'b' };
      } finally {
        hasEnded = true;
      }
      return undefined;
    });
    await answers.next();
    await answers.return(undefined);
    expect(hasEnded).to.equal(true);
    expect(records.map(({ targets }) => targets)).to.deep.equal([['a']]);
    expect(outcomes(records)).to.deep.equal([
      [ErrorReason.UNSPECIFIED, 1],
      [ErrorReason.OUTCOME_UNKNOWN, 1],
    ]);
  });

  it('has a record when it begins nothing', async () => {
    const { records, act } = open();
    const answers = recorded(act, () => {
      throw new KelpieError('RIGHT_MISSING', 'no');
    });
    await answers.next().catch(() => undefined);
    expect(outcomes(records)).to.deep.equal([[ErrorReason.RIGHT_MISSING, 1]]);
  });
});
