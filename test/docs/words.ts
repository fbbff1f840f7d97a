/** Lists what is to be rewritten: all of it, or that of the files whose paths begin with an argument. */
import { findings, searched } from './plain-words.js';
import { proseOf } from './prose.js';

const wanted = process.argv.slice(2);
const files = searched().filter(
  (file) => wanted.length === 0 || wanted.some((start) => file.startsWith(start)),
);
const found = files.flatMap((file) => proseOf(file).flatMap(findings));
for (const { file, line, word, sentence } of found) {
  console.log(`${file}:${line}  ${word}:  ${sentence}`);
}
console.log(`${found.length} sentences to rewrite in ${files.length} files`);
