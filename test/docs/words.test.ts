import { expect } from 'chai';
import { findings, searched } from './plain-words.js';
import { proseOf } from './prose.js';

describe('the prose of the repository', () => {
  const found = (text: string): string[] =>
    findings({ file: 'a.md', line: 1, text }).map(({ line, word }) => `${line} ${word}`);

  it('has no pronoun for a person whom no noun names, and no clause in place of a noun', () => {
    const files = searched();
    expect(files).to.include.members(['README.md', 'server/main.ts']);
    const places = files
      .flatMap((file) => proseOf(file).flatMap(findings))
      .map(({ file, line, sentence }) => `${file}:${line} ${sentence}`);
    expect(places).to.deep.equal([]);
  }).timeout(60_000);

  it('is searched for them, over the ends of lines', () => {
    expect(found('He reads.\nIt waits for\nhim.')).to.deep.equal(['1 He', '3 him']);
    expect(found('It is sent. What is\nleft is sent.')).to.deep.equal(['1 What']);
    expect(found('A node reads. What does it read? The reader knows who reads.')).to.deep.equal([]);
  });
});
