import { connect, type KelpieClient, type ReceivedEvent } from '../../client/index.js';
import { History } from './history.js';

/** Collects the events of nodes and players that the coordinator sends to a client of the director. */
export class Watch {
  /** `Ana joined gate-1`, `Ana is on bedwars`, `Ana left: KICKED`, `survival left: STOPPED` … */
  readonly news = new History<string>();
  readonly statuses = new History<string>();
  readonly #kelpie: KelpieClient;

  constructor(endpoint: string, secret: { readonly ca: string; readonly tokenFile: string }) {
    const roster = { players: true };
    this.#kelpie = connect({
      name: 'watch',
      role: 'SERVICE',
      endpoints: endpoint,
      ...secret,
      roster,
    });
    const take = (event: ReceivedEvent): void => this.news.add(newsOf(event));
    this.#kelpie.subscribe('nodes.*', take);
    this.#kelpie.subscribe('players.*', take);
    void this.#follow();
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#kelpie.status()) this.statuses.add(type);
  }

  ready(): Promise<void> {
    return this.#kelpie.ready();
  }

  /** Resolves when this news has come since the mark. */
  async hears(line: string, since: number): Promise<void> {
    await this.news.waitFor(`the news "${line}"`, (one) => one === line, { since });
  }

  /** The leaves that came since the mark, with their reasons, sorted by name. */
  leavesSince(mark: number): string[] {
    return this.news
      .since(mark)
      .filter((line) => line.includes(' left: '))
      .sort();
  }

  /** The most players that were on the server at once since the mark, by the history of events. */
  mostOn(server: string, mark: number): number {
    const present = new Set<string>();
    let most = 0;
    for (const [index, line] of this.news.since(0).entries()) {
      const [, name = '', place] = /^(\S+) (?:is on (\S*)|left: .*)$/.exec(line) ?? [];
      if (place === server) present.add(name);
      else present.delete(name);
      if (index >= mark) most = Math.max(most, present.size);
    }
    return most;
  }

  /** Resolves when the roster has these players at these places. Each is `Ana by gate-1 on bedwars`. */
  async sees(places: readonly string[]): Promise<void> {
    const isSo = (): boolean => this.#has(places);
    if (isSo()) return;
    await this.news.waitFor(`the roster to have ${places.join('; ')}`, isSo, {
      since: this.news.mark,
    });
  }

  #has(places: readonly string[]): boolean {
    const { roster } = this.#kelpie;
    if (roster.playerCount() !== places.length) return false;
    return places.every((place) => {
      const [name = ''] = place.split(' ');
      const player = roster.player({ name });
      return player && `${name} by ${player.proxy} on ${player.server}` === place;
    });
  }

  /** Resolves when the roster has these nodes as READY. */
  async hasNodes(names: readonly string[]): Promise<void> {
    const isSo = (): boolean =>
      names.every((name) => this.#kelpie.roster.node(name)?.state === 'READY');
    if (isSo()) return;
    await this.news.waitFor(`the roster to have ${names.join(', ')}`, isSo, {
      since: this.news.mark,
    });
  }

  close(): Promise<void> {
    return this.#kelpie.close();
  }
}

function newsOf({ topic, body }: ReceivedEvent): string {
  const node = topic.slice('nodes.'.length);
  switch (body?.kind) {
    case 'nodeLeft':
      return `${node} left: ${body.reason}`;
    case 'playerJoined':
      return `${body.player.name} joined ${body.player.proxy}`;
    case 'playerMoved':
      return `${body.player.name} is on ${body.player.server}`;
    case 'playerLeft':
      return `${body.player.name} left: ${body.reason}`;
    default:
      return `${body?.kind} ${topic}`;
  }
}
