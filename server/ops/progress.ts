/** Shows the progress of long work: on a terminal in one changing line, elsewhere with a new line now and then. */

/** The part of process.stderr that the progress needs. */
interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
/** The time between lines if the output is not a terminal. Short work prints none. */
const LINE_MS = 5000;

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  #shownMs: number;
  #drawn = false;

  /** `now`: monotonic, in ms. */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
    this.#shownMs = screen.isTTY ? -Infinity : now();
  }

  /** Shows the text, unless the last one was shown too short a time ago. */
  tell(text: string): void {
    const { isTTY = false } = this.#screen;
    if (this.#now() - this.#shownMs < (isTTY ? REDRAW_MS : LINE_MS)) return;
    this.#shownMs = this.#now();
    this.#drawn = isTTY;
    this.#screen.write(isTTY ? `\r${text}\u001b[K` : `${text}\n`);
  }

  /** Clears the line on the terminal. */
  end(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[K');
    this.#drawn = false;
  }
}
