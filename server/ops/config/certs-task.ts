/** The command line of `kelpied certs`. */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';

/** Certificates to make. */
export interface CertsTask {
  /** The folder; undefined: `tls` in the data directory. */
  readonly out?: string;
  /** The names and addresses of the coordinator. */
  readonly hosts: readonly string[];
  readonly days: number;
  /** Make a certificate for this client, and none for the coordinator. */
  readonly client?: string;
  readonly force: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Without --client it makes the certificate of kelpied. The CA signs all of them, and is made once.

  kelpied certs kelpie.example.org 203.0.113.7
  kelpied certs --force                       renew it, for the same names and with the same CA
  kelpied certs --client lobby-1              a certificate for a client, for --tls-client-ca

--data <directory>, before or after the command, names the data directory (default: data).

Exit codes: 0 fine, 1 the files are there already or cannot be written, 2 wrong usage.`;

export function addCertsCommand(program: Command, onTask: (task: CertsTask) => void): void {
  program
    .command('certs')
    .argument('[hosts...]', 'the names and IP addresses by which clients reach kelpied', host, [])
    .description('make a CA and a certificate for TLS')
    .option('--out <directory>', 'where the files go, instead of tls in the data directory')
    .option('--days <days>', 'how long the certificate counts', days, 365)
    .option('--client <name>', 'make a certificate for the client of this name', client)
    .option('--force', 'replace a certificate that is there; the CA stays', false)
    .option('--json', 'for programs', false)
    .addHelpText('after', EXAMPLES)
    .action((hosts: readonly string[], options: Omit<CertsTask, 'hosts'>, command: Command) => {
      if (options.client !== undefined && hosts.length > 0)
        command.error(
          'error: hosts are in the certificate of kelpied; leave them out, or --client',
        );
      onTask({ ...options, hosts });
    });
}

function host(text: string, before: readonly string[]): readonly string[] {
  if (isHost(text)) return [...before, text];
  throw new InvalidArgumentError('It must be a name or an IP address, without a port.');
}

/** Whether a certificate can name this host. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || (text.length <= 253 && /^(\*\.)?[A-Za-z0-9.-]+$/.test(text));
}

function days(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 3650) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 3650.');
}

/** It is a part of the names of files too. */
function client(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 63 letters, digits, ".", "_" and "-".');
}
