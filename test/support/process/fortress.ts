/** A kelpied with TLS and credentials under abuse, and a neighbour that must not notice the abuse. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Api, apiAt, type CredentialRequest } from '../../../client/api/index.js';
import { connect, type KelpieClient } from '../../../client/index.js';
import { TestCa } from '../certificates.js';
import { until } from '../until.js';
import { dataFolder } from './data-folder.js';
import { type Kelpied, startKelpied } from './kelpied.js';

export class Fortress {
  readonly kelpied: Kelpied;
  readonly ca: string;
  /** Calls of an operator, from the address of most abuse. */
  readonly operator: Api;
  readonly #neighbour: KelpieClient;
  readonly #statuses: string[] = [];
  readonly #heard: string[] = [];

  private constructor(kelpied: Kelpied, ca: string, operator: string, neighbour: string) {
    this.kelpied = kelpied;
    this.ca = ca;
    this.operator = apiAt(kelpied.endpoint, { ca, token: operator });
    this.#neighbour = connect({
      ...{ name: 'neighbour', role: 'SERVICE', endpoints: kelpied.endpoint, ca, token: neighbour },
    });
    this.#neighbour.subscribe('>', ({ topic }) => void this.#heard.push(topic));
  }

  static async start(): Promise<Fortress> {
    const ca = await TestCa.make();
    const { certificate, key } = await ca.server();
    const folder = dataFolder();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    const tls = ['--tls-cert', file('cert.pem', certificate), '--tls-key', file('key.pem', key)];
    const kelpied = await startKelpied([...tls, '--drain-seconds', '0', '--grace-seconds', '2']);
    const open = apiAt(kelpied.endpoint, { ca: ca.certificate });
    // From the first credential on kelpied asks everybody for one.
    const operator = await open.access.create('operator', { preset: 'OPERATOR' });
    open.close();
    const api = apiAt(kelpied.endpoint, { ca: ca.certificate, token: operator.token });
    const { token } = await api.access.create('neighbour', { preset: 'SERVICE' });
    api.close();
    const fortress = new Fortress(kelpied, ca.certificate, operator.token, token);
    await fortress.#watch();
    return fortress;
  }

  /** The port of kelpied. */
  get port(): number {
    return this.kelpied.port;
  }

  async tokenOf(name: string, request: CredentialRequest): Promise<{ id: string; token: string }> {
    const { credential, token } = await this.operator.access.create(name, request);
    return { id: credential.id, token };
  }

  /** Whether a line of the log has all these parts. */
  logged(...parts: string[]): boolean {
    const lines = this.kelpied.errors().split('\n');
    return lines.some((line) => parts.every((part) => line.includes(part)));
  }

  /** The topics of all events since the last call, as the neighbour heard them. */
  async heard(): Promise<string[]> {
    await this.#neighbour.publish('marker', '');
    await until(() => this.#heard.includes('marker'));
    return this.#heard.splice(0).filter((topic) => topic !== 'marker');
  }

  /** The neighbour has its first session still, hears its own events, and nothing else. */
  async unharmed(): Promise<void> {
    expect(await this.heard()).to.deep.equal([]);
    expect(this.#statuses).to.deep.equal(['connecting', 'connected']);
    expect(this.kelpied.process.exitCode).to.equal(null);
  }

  async stop(): Promise<void> {
    await this.#neighbour.close();
    this.operator.close();
    expect(await this.kelpied.stop()).to.equal(0);
  }

  async #watch(): Promise<void> {
    const statuses = this.#neighbour.status();
    void (async () => {
      for await (const { type } of statuses) this.#statuses.push(type);
    })();
    await this.#neighbour.ready();
  }
}
