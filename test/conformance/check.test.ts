import { expect } from 'chai';
import { check } from './check.js';

describe('the words of a conformance scenario', () => {
  const checking = (more: object) => () =>
    check('line.yaml', { name: 'a line', proves: 'It works.', steps: [], ...more });

  it('are taken where they belong', () => {
    const steps = [{ start: null }, { begin: { do: 'publish' }, as: 'line' }, { answer: 'line' }];
    expect(checking({ needs: ['publish'], steps })).not.to.throw();
  });

  const wrong: readonly (readonly [what: string, scenario: object, message: string])[] = [
    ['a feature', { needs: ['publsh'] }, 'line.yaml: a line: there is no publsh here; publish'],
    ['a word of the scenario', { step: [] }, 'there is no step here; steps would do'],
    ['an action', { steps: [{ sen: {} }] }, 'step 1: there is no sen here; see would do'],
    ['a word of a step', { steps: [{ see: {}, from: 1 }] }, 'step 1: see: there is no from here'],
    ['an action of the driver', { steps: [{ ask: { do: 'joind' } }] }, 'joined would do'],
    ['a request without a name', { steps: [{ begin: { do: 'ready' } }] }, 'begin needs as'],
  ];
  for (const [what, scenario, message] of wrong) {
    it(`are refused: ${what}`, () => {
      expect(checking(scenario)).to.throw(message);
    });
  }
});
