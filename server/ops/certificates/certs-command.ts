/** `kelpied certs`: makes a CA and certificates in a folder that one user reads. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { type CertsTask, isHost } from '../config/certs-task.js';
import { aligned } from '../config/print.js';
import { isLoopback } from '../../core/address.js';
import { printable } from '../../core/printable.js';
import { asOwner } from '../as-owner.js';
import { hostsIn, type Issued, issueCa, issueClient, issueServer, type Validity } from './issue.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const CA_DAYS = 3650;
/** A client whose clock is behind takes a new certificate too. */
const BEFORE_MS = 60 * 60 * 1000;
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/** Runs the task and prints its outcome. Resolves with the exit code: 0, or 1 for an error. */
export async function runCertsTask(task: CertsTask, data: string, nowMs: number): Promise<number> {
  const folder = task.out ?? join(data, 'tls');
  try {
    const made = await asOwner(folder, () => make(task, data, folder, nowMs));
    const text = task.json
      ? `${JSON.stringify({ directory: resolve(folder), ...made })}\n`
      : textOf(folder, made, data);
    process.stdout.write(text.split('\n').map(printable).join('\n'));
    return 0;
  } catch (error) {
    process.stderr.write(`kelpied: ${printable((error as Error).message)}\n`);
    return 1;
  }
}

/** The files that a client or kelpied needs. */
interface Made {
  readonly ca: string;
  readonly caIsNew: boolean;
  readonly certificate: string;
  readonly key: string;
  readonly expires: string;
  /** The hosts of the certificate of kelpied. */
  readonly hosts?: readonly string[];
  /** The hosts of the certificate before it, which are not in this one. */
  readonly hostsGone?: readonly string[];
  readonly client?: string;
}

async function make(task: CertsTask, data: string, folder: string, nowMs: number): Promise<Made> {
  const name = task.client === undefined ? 'server' : `client-${task.client}`;
  const [certificate, key] = filesOf(folder, name);
  if (existsSync(certificate) && !task.force) {
    throw new Error(`${certificate} is there already; ${toReplace(task, data, certificate)}`);
  }
  const [caFile, caKeyFile] = filesOf(folder, 'ca');
  const caIsNew = !existsSync(caFile);
  const ca = caIsNew ? await issueCa('Kelpie CA', from(nowMs, CA_DAYS)) : stored(caFile, caKeyFile);
  const validity = within(ca, from(nowMs, task.days));
  const { issued, subject } = await issue(task, certificate, ca, validity);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  if (caIsNew) store(folder, 'ca', ca);
  store(folder, name, issued);
  const expires = validity.notAfter.toISOString();
  return { ca: caFile, caIsNew, certificate, key, expires, ...subject };
}

/** The new certificate, with the client or the hosts that it is for. */
async function issue(task: CertsTask, certificate: string, ca: Issued, validity: Validity) {
  const { client } = task;
  if (client !== undefined) {
    return { issued: await issueClient(ca, client, validity), subject: { client } };
  }
  const before = existsSync(certificate) ? hostsOfFile(certificate) : undefined;
  const hosts = hostsOf(task, certificate, before);
  const hostsGone = before?.filter((one) => !hosts.includes(one)) ?? [];
  return { issued: await issueServer(ca, hosts, validity), subject: { hosts, hostsGone } };
}

function filesOf(folder: string, name: string): [certificate: string, key: string] {
  return [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)];
}

