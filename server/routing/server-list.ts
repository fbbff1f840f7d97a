/** Servers in the order of their names. A list never changes: a change of one server makes another list, cheaply. */
interface Named {
  readonly name: string;
}

export class ServerList<Server extends Named> implements Iterable<Server> {
  readonly inOrder: readonly Server[];

  private constructor(inOrder: readonly Server[]) {
    this.inOrder = inOrder;
  }

  /** The servers, in any order. */
  static of<Server extends Named>(servers: Iterable<Server>): ServerList<Server> {
    return new ServerList([...servers].sort((left, right) => (left.name < right.name ? -1 : 1)));
  }

  [Symbol.iterator](): Iterator<Server> {
    return this.inOrder[Symbol.iterator]();
  }

  get(name: string): Server | undefined {
    const found = this.inOrder[this.#placeOf(name)];
    return found?.name === name ? found : undefined;
  }

  /** The list with this server in place of the one with its name. */
  with(server: Server): ServerList<Server> {
    const present = this.get(server.name) ? 1 : 0;
    return new ServerList(this.inOrder.toSpliced(this.#placeOf(server.name), present, server));
  }

  without(name: string): ServerList<Server> {
    return this.get(name) ? new ServerList(this.inOrder.toSpliced(this.#placeOf(name), 1)) : this;
  }

  /** The index at which the name stands, or belongs. */
  #placeOf(name: string): number {
    let low = 0;
    let high = this.inOrder.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.inOrder[middle]?.name ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
