/** `kelpie token`: the credentials of a network, and their tokens. */
import { Command } from 'commander';
import { RotateCredentialResponse } from '../../../gen/ts/kelpie/v1/access_service.js';
import { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import type { Api } from '../../api/index.js';
import { ask, command, type Common, askAny } from '../command.js';
import { age } from '../input/arguments.js';
import { confirmed } from '../kick.js';
import { print, table, warn } from '../output/output.js';
import { printRecord } from '../output/records.js';
import { createCommand } from './create.js';
import { credentialNamed } from './named.js';
import { ownCommand } from './own.js';
import { credentialRow, credentialTitles, shownCredential } from './shown.js';
import { handOut, type TokenOutput, withTokenOutput } from './token-output.js';

interface RevokeOptions extends Common {
  readonly yes?: boolean;
}

interface RotateOptions extends Common, TokenOutput {
  readonly overlap?: number;
}

const WHICH = '\nA credential is its id, or its name if no other credential has the name.';

export function tokenCommand(): Command {
  const group = new Command('token')
    .description('make, list, rotate and revoke credentials; their tokens let nodes and people in')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nThe first token is made on the machine of the coordinator: kelpied token create.',
    );
  group.addCommand(listCommand(), { isDefault: true });
  for (const one of [
    createCommand(),
    showCommand(),
    rotateCommand(),
    revokeCommand(),
    ownCommand(),
  ])
    group.addCommand(one);
  return group;
}

function listCommand(): Command {
  return command('list', 'list the credentials of the network; tokens are not shown').action(
    (options: Common) => askAny(options, (api) => list(api, options)),
  );
}

async function list(api: Api, { output }: Common): Promise<void> {
  const found: Credential[] = [];
  for (let pageToken = ''; ;) {
    const page = await api.messages.access.list({ pageSize: 1000, pageToken });
    found.push(...page.credentials);
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  if (output !== 'table') {
    for (const one of found) printRecord(output, 'Credential', Credential.toJSON(one));
  } else if (found.length === 0) print('There is no credential: kelpie token create makes one.');
  else
    print(
      table(
        credentialTitles,
        found.map((one) => credentialRow(one)),
      ),
    );
}

function showCommand(): Command {
  return command('show <credential>', 'show a credential and its rights')
    .addHelpText('after', WHICH)
    .action((named: string, options: Common) =>
      ask(options, async (api) => {
        const found = await credentialNamed(api, named);
        if (options.output === 'table') print(shownCredential(found));
        else printRecord(options.output, 'Credential', Credential.toJSON(found));
      }),
    );
}

function rotateCommand(): Command {
  return withTokenOutput(
    command(
      'rotate <credential>',
      'make a new token for a credential; the old one goes on a while',
    ),
  )
    .option(
      '--overlap <time>',
      'how long the old tokens go on: 0s, 24h, at most 30d (default: 24h)',
      age,
    )
    .addHelpText('after', WHICH)
    .action((named: string, options: RotateOptions) =>
      ask(options, async (api) => {
        const { id } = await credentialNamed(api, named);
        await handOut(
          options,
          async () => {
            const { overlap: overlapMs } = options;
            const answer = await api.messages.access.rotate(id, {
              ...(overlapMs !== undefined && { overlapMs }),
            });
            const record = RotateCredentialResponse.toJSON(answer) as object;
            return { ...answer, kind: 'RotateCredentialResponse', record };
          },
          true,
        );
      }),
    );
}

function revokeCommand(): Command {
  return command('revoke <credential>', 'revoke a credential for ever; its sessions end within 5 s')
    .option('-y, --yes', 'do not ask whether to revoke your own credential')
    .addHelpText('after', WHICH)
    .action((named: string, options: RevokeOptions) =>
      ask(options, async (api) => {
        const { id, name } = await credentialNamed(api, named);
        if (!(await mayRevoke(api, id, name, options))) return;
        const revoked = await api.messages.access.revoke(id);
        if (options.output === 'table') print(`Revoked ${revoked.name} (${revoked.id}).`);
        else printRecord(options.output, 'Credential', Credential.toJSON(revoked));
      }),
    );
}

/** Scripts are not asked. */
async function mayRevoke(
  api: Api,
  id: string,
  name: string,
  { yes }: RevokeOptions,
): Promise<boolean> {
  if (yes || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const { credential } = await api.access.own();
  if (credential?.id !== id) return true;
  const question = `${name} is your own credential: afterwards you get in no more. Revoke it?`;
  if (await confirmed(question, process.stdin, process.stderr)) return true;
  warn('nothing was revoked');
  return false;
}
