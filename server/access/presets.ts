/** Rights that fit most networks. */
import { CredentialPreset, Rights, Verb } from '../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { formNames } from '../commands/forms.js';
import { outOfRange } from '../core/errors.js';
import { CUSTOM_COMMANDS, verbNames } from './rights.js';

const READ = ['>', 'nodes.>', 'players.>', 'state.>', 'routing', 'kelpie.settings'];
const PUBLISH = ['>', 'inbox.*', 'state.>'];
const ANY_NODE = ['*'];

/** The rights of every process of a network: it publishes and reads, and issues custom commands. */
const node = {
  publishTopics: PUBLISH,
  readTopics: READ,
  commands: [CUSTOM_COMMANDS],
  commandTargets: ANY_NODE,
};

/** The rights of each preset. A preset without `nodeNames` names the node of the credential. */
const presets: Readonly<Record<number, Partial<Rights>>> = {
  [CredentialPreset.UNSPECIFIED]: { nodeNames: [] },
  [CredentialPreset.PROXY]: {
    ...node,
    roles: [NodeRole.PROXY],
    verbs: [Verb.HOLD_PLAYERS, Verb.SHOW_MESSAGE, Verb.KICK, Verb.TRANSFER, Verb.RESERVE],
  },
  [CredentialPreset.SERVER]: {
    ...node,
    roles: [NodeRole.DOWNSTREAM],
    verbs: [Verb.SHOW_MESSAGE, Verb.TRANSFER, Verb.RESERVE],
  },
  [CredentialPreset.SERVICE]: {
    ...node,
    roles: [NodeRole.SERVICE],
    verbs: [Verb.SHOW_MESSAGE, Verb.KICK, Verb.TRANSFER, Verb.RESERVE, Verb.UPDATE_PLAYERS],
  },
  [CredentialPreset.OPERATOR]: {
    ...node,
    nodeNames: ANY_NODE,
    roles: [NodeRole.PROXY, NodeRole.DOWNSTREAM, NodeRole.SERVICE],
    readTopics: [...READ, 'kelpie.audit'],
    commands: [CUSTOM_COMMANDS, ...formNames],
    verbs: verbNames.map((name) => Verb[name]),
  },
  [CredentialPreset.READ_ONLY]: { nodeNames: [], readTopics: READ },
};

/**
 * The rights of a new credential: those of the preset, and the given ones beside them. A given list of node names,
 * roles or command targets replaces the preset's. Throws OUT_OF_RANGE for an unknown preset.
 */
export function rightsFor(preset: CredentialPreset, given: Rights, name: string): Rights {
  const known = presets[preset];
  if (!known) throw outOfRange('preset', CredentialPreset.READ_ONLY, 'the preset is unknown');
  const ready = Rights.fromPartial({ nodeNames: [name], ...known });
  return {
    nodeNames: instead(given.nodeNames, ready.nodeNames),
    roles: instead(given.roles, ready.roles),
    publishTopics: both(ready.publishTopics, given.publishTopics),
    readTopics: both(ready.readTopics, given.readTopics),
    commands: both(ready.commands, given.commands),
    commandTargets: instead(given.commandTargets, ready.commandTargets),
    verbs: both(ready.verbs, given.verbs),
  };
}

function instead<Item>(given: readonly Item[], ready: readonly Item[]): Item[] {
  return [...(given.length > 0 ? given : ready)];
}

function both<Item>(ready: readonly Item[], given: readonly Item[]): Item[] {
  return [...new Set([...ready, ...given])];
}
