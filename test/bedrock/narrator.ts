const inColour = process.stdout.isTTY && !process.env['NO_COLOR'];

function paint(code: number, text: string): string {
  return inColour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

const bold = (text: string) => paint(1, text);
const red = (text: string) => paint(31, text);
const green = (text: string) => paint(32, text);
const dim = (text: string) => paint(2, text);

/** Prints the story, and counts which of its claims were true. */
export class Narrator {
  readonly #startMs = performance.now();
  #acts = 0;
  #passed = 0;
  #failed = 0;
  /** The claim that failed and the reason, as they were printed. */
  #failure = '';

  title(text: string, subtitle: string): void {
    console.log(`\n${bold(text)}\n${dim(subtitle)}`);
  }

  act(text: string): void {
    this.#acts += 1;
    console.log(`\n${bold(`Act ${this.#acts}. ${text}`)}`);
  }

  /** Prints an action of the director. */
  does(text: string): void {
    this.#line(dim('·'), text);
  }

  /**
   * Prints a claim when its check has passed. The check may return a measured value to print. The first check that fails
   * ends the story by a rejection.
   */
  async expect<T>(
    claim: string,
    fact: () => T | Promise<T>,
    detail: (value: T) => string = () => '',
  ): Promise<T> {
    try {
      const value = await fact();
      this.#passed += 1;
      const measured = detail(value);
      this.#line(green('✓'), claim + (measured && dim(` (${measured})`)));
      return value;
    } catch (error) {
      this.#fail(`${claim}\n            ${red(reason(error))}`);
      throw error;
    }
  }

  /** Prints an error that no claim covers. */
  fails(error: unknown): void {
    if (this.#failed === 0) this.#fail(red(reason(error)));
  }

  lastWords(name: string, lines: string[]): void {
    console.log(`\n${bold(name)} ${dim(lines.length === 0 ? 'printed nothing' : 'printed last:')}`);
    for (const line of lines) console.log(`  ${line}`);
  }

  /** Prints the counts. Repeats what failed: the last words of the processes are long, and a reader may see only the end. */
  summary(): void {
    if (this.#failed > 0) {
      console.log('');
      this.#line(red('✗'), this.#failure);
    }
    const counts = `${this.#passed} passed, ${this.#failed} failed`;
    const seconds = dim(`in ${this.#seconds()} s`);
    console.log(`\n${this.#failed === 0 ? green(counts) : red(counts)} ${seconds}`);
  }

  #fail(text: string): void {
    this.#failed += 1;
    this.#failure = text;
    this.#line(red('✗'), text);
  }

  #line(mark: string, text: string): void {
    console.log(`${dim(`${this.#seconds().padStart(6)} s`)}  ${mark} ${text}`);
  }

  #seconds(): string {
    return ((performance.now() - this.#startMs) / 1000).toFixed(1);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
