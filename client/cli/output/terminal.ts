/** The two streams that the program writes to. Nothing else writes to them, so all that it shows is printable. */
import { styleText } from 'node:util';
import { printable } from './printable.js';
import { cutToWidth } from './width.js';

export type Style = 'green' | 'yellow' | 'red';

/** A text that has a colour where a terminal shows colours. */
export interface Styled {
  readonly text: string;
  readonly style: Style;
}

/** Whether something has been written to stdout: it cannot be taken back. */
export let hasWritten = false;

/** One line of output, whatever its texts contain. */
export type Line = string | readonly (string | Styled)[];

export function writeOut(lines: readonly Line[]): void {
  hasWritten = true;
  process.stdout.write(shown(lines, hasColours(process.stdout)));
}

/** The same on stderr. */
export function writeError(lines: readonly Line[]): void {
  process.stderr.write(shown(lines, hasColours(process.stderr)));
}

/** The part of a terminal that a status needs. */
export type Screen = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & {
  write(text: string): unknown;
};

/** Shows a text in place of the last line of a terminal; an empty text clears the line. Elsewhere it shows nothing. */
export function showStatus(screen: Screen, text: string): void {
  if (!screen.isTTY) return;
  const width = screen.columns || 80;
  screen.write(`\r${cutToWidth(printable(text), width - 1)}\u001b[K`);
}

/** Begins a screen that `redraw` fills. */
export function clearScreen(): void {
  process.stdout.write('\u001b[2J');
}

/** Writes over the screen without a flicker. A line that wrapped would move all lines below it. */
export function redraw(lines: readonly string[]): void {
  const width = process.stdout.columns || 80;
  const drawn = lines.map((line) => `${cutToWidth(printable(line), width)}\u001b[K\n`);
  process.stdout.write(`\u001b[H${drawn.join('')}\u001b[J`);
}

/**
 * Ends the program when nobody takes its output any more. A reader that has gone, as in
 * `kelpie tail … | head -1`, is no error; any other fault, such as a full disk, is one. If stderr
 * fails, the program cannot report it, and goes on.
 */
export function endWithOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
    writeError([`kelpie: the output cannot be written: ${message}`]);
    process.exit(1);
  });
  process.stderr.on('error', () => undefined);
}

/** See no-color.org: any value that is not empty turns colours off. */
function hasColours({ isTTY }: { readonly isTTY: boolean }): boolean {
  return isTTY && !process.env['NO_COLOR'];
}

function shown(lines: readonly Line[], coloured: boolean): string {
  return lines.map((line) => `${lineOf(line, coloured)}\n`).join('');
}

/** Escapes come first, colours after them: no text can bring a colour of its own. */
function lineOf(line: Line, coloured: boolean): string {
  if (typeof line === 'string') return printable(line);
  const pieces = line.map((piece) => {
    if (typeof piece === 'string') return printable(piece);
    const text = printable(piece.text);
    return coloured ? styleText(piece.style, text, { validateStream: false }) : text;
  });
  return pieces.join('');
}
