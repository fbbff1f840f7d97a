/** The calls of a client: one connection for each coordinator that it has had a session with. */
import { type Api, apiAt } from './api/api.js';
import { KelpieError } from './errors.js';
import type { ConnectOptions } from './options.js';

export class OwnApis {
  readonly #options: ConnectOptions;
  /** By endpoint. */
  readonly #apis = new Map<string, Api>();

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Throws UNAVAILABLE for a client that has no endpoint. */
  at(endpoint: string): Api {
    if (this.#options.transport) {
      const message =
        "a client with a transport of its own has no endpoint; use apiAt('host:port')";
      throw new KelpieError('UNAVAILABLE', message, { permanent: true });
    }
    const api = this.#apis.get(endpoint) ?? apiAt(endpoint, this.#options);
    this.#apis.set(endpoint, api);
    return api;
  }

  close(): void {
    for (const api of this.#apis.values()) api.close();
    this.#apis.clear();
  }
}
