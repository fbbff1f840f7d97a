/** The errors that keep peers out. Each has one text, so nobody learns from it why a credential is not good. */
import { KelpieError } from '../core/errors.js';

export function credentialRequired(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_REQUIRED',
    'the coordinator asks for a credential; show a token, or a client certificate that has one',
  );
}

export function joinTokenShown(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_REQUIRED',
    'the token is a join token, which is good for Join alone; join with it, and show the token of the node itself',
  );
}

export function credentialInvalid(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_INVALID',
    'the credential is not good here; ask an operator for a new token',
  );
}

export function credentialExpired(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_EXPIRED',
    'the credential has expired; an operator makes a new one: kelpie token create',
  );
}

export function certificateExpired(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_EXPIRED',
    'the client certificate has expired; connect with a new one',
  );
}

/** The credential is good, and has a newer token. */
export function tokenExpired(): KelpieError {
  return new KelpieError(
    'CREDENTIAL_EXPIRED',
    'the token has expired, since a rotation replaced it; show the newer token of the credential',
  );
}

export function credentialRevoked(): KelpieError {
  return new KelpieError('CREDENTIAL_REVOKED', 'an operator revoked the credential');
}

export function credentialNotFound(id: string): KelpieError {
  return new KelpieError('CREDENTIAL_NOT_FOUND', 'the network has no credential with this id', {
    id,
  });
}
