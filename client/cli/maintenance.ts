/** `kelpie maintenance`: who may log in. */
import { Command } from 'commander';
import { GetSettingsResponse } from '../../gen/ts/kelpie/v1/network_service.js';
import { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { Api, CallOptions, SettingsChange } from '../api/index.js';
import { folded } from '../core/name.js';
import { fromThrown, KelpieError } from '../errors.js';
import { ask, command, type Common, askAny } from './command.js';
import { names } from './input/arguments.js';
import { counted, print, table } from './output/output.js';
import { printRecord } from './output/records.js';

interface OnOptions extends Common {
  readonly message?: string;
  readonly allow: string[];
}

const WHO =
  '\nA player is an id, an XUID, a UUID, or a name in any case; a name with spaces goes in quotes.' +
  '\nA name lets in every account that has it, also a new one of that name: an id is safer.';

/** How often another writer may change the settings first. */
const ATTEMPTS = 5;

export function maintenanceCommand(): Command {
  const group = new Command('maintenance')
    .description('let only some players log in; those who are online stay')
    .enablePositionalOptions()
    .addHelpText('after', `${WHO}\nWithout a command it shows whether maintenance is on.`);
  group.addCommand(showCommand(), { isDefault: true });
  for (const one of [onCommand(), offCommand(), allowCommand(), disallowCommand()])
    group.addCommand(one);
  return group;
}

function showCommand(): Command {
  return command('show', 'show whether maintenance is on, and who may log in').action(
    (options: Common) => askAny(options, (api) => show(api, options)),
  );
}

function onCommand(): Command {
  return command('on', 'begin maintenance')
    .option('--message <text>', 'what other players see; the last one, unless it is given')
    .option('--allow <who...>', 'players who log in all the same, beside those before', names, [])
    .addHelpText('after', WHO)
    .action((options: OnOptions) =>
      change(options, (before) => ({
        maintenance: true,
        maintenanceMessage: options.message ?? before.maintenanceMessage,
        allowedPlayers: [...before.allowedPlayers, ...options.allow],
      })),
    );
}

function offCommand(): Command {
  return command('off', 'end maintenance; message and allowed players are kept').action(
    (options: Common) => change(options, (before) => ({ ...before, maintenance: false })),
  );
}

function allowCommand(): Command {
  return command('allow <who...>', 'let players log in during maintenance')
    .addHelpText('after', WHO)
    .action((who: string[], options: Common) =>
      change(options, (before) => ({
        ...before,
        allowedPlayers: [...before.allowedPlayers, ...who],
      })),
    );
}

function disallowCommand(): Command {
  return command('disallow <who...>', 'let players log in no more during maintenance').action(
    (who: string[], options: Common) =>
      change(options, (before) => ({
        ...before,
        allowedPlayers: without(before.allowedPlayers, who),
      })),
  );
}

/** Throws PLAYER_NOT_FOUND for a player who is not among them. */
function without(players: readonly string[], removed: readonly string[]): string[] {
  const forms = new Set(removed.map(folded));
  const unknown = removed.find((one) => !players.some((other) => folded(other) === folded(one)));
  if (unknown === undefined) return players.filter((one) => !forms.has(folded(one)));
  const message = `"${unknown}" is not among the allowed players; kelpie maintenance lists them`;
  throw new KelpieError('PLAYER_NOT_FOUND', message);
}

/** The settings. A coordinator of an older version does not have the call, and nobody set any. */
export async function settingsOf(api: Api, options?: CallOptions): Promise<NetworkSettings> {
  try {
    return (await api.network.settings(options)).settings;
  } catch (thrown) {
    if (fromThrown(thrown).reason === 'NOT_A_COORDINATOR') return NetworkSettings.create();
    throw thrown;
  }
}

/** Changes the settings as they are now, and shows them. */
function change(
  options: Common,
  changed: (before: NetworkSettings) => SettingsChange,
): Promise<void> {
  return ask(options, async (api) => {
    for (let attempt = 1; ; attempt++) {
      const { settings, sequence: expectedSequence } = await api.network.settings();
      try {
        await api.network.setSettings(changed(settings), { expectedSequence });
        break;
      } catch (thrown) {
        const { reason } = fromThrown(thrown);
        if (reason !== 'SEQUENCE_CONFLICT' || attempt === ATTEMPTS) throw thrown;
      }
    }
    await show(api, options);
  });
}

async function show(api: Api, { output }: Common): Promise<void> {
  const answer = await api.messages.network.settings();
  if (output === 'table') showSettings(answer.settings ?? NetworkSettings.create());
  else printRecord(output, 'GetSettingsResponse', GetSettingsResponse.toJSON(answer));
}

function showSettings({ maintenance, maintenanceMessage, allowedPlayers }: NetworkSettings): void {
  const message = maintenanceMessage === '' ? '(the default text)' : maintenanceMessage;
  const allowed = counted(allowedPlayers.length, 'player');
  print(
    table(
      ['maintenance', maintenance ? 'on' : 'off'],
      [
        ['message', message],
        ['allowed', allowed],
      ],
    ),
  );
  if (allowedPlayers.length > 0)
    print([
      '',
      ...table(
        ['ALLOWED'],
        allowedPlayers.map((one) => [one]),
      ),
    ]);
}
