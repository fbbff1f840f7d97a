/** The dependencies of the clients in other languages, and of their tests: each has a line that says why. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Document } from '../docs/document.js';
import { ROOT } from '../docs/prose.js';

/** The files of the repository whose path a pattern fits. */
function files(pattern: RegExp): string[] {
  const all = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' });
  return all.split('\n').filter((path) => pattern.test(path));
}

const text = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

/** The captures of a pattern in the files of another one, without our own names. */
function found(paths: RegExp, pattern: RegExp): string[] {
  const names = files(paths).flatMap((path) =>
    [...text(path).matchAll(pattern)].map(([, name = '']) => name),
  );
  return names.filter((name) => !name.includes('kelpie'));
}

describe('dependencies in other languages', () => {
  const cells = new Document('ARCHITECTURE.md').table('dependency').map(([first = '']) => first);
  const explained = cells
    .flatMap((cell) => cell.replaceAll(/\(.*?\)/g, '').split(','))
    .map((name) => name.trim());

  it('of Go each have a line that says why', () => {
    const used = found(/(^|\/)go\.mod$/, /^(?:require )?\t?((?:\w+\.)+\w+\/\S+) v\S+$/gm);
    expect(used.length).to.be.above(3);
    const missing = used.filter(
      (path) => !explained.includes(path) && !explained.includes(path.split('/').at(-1) ?? ''),
    );
    expect(missing).to.deep.equal([]);
  });

  it('of Java each have a line that says why', () => {
    const pattern = /<dependency>(?:(?!<\/dependency>).)*?<artifactId>(.*?)<\/artifactId>/gs;
    const used = found(/(^|\/)pom\.xml$/, pattern).filter((name) => !name.endsWith('-bom'));
    expect(used.length).to.be.above(3);
    expect(used.filter((name) => !explained.includes(name))).to.deep.equal([]);
  });

  it('of Python each have a line that says why', () => {
    const needed = /"([\w-]+)(?:==|>=)[\w.,<]+"/g;
    const used = found(/^client\/python\/pyproject\.toml$/, needed);
    expect(used).to.include('grpcio');
    expect(used.filter((name) => !explained.includes(name))).to.deep.equal([]);
  });
});
