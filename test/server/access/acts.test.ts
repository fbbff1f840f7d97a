/** The table of acts has each call and each frame of the contract. */
import { expect } from 'chai';
import { AuditAction } from '../../../gen/ts/kelpie/v1/audit.js';
import { calls, frames } from '../../../server/access/acts.js';
import { methods } from '../../support/wire/descriptors.js';

const connect = methods.find(({ name }) => name === 'Connect');
const nodeFrame = connect?.input.field['frames']?.message;

describe('the table of acts', () => {
  it('has a rule or a reason for each call', () => {
    const paths = methods.map(({ parent, name }) => `/${parent.typeName}/${name}`);
    expect(Object.keys(calls)).to.have.members(paths);
    expect(paths.length).to.be.greaterThan(30);
  });

  it('has a rule or a reason for each frame', () => {
    const forms = nodeFrame?.oneofs[0]?.fields.map(({ localName }) => localName) ?? [];
    expect(Object.keys(frames)).to.have.members(forms);
    expect(forms.length).to.be.greaterThan(15);
  });

  it('uses each action of the contract', () => {
    const used = new Set<AuditAction>();
    const player = { playerId: '1', generation: 1 };
    const forms = [
      { $case: 'kickPlayers', value: { players: [player], message: '' } },
      { $case: 'showMessage', value: { players: [player], display: undefined } },
      { $case: 'runConsoleCommand', value: { line: 'list' } },
      { $case: 'transferPlayer', value: { player, server: 'lobby', toProxy: '' } },
    ];
    for (const rule of [...Object.values(calls), ...Object.values(frames)]) {
      if (typeof rule === 'string') continue;
      for (const form of forms) {
        const act = rule({ bucket: 'maps', key: 'a', command: { form } } as never);
        if (act) used.add(act.action);
      }
    }
    const all = Object.values(AuditAction).filter((action) => action !== 0);
    expect([...used].sort((a, b) => a - b)).to.deep.equal(all);
  });
});