function from(nowMs: number, days: number): Validity {
  return { notBefore: new Date(nowMs - BEFORE_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

/** A certificate does not outlive its CA. */
function within(ca: Issued, { notBefore, notAfter }: Validity): Validity {
  const endMs = Date.parse(new X509Certificate(ca.certificate).validTo);
  return { notBefore, notAfter: new Date(Math.min(notAfter.getTime(), endMs)) };
}

function stored(certificateFile: string, keyFile: string): Issued {
  const ca = {
    certificate: readFileSync(certificateFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  };
  if (new X509Certificate(ca.certificate).ca) return ca;
  throw new Error(
    `${certificateFile} is not the certificate of a CA; move it, or name another --out`,
  );
}

/** The command that makes the certificate again, as the operator can type it. */
function toReplace(task: CertsTask, data: string, certificate: string): string {
  const place = task.out === undefined ? ` --data ${data}` : ` --out ${task.out}`;
  const again = `kelpied certs${place} --force`;
  if (task.client !== undefined) return `${again} --client ${task.client} makes another`;
  if (task.hosts.length === 0) return `${again} renews it, for the same names`;
  const all = new Set([...(hostsOfFile(certificate) ?? []), ...task.hosts]);
  const named = [...all].filter((one) => !LOCAL.includes(one));
  return `for its names and yours: ${again} ${named.join(' ')}`;
}

/** Undefined if the file has no certificate that can be read. */
function hostsOfFile(certificate: string): readonly string[] | undefined {
  try {
    return hostsIn(readFileSync(certificate, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The hosts that the operator names, else those of the certificate that is there, else the name of this machine; and
 * this machine by its own addresses.
 */
function hostsOf(
  { hosts, force, client }: CertsTask,
  certificate: string,
  before: readonly string[] | undefined,
): string[] {
  if (hosts.length === 0 && force && client === undefined && existsSync(certificate) && !before) {
    throw new Error(`${certificate} cannot be read; name the hosts of the new certificate`);
  }
  const own = hosts.length > 0 ? hosts : (before ?? [hostname()].filter(isHost));
  return [...new Set([...own, ...LOCAL])];
}

/** A reader sees the old file or the new one. The key comes first, because the certificate counts. */
function store(folder: string, name: string, { certificate, key }: Issued): void {
  const [certificateFile, keyFile] = filesOf(folder, name);
  for (const [file, text, mode] of [
    [keyFile, key, 0o600],
    // These are no secret, and clients get copies of them.
    [certificateFile, certificate, ['ca', 'server'].includes(name) ? 0o644 : 0o600],
  ] as const) {
    const next = `${file}.new`;
    rmSync(next, { force: true });
    writeFileSync(next, text, { mode, flag: 'wx' });
    renameSync(next, file);
  }
}

function textOf(folder: string, made: Made, data: string): string {
  const { ca, caIsNew, certificate, key, expires, hosts, hostsGone = [], client } = made;
  const until = expires.slice(0, 10);
  const owner = client === undefined ? 'kelpied' : `the client ${client}`;
  const rows = [
    [ca, `the CA${caIsNew ? '' : ', as before'}: copy it to each client`],
    ...(caIsNew ? [[join(folder, 'ca-key.pem'), 'the key of the CA: it stays here']] : []),
    [certificate, `the certificate of ${owner}, until ${until}`],
    [key, client === undefined ? 'its key: it stays here' : 'its key: copy both to this client'],
  ];
  const gone = hostsGone.length > 0 ? ` It is no more for ${hostsGone.join(', ')}.` : '';
  const subject = hosts ? `\nThe certificate is for ${hosts.join(', ')}.${gone}\n` : '';
  const next = nextOf(folder, made, data);
  return `${aligned(rows)}${subject}\nTry next:\n${next.join('\n')}\n`;
}

/** The commands that use the certificate. */
function nextOf(
  folder: string,
  { ca, certificate, key, hosts }: Made,
  data: string,
): [kelpied: string, kelpie: string] {
  if (!hosts) {
    return [
      `  kelpied --data ${data} --tls-cert ${join(folder, 'server.pem')} --tls-key ${join(folder, 'server-key.pem')} --tls-client-ca ${ca}`,
      `  kelpie nodes --endpoint localhost:50051 --ca ${ca} --cert ${certificate} --key ${key}`,
    ];
  }
  // kelpied listens on 127.0.0.1 unless --host names another address of this machine.
  const [first = ''] = hosts;
  const [host, own] =
    isLoopback(first) && !LOCAL.includes(first) ? [` --host ${first}`, first] : ['', 'localhost'];
  return [
    `  kelpied --data ${data}${host} --tls-cert ${certificate} --tls-key ${key}`,
    `  kelpie nodes --endpoint ${own}:50051 --ca ${ca}`,
  ];
}
