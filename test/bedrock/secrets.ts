/** The certificates and the tokens of the demo, made by the commands of an operator. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runKelpie } from '../support/process/cli.js';
import { runKelpied } from '../support/process/kelpied.js';

/** The name of the operator. */
const OPERATOR = 'alice';

/** The CA and the token of one process, as options of a client. */
interface Secret {
  readonly ca: string;
  readonly tokenFile: string;
}

export class Secrets {
  readonly #folder: string;
  readonly #endpoint: string;
  readonly #journal: readonly string[];
  /** The join tokens of proxies and of servers. */
  #gates = '';
  #servers = '';

  /** `journal`: the flags of kelpied that name its journal. Default: its files, in the folder. */
  constructor(folder: string, endpoint: string, journal: readonly string[] = []) {
    this.#folder = folder;
    this.#endpoint = endpoint;
    this.#journal = [...journal, '--data', this.#file('data')];
  }

  /** The flags of a coordinator that name its journal and its files. */
  get flags(): string[] {
    const [certificate, key] = [this.#file('tls/server.pem'), this.#file('tls/server-key.pem')];
    return [...this.#journal, '--tls-cert', certificate, '--tls-key', key];
  }

  of(name: string): Secret {
    return { ca: this.#file('tls/ca.pem'), tokenFile: this.#file(`${name}.token`) };
  }

  get operator(): Secret {
    return this.of(OPERATOR);
  }

  /** The variables of a process, as a container gets them. A node joins with a join token. */
  variables(name: string): NodeJS.ProcessEnv {
    const { ca, tokenFile } = this.of(name);
    const joinToken = name.startsWith('gate-') ? this.#gates : this.#servers;
    return { KELPIE_CA: ca, KELPIE_TOKEN_FILE: tokenFile, KELPIE_JOIN_TOKEN: joinToken };
  }

  /** Makes a certificate and the first operator, on the machine of the coordinator. */
  async prepare(): Promise<void> {
    await kelpied('certs', '127.0.0.1', '--out', this.#file('tls'));
    const file = ['--token-file', this.operator.tokenFile];
    await kelpied('token', 'create', OPERATOR, ...this.#journal, ...file);
  }

  /** Makes the tokens by which servers and proxies join, and a token of the director's own client. */
  async invite(servers: readonly string[], proxies: readonly string[]): Promise<void> {
    this.#servers = await this.#join('servers', 'server', servers);
    this.#gates = await this.#join('gates', 'proxy', proxies);
    const { tokenFile } = this.of('watch');
    await this.kelpie('token', 'create', 'watch', '--preset', 'service', '--token-file', tokenFile);
  }

  async #join(name: string, preset: string, nodes: readonly string[]): Promise<string> {
    const names = nodes.flatMap((node) => ['--node', node]);
    const terms = ['--join', '--uses', String(nodes.length), '--ttl', '1h', '--quiet'];
    const printed = await this.kelpie(
      'token',
      'create',
      name,
      '--preset',
      preset,
      ...names,
      ...terms,
    );
    return printed.trim();
  }

  /** Runs the program kelpie, as the operator does. Resolves with its output. */
  async kelpie(...args: string[]): Promise<string> {
    const { code, output, errors } = await runKelpie(
      args,
      this.#endpoint,
      this.variables(OPERATOR),
    );
    assert.equal(code, 0, errors);
    return output;
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

async function kelpied(...args: string[]): Promise<string> {
  const { code, output, errors } = await runKelpied(args, { KELPIE_JOURNAL: undefined });
  assert.equal(code, 0, errors);
  return output;
}
