/** What the commands print: tables for people, one JSON object a line for programs. */
import { fromThrown } from '../../errors.js';
import { printable } from './printable.js';
import { writeError, writeOut } from './terminal.js';
import { padToWidth, widthOf } from './width.js';

/** The command was given something that it cannot be given. */
export class UsageError extends Error {}

/** The lines of a table with its columns aligned, without rules. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map(() => 0);
  for (const row of shown) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => padToWidth(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return shown.map(line);
}

/** `3 d 4 h`, `12 min 5 s`, `0 s`: the two largest units. */
export function duration(seconds: number): string {
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ') || '0 s';
}

/** `512 B`, `4.2 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ''}`;
}

/** A line, or lines: a text with a line feed in it is one line all the same, which shows it. */
export function print(text: string | readonly string[]): void {
  writeOut(typeof text === 'string' ? [text] : text);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Says on stderr what went wrong. */
export function warn(text: string): void {
  writeError([`kelpie: ${text}`]);
}

/** Seconds are enough for people: `2026-11-25T02:35:22Z`. */
export function shownTime(time: Date | undefined): string {
  return time?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-';
}

/** `1 player`, `2 players`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What went wrong, and its reason, for people. */
export function explain(thrown: unknown): string {
  if (thrown instanceof UsageError) return thrown.message;
  const { reason, message } = fromThrown(thrown);
  return reason === 'UNAVAILABLE' ? message : `${message} (${reason})`;
}

/** The name of an enum's number; a newer coordinator may send one that is not known here. */
export function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? String(number);
}
