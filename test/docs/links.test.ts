import { expect } from 'chai';
import { brokenLinks } from './links.js';
import { ownFiles, ROOT } from './prose.js';

describe('links in Markdown', () => {
  it('lead to files and headings that exist', () => {
    const files = ownFiles('.md');
    expect(files).to.include.members(['README.md', 'protos/README.md']);
    expect(brokenLinks(ROOT, files)).to.deep.equal([]);
  });
});
