/** The table of rights in protos/README.md names every frame and call, and the verbs that each needs. */
import { expect } from 'chai';
import { Verb } from '../../gen/ts/kelpie/v1/access.js';
import { callRows, frameRows, type Row } from '../support/access-rows.js';
import { Document } from './document.js';

const upper = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

describe('the table of rights in the manual of the contract', () => {
  const table = new Document('protos/README.md').table('request');
  const rights = new Map(
    table.flatMap(([requests = '', needs = '']) =>
      requests.split(', ').map((one): [string, string] => [one.trim(), needs]),
    ),
  );
  const rows: (readonly [string, Row])[] = [
    ...Object.entries(callRows),
    ...Object.entries(frameRows).map(([name, row]) => [upper(name), row] as const),
  ];

  it('names every request once, and no other', () => {
    const names = new Set([...rows.map(([name]) => name), 'Hello', 'Connect']);
    expect([...rights.keys()].sort()).to.deep.equal([...names].sort());
  });

  it('names what each needs', () => {
    for (const [name, { needs }] of rows) {
      const shown = rights.get(name) ?? '';
      for (const verb of needs.verbs ?? []) {
        const word = Object.entries(Verb).find(([, number]) => number === verb)?.[0] ?? '';
        // After a comma stand the exceptions.
        expect(shown.split(',')[0], name).to.equal(word);
      }
      if ((needs.readTopics ?? []).length > 0) expect(shown, name).to.include('`read');
      if ((needs.publishTopics ?? []).length > 0) expect(shown, name).to.include('`publish');
      if (Object.keys(needs).length === 0) expect(shown, name).to.equal('none');
    }
  });
});
