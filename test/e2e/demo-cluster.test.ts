/**
 * `make demo-cluster`, once, and the lines of it in the README: three kelpieds, a Redis, and real players, whose clients
 * are the witnesses.
 */
import { expect } from 'chai';
import { Document } from '../docs/document.js';
import { masked, runDemo } from '../support/process/demo.js';

const README = new Document('README.md');

describe('the demo of a cluster', () => {
  it('ends well', async () => {
    const printed = await runDemo('cluster/demo.js');
    expect(printed).to.match(/\d+ passed, 0 failed/);
    const shown = masked(README.block('text', 'SIGKILL to coordinator-1')).split('\n');
    expect(masked(printed).split('\n')).to.include.members(shown);
  }).timeout(360_000);
});
