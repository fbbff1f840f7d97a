/**
 * `make demo`, once, and the lines of it in the README: real servers, real proxies and real players, whose clients are the
 * witnesses.
 */
import { expect } from 'chai';
import { Document } from '../docs/document.js';
import { masked, runDemo } from '../support/process/demo.js';

const README = new Document('README.md');

describe('the demo', () => {
  it('ends well', async () => {
    const printed = await runDemo('demo.js');
    expect(printed).to.match(/\d+ passed, 0 failed/);
    const shown = masked(README.block('text', 'Act 1.')).split('\n');
    expect(masked(printed).split('\n')).to.include.members(shown);
  }).timeout(360_000);
});
