/** The details of acts in words, for people. Values and contexts show their size alone. */
import type { CreateCredentialRequest } from '../../gen/ts/kelpie/v1/access_service.js';
import { CredentialPreset } from '../../gen/ts/kelpie/v1/access.js';
import type { CommandTarget, Display } from '../../gen/ts/kelpie/v1/command.js';
import { Content } from '../../gen/ts/kelpie/v1/event.js';
import { type NodeChange, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import type { PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerTarget } from '../../gen/ts/kelpie/v1/player_service.js';
import type { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { PutValueRequest } from '../../gen/ts/kelpie/v1/state_service.js';
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import { msOf, type WireDuration } from '../core/duration.js';
import type { Act } from './act.js';

/** The parts that are not empty. */
export function inWords(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}

/** The players of a request. A name or a place stands in the detail too: the targets become the ids of the players. */
export function ofPlayers(
  target: PlayerTarget | undefined,
  ...more: readonly string[]
): Pick<Act, 'targets' | 'detail'> {
  const place = target?.place;
  switch (place?.$case) {
    case 'player':
      return ofPlayer(place.value, more);
    case 'server':
    case 'proxy':
      return named(place.value, inWords(`all on ${place.$case} ${place.value}`, ...more));
    case 'servers':
      return { detail: inWords(`all on servers ${labelsInWords(place.value.labels)}`, ...more) };
    case 'everyone':
      return { detail: inWords('everyone', ...more) };
    default:
      return { detail: inWords(...more) };
  }
}

function ofPlayer({ by }: PlayerLookup, more: readonly string[]): Pick<Act, 'targets' | 'detail'> {
  const who = by?.value ?? '';
  return named(who, inWords(by?.$case === 'name' ? `player ${who}` : '', ...more));
}

function named(target: string, detail = ''): Pick<Act, 'targets' | 'detail'> {
  return { targets: [target], detail };
}

/** The nodes that a command names; none where it selects them. */
export function nodesOf(target: CommandTarget | undefined): readonly string[] {
  const place = target?.place;
  switch (place?.$case) {
    case 'node':
    case 'playerProxy':
    case 'playerServer':
      return [place.value];
    case 'nodes':
      return place.value.names;
    default:
      return [];
  }
}

export function destinationInWords(destination: TransferDestination | undefined): string {
  const place = destination?.place;
  switch (place?.$case) {
    case 'server':
      return `to server ${place.value}`;
    case 'servers': {
      const { names = [], labels = {} } = place.value.servers ?? {};
      return `to one of the servers ${[...names, labelsInWords(labels)].join(', ')}`.trim();
    }
    case 'proxy': {
      const { name, server } = place.value;
      const proxy = name === '' ? 'to another proxy' : `to proxy ${name}`;
      return server === '' ? proxy : `${proxy}, server ${server}`;
    }
    case 'routed':
      return 'to the server of the routing rules';
    default:
      return '';
  }
}

export function displayInWords(display: Display | undefined): string {
  const form = display?.form;
  if (!form) return '';
  if (typeof form.value === 'string') return form.value;
  const texts = Object.values(form.value).filter((text) => typeof text === 'string');
  return inWords(...texts);
}

export function drainInWords(perSecond: number, deadline: WireDuration | undefined): string {
  const rate = perSecond > 0 ? `${perSecond} players a second` : '';
  return inWords(rate, deadline ? `at most ${secondsOf(deadline)} s` : '');
}

export function changeInWords({
  state,
  maxPlayers,
  motd,
  address,
  publicAddress,
  ...change
}: NodeChange): string {
  return inWords(
    labelsInWords(change.labels),
    ...change.removedLabels.map((name) => `without ${name}`),
    state === NodeState.UNSPECIFIED ? '' : `state ${nameOf(NodeState, state)}`,
    maxPlayers === undefined ? '' : `places ${maxPlayers}`,
    motd === undefined ? '' : `motd ${motd}`,
    address ? `address ${address.host}:${address.port}` : '',
    publicAddress ? `public address ${publicAddress.host}:${publicAddress.port}` : '',
    ...change.addedCommands.map((name) => `with command ${name}`),
    ...change.removedCommands.map((name) => `without command ${name}`),
  );
}

function labelsInWords(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

export function valueInWords({ content, owner, ttl }: PutValueRequest): string {
  const bytes = content ? Content.encode(content).finish().length : 0;
  const size = `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return inWords(
    size,
    owner === '' ? '' : `ends with ${owner}`,
    ttl ? `for ${secondsOf(ttl)} s` : '',
  );
}

export function rulesInWords(table: RoutingTable | undefined): string {
  const names = table?.rules.map(({ name }) => name) ?? [];
  return names.length === 0 ? 'no rules' : `rules ${names.join(', ')}`;
}

export function settingsInWords(settings: NetworkSettings | undefined): string {
  const { maintenance = false, maintenanceMessage = '', allowedPlayers = [] } = settings ?? {};
  const allowed = allowedPlayers.length === 0 ? '' : `allowed ${allowedPlayers.join(', ')}`;
  return inWords(`maintenance ${maintenance ? 'on' : 'off'}`, maintenanceMessage, allowed);
}

export function credentialInWords({ name, preset, ttl, join }: CreateCredentialRequest): string {
  return inWords(
    join ? `join token for ${join.uses} uses, ${name}` : name,
    preset === CredentialPreset.UNSPECIFIED ? '' : `preset ${nameOf(CredentialPreset, preset)}`,
    ttl ? `for ${secondsOf(ttl)} s` : '',
  );
}

/** The name of an enum's number in the contract. A caller may send any number. */
function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? String(number);
}

function secondsOf(duration: WireDuration): number {
  return Math.round(msOf(duration) / 1000);
}
