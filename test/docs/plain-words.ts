/**
 * Sentences that a reader must read twice, as far as a program finds them: pronouns for a person whom no
 * noun names, and clauses with "who" or "what" in place of a noun.
 */
import { ownFiles, type Prose } from './prose.js';

/** It has sentences that are not plain, to show that they are found. */
const EXAMPLES = 'test/docs/words.test.ts';

/** The files that are searched. */
export function searched(): string[] {
  return ownFiles('.md', '.proto', '.ts').filter((file) => file !== EXAMPLES);
}

/** One place that is to be rewritten. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly word: string;
  readonly sentence: string;
}

/** Every finding in a text. */
export function findings({ file, line, text }: Prose): Finding[] {
  return sentences(text).flatMap(({ start, sentence }) => {
    const found = [...pronouns(sentence), ...openers(sentence)];
    return found.map(({ index, word }) => ({
      file,
      line: line + text.slice(0, start + index).split('\n').length - 1,
      word,
      sentence: sentence.replace(/\s+/g, ' ').trim(),
    }));
  });
}

interface Word {
  readonly index: number;
  readonly word: string;
}

function pronouns(sentence: string): Word[] {
  return [...sentence.matchAll(/\b(he|him|his|himself)\b/gi)].map(({ index, 0: word }) => ({
    index,
    word,
  }));
}

/** "What is left is sent.": a question ends with a question mark and is no finding. */
function openers(sentence: string): Word[] {
  const match = /^\s*(Who|What|Whoever|Whatever)\b.*\.\s*$/s.exec(sentence);
  return match?.[1] ? [{ index: sentence.indexOf(match[1]), word: match[1] }] : [];
}

/** A sentence ends where a blank line, or a mark and a blank, follows. */
function sentences(text: string): { start: number; sentence: string }[] {
  return [...text.matchAll(/(?:[^.!?\n]|[.!?](?!\s|$)|\n(?!\s*\n))+[.!?]*/g)].map(
    ({ index, 0: sentence }) => ({ start: index, sentence }),
  );
}
