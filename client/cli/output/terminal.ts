/** The two streams that the program writes to. Nothing else writes to them, so all that it shows is printable. */
import { printable } from './printable.js';
import { cutToWidth } from './width.js';

/** Each text is a line, whatever is in it. */
export function writeOut(lines: readonly string[]): void {
  process.stdout.write(shown(lines));
}

/** The same on stderr. */
export function writeError(lines: readonly string[]): void {
  process.stderr.write(shown(lines));
}

/** Begins a screen that `redraw` fills. */
export function clearScreen(): void {
  process.stdout.write('\u001b[2J');
}

/** Over what stands there, without a flicker. A line that wrapped would move all below it. */
export function redraw(lines: readonly string[]): void {
  const width = process.stdout.columns || 80;
  const drawn = lines.map((line) => `${cutToWidth(printable(line), width)}\u001b[K\n`);
  process.stdout.write(`\u001b[H${drawn.join('')}\u001b[J`);
}

/**
 * Ends the program when what it prints is not taken any more. A reader that has gone, as in
 * `kelpie tail … | head -1`, is no error; anything else, such as a full disk, is one. If stderr
 * fails nothing can be said, and the program goes on.
 */
export function endWithOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
    writeError([`kelpie: what it prints cannot be written: ${message}`]);
    process.exit(1);
  });
  process.stderr.on('error', () => undefined);
}

function shown(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('');
}
