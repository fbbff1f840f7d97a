import assert from 'node:assert/strict';
import type { Bot } from './bots.js';

const PAUSE_MS = 100;

/** Players who say numbered lines without a pause, each on a server of their own. */
export class Talk {
  readonly #speakers: readonly Bot[];
  readonly #timer: NodeJS.Timeout;
  #lines = 0;

  constructor(...speakers: readonly Bot[]) {
    this.#speakers = speakers;
    this.#timer = setInterval(() => this.#speak(), PAUSE_MS);
  }

  #speak(): void {
    // A story that ends early disconnects the bots.
    if (!this.#speakers.every((bot) => bot.here)) return clearInterval(this.#timer);
    this.#lines += 1;
    for (const bot of this.#speakers) bot.say(line(bot, this.#lines));
  }

  /** How many lines each of them has said. */
  get lines(): number {
    return this.#lines;
  }

  /** Resolves when each has seen the first line of the others. */
  async flows(): Promise<void> {
    await this.#seen(this.#speakers, 1);
  }

  /** Ends the talk. Resolves when all listeners have seen every line of each speaker, once and in order. */
  async endsWhole(listeners: readonly Bot[]): Promise<void> {
    clearInterval(this.#timer);
    await this.isWhole(listeners);
  }

  /** Resolves when all listeners have seen every line that was said until now, once and in order. */
  async isWhole(listeners: readonly Bot[]): Promise<void> {
    const lines = this.#lines;
    await this.#seen(listeners, lines);
    for (const listener of listeners) {
      for (const speaker of this.#speakers) {
        const sent = Array.from({ length: lines }, (_, index) => line(speaker, index + 1));
        const all = listener.texts().filter((text) => text.startsWith(line(speaker, '')));
        const later = all.findIndex((text) => text === line(speaker, lines + 1));
        const seen = later < 0 ? all : all.slice(0, later);
        assert.deepEqual(seen, sent, `the lines of ${speaker.name} that ${listener.name} saw`);
      }
    }
  }

  async #seen(listeners: readonly Bot[], lines: number): Promise<void> {
    const last = this.#speakers.map((bot) => line(bot, lines));
    const waits = listeners.flatMap((listener) =>
      last.map((words) => listener.waitForText(({ message }) => message === words)),
    );
    await Promise.all(waits);
  }
}

function line(speaker: Bot, number: number | ''): string {
  return `${speaker.name}'s line ${number}`;
}
