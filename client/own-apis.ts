/** The calls of a client: one connection for each coordinator that it has had a session with. */
import { type Api, apiAt } from './api/api.js';
import { KelpieError } from './errors.js';

export class OwnApis {
  readonly #hasEndpoint: boolean;
  /** By endpoint. */
  readonly #apis = new Map<string, Api>();

  constructor(hasEndpoint: boolean) {
    this.#hasEndpoint = hasEndpoint;
  }

  /** Throws UNAVAILABLE for a client that has no endpoint. */
  at(endpoint: string): Api {
    if (!this.#hasEndpoint) {
      const message =
        "a client with a transport of its own has no endpoint; use apiAt('host:port')";
      throw new KelpieError('UNAVAILABLE', message, { permanent: true });
    }
    const api = this.#apis.get(endpoint) ?? apiAt(endpoint);
    this.#apis.set(endpoint, api);
    return api;
  }

  close(): void {
    for (const api of this.#apis.values()) api.close();
    this.#apis.clear();
  }
}
