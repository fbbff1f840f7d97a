/** The greeting of kelpied, with commands that reach it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { endpointOf, isLoopback } from '../core/address.js';
import { version } from '../core/version.js';
import type { Settings } from './config/settings.js';

export const ASKS = 'closed: every peer shows a credential; kelpied token create makes one';
export const OPEN = 'open: no credentials, everybody who reaches it may do everything';

/** The coordinator that listens. */
interface Listening {
  readonly host: string;
  readonly port: number;
  readonly endpoint: string;
  readonly networks: readonly string[];
  readonly asksForCredentials: boolean;
}

export function greeting(coordinator: Listening, settings: Settings): string {
  const { endpoint, networks, asksForCredentials } = coordinator;
  const journal = {
    file: `journal in ${settings.data}`,
    memory: 'journal in memory',
    redis: 'journal in Redis',
  };
  const named = `${networks.length > 1 ? 'networks' : 'network'} ${networks.join(', ')}`;
  const [first, prefix] = wayTo(coordinator, settings);
  return `kelpied ${version} listens on ${endpoint} (${named}, ${journal[settings.journal]})
${asksForCredentials ? ASKS : OPEN}

Try next, in another terminal:
${first}  ${prefix}npx kelpie nodes                               who is part of the network
  ${prefix}npx kelpie tail 'chat.>'                       follow a topic
  ${prefix}npx kelpie publish chat.global 'hello'         say something on it

Stop with Ctrl+C.
`;
}

/** The command that comes first, and what stands before each other command. */
function wayTo({ host, port, asksForCredentials }: Listening, settings: Settings) {
  const own = hostHere(host);
  const endpoint = endpointOf(own, port);
  const withTls = settings.tlsCert !== 'none';
  const options = [
    ...(withTls ? [`--ca ${caOf(settings)}`] : []),
    ...(settings.tlsClientCa === 'none' ? [] : ['--cert CERT --key KEY']),
    ...(withTls || isLoopback(own) ? [] : ['--insecure']),
    ...(asksForCredentials ? ['--token-file FILE'] : []),
  ].join(' ');
  if (options === '') {
    return ['', endpoint === '127.0.0.1:50051' ? '' : `KELPIE_ENDPOINTS=${endpoint} `];
  }
  const hints = Object.entries(HINTS).filter(([word]) => options.includes(` ${word}`));
  const lines = [`npx kelpie context add main --endpoint ${endpoint} ${options}`]
    .concat(hints.map(([word, hint]) => `  ${word} ${hint}`))
    .map((line) => `  ${line}\n`);
  return [lines.join(''), ''];
}

/** The words in the command that stand for files of the user. */
const HINTS = {
  CA: 'is the CA of the certificate',
  CERT: 'and KEY are a client certificate: kelpied certs --client alice makes one',
  FILE: 'has your token: kelpied token create alice --token-file FILE makes one',
};

/** How this machine reaches a host: a client cannot name all addresses at once. */
function hostHere(host: string): string {
  return { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
}

/** `kelpied certs` puts the CA beside the certificate. */
function caOf({ tlsCert }: Settings): string {
  const beside = join(dirname(tlsCert), 'ca.pem');
  return existsSync(beside) ? beside : 'CA';
}
