/** SECURITY.md has each check of `kelpie doctor --security`, and no other. */
import { expect } from 'chai';
import { securityChecks } from '../../client/cli/doctor/security.js';
import { Document } from './document.js';

describe('SECURITY.md', () => {
  const rows = new Document('SECURITY.md').table('check');

  it('has the checks of kelpie doctor --security, in their order', () => {
    const explained = rows.map(([name = '']) => name.replaceAll('`', ''));
    expect(explained).to.deep.equal(securityChecks.map(([name]) => name));
  });
});
