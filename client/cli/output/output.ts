/** The output of commands for people: lines, tables and errors. */
import { type Node, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { fromThrown } from '../../errors.js';
import { printable } from './printable.js';
import { type Line, type Styled, writeError, writeOut } from './terminal.js';
import { padToWidth, widthOf } from './width.js';

/** The command was given something that it cannot be given. */
export class UsageError extends Error {}

export type Cell = string | Styled;

/** The lines of a table with its columns aligned, without rules. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[];
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): Line[];
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): Line[] {
  const shown = [head, ...rows].map((row) => row.map(printableCell));
  const widths = head.map(() => 0);
  for (const row of shown) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(textOf(cell)));
    });
  }
  return shown.map((cells) => lineOf(cells, widths));
}

function lineOf(cells: readonly Cell[], widths: readonly number[]): Line {
  const last = cells.length - 1;
  const pieces = cells.flatMap((cell, column): Cell[] => {
    const text = textOf(cell);
    const gap = padToWidth(text, widths[column] ?? 0).slice(text.length);
    return column === last ? [cell] : [cell, `${gap}  `];
  });
  const plain = pieces.every((piece) => typeof piece === 'string');
  return plain ? pieces.join('').trimEnd() : pieces;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function printableCell(cell: Cell): Cell {
  return typeof cell === 'string' ? printable(cell) : { ...cell, text: printable(cell.text) };
}

/** The state of a node, in the colour of its urgency: `READY`, `DRAINING (drained)`. */
export function stateCell({ state, drained }: Pick<Node, 'state' | 'drained'>): Styled {
  const text = nameOf(NodeState, state) + (drained ? ' (drained)' : '');
  if (state === NodeState.READY) return { text, style: 'green' };
  return { text, style: state === NodeState.UNREACHABLE ? 'red' : 'yellow' };
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

/** Prints a line, or lines. A text with a line feed in it is one line all the same, which shows it. */
export function print(text: string | readonly Line[]): void {
  writeOut(typeof text === 'string' ? [text] : text);
}

/** Reports on stderr what went wrong. */
export function warn(text: string): void {
  writeError([[{ text: 'kelpie:', style: 'red' }, ` ${text}`]]);
}

/** Seconds are enough for people: `2026-11-25T02:35:22Z`. */
export function shownTime(time: Date | undefined): string {
  return time?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-';
}

/** `1 player`, `2 players`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The message of an error and its reason, for people. */
export function explain(thrown: unknown): string {
  if (thrown instanceof UsageError) return thrown.message;
  const { reason, message } = fromThrown(thrown);
  return reason === 'UNAVAILABLE' ? message : `${message} (${reason})`;
}

/** The name of an enum's number. A newer coordinator may send one that this program does not have. */
export function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? String(number);
}
