/** How far long work is, for whoever waits: on a terminal in one line, elsewhere by a line now and then. */

/** As process.stderr is. */
interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
/** Where lines stay there are fewer, and none for short work. */
const LINE_MS = 5000;

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  #toldMs: number;
  #drawn = false;

  /** `now`: monotonic, in ms. */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
    this.#toldMs = screen.isTTY ? -Infinity : now();
  }

  /** May be called as often as one likes: most is left out. */
  tell(text: string): void {
    const { isTTY = false } = this.#screen;
    if (this.#now() - this.#toldMs < (isTTY ? REDRAW_MS : LINE_MS)) return;
    this.#toldMs = this.#now();
    this.#drawn = isTTY;
    this.#screen.write(isTTY ? `\r${text}\u001b[K` : `${text}\n`);
  }

  /** Takes its line off the terminal. */
  end(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[K');
    this.#drawn = false;
  }
}
