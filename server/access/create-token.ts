/** Credentials that the program around the coordinator makes. */
import { MAIN } from '../core/network-name.js';
import type { Credentials } from './credentials.js';
import { machineOf } from './draft.js';
import type { MachineAct } from './machine-acts.js';
import { requestOf, type TokenOptions } from './token-options.js';

/** Makes a credential as `kelpied token create` does, and returns its token. */
export async function createToken(
  asked: TokenOptions,
  credentials: Credentials,
  onMachine: (act: MachineAct) => void,
): Promise<string> {
  const granter = machineOf(asked.network ?? MAIN);
  const { credential, token } = await credentials.create(requestOf(asked), granter);
  if (credential) onMachine({ action: 'CREATE_CREDENTIAL', credential });
  return token;
}
