import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { brokenLinks } from './links.js';
import { ownFiles, ROOT } from './prose.js';

/** A build makes these files, so they may be missing before one. */
const BUILT = /\/(out|target)(\/|$)/;

/** A path from the root of the repository, in marks of code. */
const PATH = /`((?:server|client|protos|test)\/[\w./-]+)`/g;

describe('links in Markdown', () => {
  it('lead to files and headings that exist', () => {
    const files = ownFiles('.md');
    expect(files).to.include.members(['README.md', 'protos/README.md']);
    expect(brokenLinks(ROOT, files)).to.deep.equal([]);
  });

  it('stand beside paths that exist', () => {
    const named = ownFiles('README.md', 'CONTRIBUTING.md', 'SECURITY.md').flatMap((file) =>
      [...readFileSync(`${ROOT}${file}`, 'utf8').matchAll(PATH)].map(([, path = '']) => path),
    );
    expect(named.length).to.be.greaterThan(20);
    const missing = named.filter((path) => !BUILT.test(path) && !existsSync(`${ROOT}${path}`));
    expect(missing).to.deep.equal([]);
  });
});
