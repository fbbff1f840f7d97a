/** A credential for people. */
import {
  type Credential,
  CredentialPreset,
  Rights,
  Verb,
} from '../../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { inWords } from '../output/rules.js';
import { nameOf, shownTime, table } from '../output/output.js';

export const credentialTitles = ['ID', 'NAME', 'PRESET', 'NODES', 'EXPIRES', 'KIND', 'MADE BY'];

export function credentialRow(credential: Credential): string[] {
  const { id, name, preset, rights, createdBy } = credential;
  return [
    id,
    name,
    preset === '' ? '-' : preset,
    listed(rights?.nodeNames ?? []),
    expiryOf(credential),
    kindOf(credential),
    createdBy,
  ];
}

/** Two columns: each fact, and each right. */
export function shownCredential(credential: Credential): string[] {
  const { id, name, preset, network, createTime, createdBy, joinedBy } = credential;
  const { certificateName, oldTokenExpireTimes } = credential;
  const rights = credential.rights ?? Rights.create();
  const facts: [string, string][] = [
    ['name', name],
    ['network', network],
    ['kind', kindOf(credential)],
    ['preset', preset],
    ['certificate', certificateName],
    ['expires', expiryOf(credential)],
    ['old tokens', oldTokenExpireTimes.map((end) => `until ${shownTime(end)}`).join(', ')],
    ['made', `${shownTime(createTime)} by ${createdBy}`],
    ['joined by', joinedBy],
    ['may be nodes', rights.nodeNames.join(', ')],
    ['in roles', rights.roles.map((one) => inWords(nameOf(NodeRole, one))).join(', ')],
    ['may publish', rights.publishTopics.join(', ')],
    ['may read', rights.readTopics.join(', ')],
    ['may call', rights.commands.join(', ')],
    ['on nodes', rights.commandTargets.join(', ')],
    ['may also', rights.verbs.map((one) => inWords(nameOf(Verb, one))).join(', ')],
  ];
  return table(
    ['id', id],
    facts.filter(([, value]) => value !== ''),
  );
}

/** The presets as options have them. */
export const presets = optionsOf(CredentialPreset);
/** The verbs as options have them. */
export const verbs = optionsOf(Verb);

function optionsOf(table: object): string[] {
  return Object.keys(table)
    .filter((one) => one !== 'UNSPECIFIED')
    .map(inWords);
}

function kindOf({ join, hasToken, certificateName }: Credential): string {
  if (join) return `join token, ${join.uses === 0 ? 'used up' : `${join.uses} left`}`;
  if (certificateName === '') return 'token';
  return hasToken ? 'token and certificate' : 'certificate';
}

function expiryOf({ expireTime }: Credential): string {
  if (!expireTime) return 'never';
  const isOver = expireTime.getTime() <= Date.now();
  return `${isOver ? 'expired ' : ''}${shownTime(expireTime)}`;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '-' : names.join(', ');
}
