/** The command line of `kelpied token`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type PresetName, presetNames } from '../../access/token-options.js';

/** A task on the credentials of a data directory. */
export type TokenTask = Common &
  (
    | ({ readonly action: 'create' } & CreateTask)
    | { readonly action: 'list' }
    | { readonly action: 'show' | 'revoke'; readonly which: string }
    | { readonly action: 'rotate'; readonly which: string; readonly overlapMs: number }
  );

interface Common {
  readonly network: string;
  readonly json: boolean;
  /** The file that gets a new token; else the token is printed. */
  readonly tokenFile?: string;
}

/** A credential to make. */
export interface CreateTask {
  readonly name: string | undefined;
  readonly preset: PresetName;
  readonly node: string[];
  readonly ttl?: number;
  readonly certificate?: string;
  readonly join?: true;
  readonly uses: number;
  readonly joinedTtl?: number;
}

/** How long older tokens go on if no time is given. */
const OVERLAP_MS = 86_400_000;

const TOKEN_FILE = 'write the token into a file, which you alone can read';

const EXAMPLES = `
kelpied may run meanwhile: it takes a change within a second. kelpie token does the same from
afar, for operators, and grants single rights too.

  kelpied token create alice --token-file alice.token     an operator, who may do everything
  kelpied token create proxy-1 --preset proxy             a proxy of that name
  kelpied token create lobbies --preset server --node 'lobby-*' --join --uses 20 --ttl 7d

Exit codes: 0 fine, 1 the credentials cannot be read or changed, 2 wrong usage.`;

const WHERE = `
--data <directory>, before or after the command, names the data directory of kelpied (default: data).
With --journal redis it is the Redis that --redis names. Settings of kelpie.yaml and of the environment count too.`;

const WHICH =
  '\nA credential is its id, or its name if no other credential of the network has the name.';

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export function addTokenCommand(program: Command, onTask: (task: TokenTask) => void): void {
  const token = program
    .command('token')
    .description('make, list, show, rotate or revoke credentials on the machine of kelpied')
    .addHelpText('after', `${WHERE}\n${EXAMPLES}`);
  const add = (words: string, description: string): Command =>
    token
      .command(words)
      .description(description)
      .addHelpText('after', words.includes('<') ? WHERE + WHICH : WHERE)
      .option('--network <name>', 'the network of the credential', 'main')
      .option('--json', 'for programs', false);
  create(add('create [name]', 'make a credential, and print its token once'), onTask);
  add('list', 'list the credentials').action((common: Common) =>
    onTask({ ...common, action: 'list' }),
  );
  add('show <credential>', 'show a credential').action((which: string, common: Common) =>
    onTask({ ...common, action: 'show', which }),
  );
  add('revoke <credential>', 'revoke a credential: what it opened ends within 5 s').action(
    (which: string, common: Common) => onTask({ ...common, action: 'revoke', which }),
  );
  add('rotate <credential>', 'make a new token, and print it once')
    .option('--token-file <file>', TOKEN_FILE)
    .option('--overlap <time>', 'how long the older tokens go on: 0s, 12h (default: 24h)', time)
    .action((which: string, { overlap, ...common }: Common & { overlap?: number }) =>
      onTask({ ...common, action: 'rotate', which, overlapMs: overlap ?? OVERLAP_MS }),
    );
}

function create(command: Command, onTask: (task: TokenTask) => void): void {
  command
    .addOption(
      new Option('--preset <preset>', 'its rights; an operator may do everything')
        .choices(presetNames)
        .default('operator'),
    )
    .option('--node <pattern>', 'it may be these nodes: lobby-*; may be repeated', repeated, [])
    .option('--ttl <time>', 'it expires after this time: 12h, 30d (default: never)', time)
    .option('--certificate <name>', 'peers must also show a certificate with this common name')
    .option('--join', 'make a join token: each use makes a credential for one node')
    .option('--uses <count>', 'of a join token: how many nodes may join', count, 1)
    .option('--joined-ttl <time>', 'of a join token: how long the nodes may stay', time)
    .option('--token-file <file>', TOKEN_FILE)
    .action((name: string | undefined, options: Common & Omit<CreateTask, 'name'>) =>
      onTask({ ...options, action: 'create', name }),
    );
}

function time(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (digits !== '') return Number(digits) * (UNITS_MS[unit] ?? 0);
  throw new InvalidArgumentError('It must be a time: 30s, 10m, 12h, 30d.');
}

function count(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

function repeated(text: string, before: string[]): string[] {
  return [...before, text];
}
