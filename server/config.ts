/** Every setting of kelpied, once: flag, environment variable, default, meaning. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type CoordinatorOptions, defaultRetention } from './coordinator.js';
import { defaultTimes } from './domain/settings.js';
import { version } from './version.js';

/** What the command line and the environment say. */
interface Settings {
  host: string;
  port: number;
  insecure: boolean;
  retentionEntries: number;
  retentionBytes: number;
  retentionHours: number;
  graceSeconds: number;
  drainSeconds: number;
}

/** Variables of the SDK and the CLI, which may stand in the same environment. */
const FOREIGN = ['KELPIE_ENDPOINTS', 'KELPIE_TOKEN'];

const options = [
  setting('--host <address>', 'address to listen on').default('127.0.0.1'),
  setting('--port <port>', 'port to listen on; 0 takes a free one')
    .argParser(wholeNumber(0, 65_535))
    .default(50_051),
  setting(
    '--insecure [true|false]',
    'allow an address that is not loopback, though nothing is encrypted and nobody is asked who they are',
  )
    .argParser(truth)
    .preset('true')
    .default(false),
  setting('--retention-entries <count>', 'entries of history to keep')
    .argParser(wholeNumber(1, 100_000_000))
    .default(defaultRetention.entries),
  setting('--retention-bytes <bytes>', 'bytes of history to keep')
    .argParser(wholeNumber(1024, 2 ** 40))
    .default(defaultRetention.bytes),
  setting('--retention-hours <hours>', 'hours of history to keep')
    .argParser(wholeNumber(1, 24 * 365))
    .default(defaultRetention.ageMs / 3_600_000),
  setting('--grace-seconds <seconds>', 'how long a lost node is kept before it leaves')
    .argParser(wholeNumber(2, 3600))
    .default(defaultTimes.graceMs / 1000),
  setting('--drain-seconds <seconds>', 'how long nodes have to move on when it stops')
    .argParser(wholeNumber(0, 3600))
    .default(defaultTimes.drainMs / 1000),
];

/** Reads the command line and the environment. Ends the process with a message if they are wrong. */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): CoordinatorOptions {
  const command = new Command('kelpied')
    .description('The coordinator of a Minecraft Bedrock network.')
    .version(version)
    .addHelpText('after', '\nEach option can be set by its variable too; the command line wins.')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  for (const option of options) command.addOption(option);
  refuseUnknownVariables(command, env);
  const settings = command.parse(argv).opts<Settings>();
  if (!settings.insecure && !isLoopback(settings.host)) {
    command.error(
      `error: ${settings.host} is reachable from other machines, and there are no credentials and no TLS yet: ` +
        'anybody could join and publish. Listen on 127.0.0.1, or give --insecure on a network that you trust',
    );
  }
  return toOptions(settings);
}

function toOptions(settings: Settings): CoordinatorOptions {
  const { host, port } = settings;
  return {
    host,
    port,
    retention: {
      entries: settings.retentionEntries,
      bytes: settings.retentionBytes,
      ageMs: settings.retentionHours * 3_600_000,
    },
    times: { graceMs: settings.graceSeconds * 1000, drainMs: settings.drainSeconds * 1000 },
  };
}

function setting(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`KELPIE_${option.name().replaceAll('-', '_').toUpperCase()}`);
}

function refuseUnknownVariables(command: Command, env: NodeJS.ProcessEnv): void {
  const known = [...options.flatMap((option) => option.envVar ?? []), ...FOREIGN];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('KELPIE_') || known.includes(name)) continue;
    command.error(`error: unknown variable ${name}; did you mean ${nearest(name, known)}?`);
  }
}

/** The known name with the fewest letters to change (Levenshtein's distance). */
function nearest(name: string, known: readonly string[]): string {
  const distances = known.map((one) => ({ one, distance: distance(name, one) }));
  return distances.sort((left, right) => left.distance - right.distance)[0]?.one ?? '';
}

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** A flag that is a variable too: KELPIE_INSECURE=true. */
function truth(text: string): boolean {
  if (['true', '1', 'yes'].includes(text)) return true;
  if (['false', '0', 'no', ''].includes(text)) return false;
  throw new InvalidArgumentError('It must be true or false.');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
