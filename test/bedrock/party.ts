import { Bot } from './bots.js';
import { type Gates, PROXIES, type ProxyName, type Server, SERVERS } from './network.js';

/** The players of the demo. */
export class Party {
  readonly #gates: Gates;
  readonly #bots = new Map<string, Bot>();

  constructor(gates: Gates) {
    this.#gates = gates;
  }

  get bots(): Bot[] {
    return [...this.#bots.values()];
  }

  /**
   * Connects all players at once, in turn through the first and the second proxy. They are in the order of the names, not
   * in that of the greetings: the acts pick players by their order, and each run needs the same ones at the same places.
   */
  async join(...names: string[]): Promise<void> {
    const ways = names.map((name, index) => [name, PROXIES[index % PROXIES.length]] as const);
    const bots = ways.map(([name, proxy = PROXIES[0]]) => new Bot(name, proxy, this.#gates));
    await Promise.all(bots.map((bot) => bot.join()));
    for (const bot of bots) this.#bots.set(bot.name, bot);
  }

  async joinBy(proxy: ProxyName, name: string): Promise<Bot> {
    const bot = new Bot(name, proxy, this.#gates);
    await bot.join();
    this.#bots.set(name, bot);
    return bot;
  }

  /** Connects the players again, each through the same proxy as before. */
  async rejoin(bots: readonly Bot[]): Promise<void> {
    for (const bot of bots) bot.leave();
    await Promise.all(bots.map((bot) => bot.join()));
  }

  /** Connects a player that must be refused. Resolves with the message of the refusal. */
  async refusal(proxy: ProxyName, name: string): Promise<string> {
    const bot = new Bot(name, proxy, this.#gates);
    const message = await bot.refusal();
    bot.leave();
    return message;
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

  by(proxy: ProxyName): Bot[] {
    return this.bots.filter((bot) => bot.proxy === proxy);
  }

  /** A player on a server, connected through this proxy if one is given. */
  one(server: Server, proxy?: ProxyName): Bot {
    const bot = this.on(server).find((one) => proxy === undefined || one.proxy === proxy);
    if (!bot) throw new Error(`nobody is on ${server}`);
    return bot;
  }

  /** The places of all players according to the bots: `Ana by gate-1 on bedwars`. */
  places(): string[] {
    return this.bots.map(({ name, proxy, server }) => `${name} by ${proxy} on ${server}`).sort();
  }

  counts(): string {
    const counts = SERVERS.map((server) => `${this.on(server).length} on ${server}`);
    return [...counts, ...PROXIES.map((proxy) => `${this.by(proxy).length} by ${proxy}`)].join(
      ', ',
    );
  }
}
