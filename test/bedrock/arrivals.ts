/** The players who are about to come to a server by a transfer, and the context of each. */
import { once } from 'node:events';
import { EventEmitter } from 'node:events';

interface Arrival {
  readonly transferId: string;
  /** The words with which the server greets the player. */
  readonly greeting: string;
  here: boolean;
}

export class Arrivals {
  readonly #byId = new Map<string, Arrival>();
  readonly #came = new EventEmitter<Record<string, []>>();

  /** A player is about to come. The context of the transfer is the greeting. */
  expect(id: string, transferId: string, context: Uint8Array): void {
    const greeting = new TextDecoder().decode(context);
    this.#byId.set(id, { transferId, greeting, here: false });
  }

  /** A player has come. Returns the greeting if they came by a transfer. */
  came(id: string): string | undefined {
    const arrival = this.#byId.get(id);
    if (!arrival) return undefined;
    arrival.here = true;
    this.#came.emit(id);
    return arrival.greeting;
  }

  /** Resolves when the player has come. Rejects when the signal aborts. */
  async confirm(id: string, signal: AbortSignal): Promise<void> {
    if (this.#byId.get(id)?.here) return;
    await once(this.#came, id, { signal });
  }

  /** A transfer has ended. */
  end(id: string, transferId: string): void {
    if (this.#byId.get(id)?.transferId === transferId) this.#byId.delete(id);
  }
}
