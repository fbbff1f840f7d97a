import { Bot } from './bots.js';
import type { Server } from './network.js';

/** The players that are about. */
export class Party {
  readonly #proxyPort: number;
  readonly #bots = new Map<string, Bot>();

  constructor(proxyPort: number) {
    this.#proxyPort = proxyPort;
  }

  get bots(): Bot[] {
    return [...this.#bots.values()];
  }

  /** Through the proxy, all at once; old ones come back in. */
  join(...names: string[]): Promise<Bot[]> {
    return Promise.all(names.map((name) => this.joinServer(name, this.#proxyPort)));
  }

  /** To whatever listens there. */
  async joinServer(name: string, port: number): Promise<Bot> {
    const bot = this.#bots.get(name) ?? new Bot(name);
    this.#bots.set(name, bot);
    await bot.join(port);
    return bot;
  }

  /** Closes every connection and opens a new one, through the proxy. */
  async rejoin(): Promise<void> {
    for (const bot of this.bots) bot.leave();
    await this.join(...this.#bots.keys());
  }

  leave(...bots: Bot[]): void {
    for (const bot of bots) {
      bot.leave();
      this.#bots.delete(bot.name);
    }
  }

  on(server: Server): Bot[] {
    return this.bots.filter((bot) => bot.server === server);
  }

  one(server: Server): Bot {
    const [bot] = this.on(server);
    if (!bot) throw new Error(`nobody is on ${server}`);
    return bot;
  }

  places(): string {
    const names = (server: Server) =>
      this.on(server)
        .map((bot) => bot.name)
        .join(' ');
    return `north: ${names('north')}; south: ${names('south')}`;
  }
}
