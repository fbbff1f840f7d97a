/** The credential that a person means: by its id, or by a name that only one credential has. */
import type { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import type { Api } from '../../api/index.js';
import { fromThrown, KelpieError } from '../../errors.js';
import { UsageError } from '../output/output.js';

const ID = /^[0-9a-f]{12}$/;

/** Throws CREDENTIAL_NOT_FOUND, or a UsageError that lists the ids of the credentials with this name. */
export async function credentialNamed(api: Api, named: string): Promise<Credential> {
  const byId = ID.test(named) ? await credentialOf(api, named) : undefined;
  if (byId) return byId;
  const found: Credential[] = [];
  for await (const one of api.access.all()) {
    if (one.name.toLowerCase() === named.toLowerCase())
      found.push(await api.messages.access.get(one.id));
  }
  const [only, ...others] = found;
  if (!only) {
    const message = `no credential has the id or the name "${named}"; kelpie token list shows them`;
    throw new KelpieError('CREDENTIAL_NOT_FOUND', message, { permanent: true });
  }
  if (others.length === 0) return only;
  const ids = found.map(({ id }) => id).join(', ');
  throw new UsageError(
    `${found.length} credentials have the name "${named}"; name one by its id: ${ids}`,
  );
}

async function credentialOf(api: Api, id: string): Promise<Credential | undefined> {
  try {
    return await api.messages.access.get(id);
  } catch (thrown) {
    if (fromThrown(thrown).reason === 'CREDENTIAL_NOT_FOUND') return undefined;
    throw thrown;
  }
}
