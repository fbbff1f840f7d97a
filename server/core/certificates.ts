/** The certificates of a coordinator: reads and checks them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

/** TLS of a coordinator. Each value is a text in PEM or the path of a file with such a text. */
export interface TlsOptions {
  /** The certificate of the coordinator, with the certificates between it and its CA, if there are some. */
  readonly certificate: string;
  /** The private key of the certificate. */
  readonly key: string;
  /** With it, each peer must show a certificate of this CA. */
  readonly clientCa?: string | undefined;
}

/** Certificates that fit together, as the TLS library takes them. */
export interface Certificates {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** For people and programs: which certificate it is, and when it is valid. */
  readonly serial: string;
  readonly startsAtMs: number;
  readonly expiresAtMs: number;
}

/** Rejects with a RangeError that says which of them is wrong, and why. */
export async function readCertificates(options: TlsOptions): Promise<Certificates> {
  const { certificate, key, clientCa } = options;
  const cert = await pemOf(certificate, 'the certificate');
  const keyText = await pemOf(key, 'the key of the certificate');
  const ca = clientCa === undefined ? undefined : await pemOf(clientCa, 'the CA of clients');
  const own = certificateOf(cert, `the certificate${from(certificate)}`);
  if (!own.checkPrivateKey(keyOf(keyText, key))) {
    const message = `the key${from(key)} does not belong to the certificate${from(certificate)}`;
    throw new RangeError(message);
  }
  if (ca !== undefined) certificateOf(ca, `the CA of clients${from(clientCa)}`);
  checkAccepted(cert, keyText, from(certificate));
  const { serialNumber: serial, validFrom, validTo } = own;
  const [startsAtMs, expiresAtMs] = [Date.parse(validFrom), Date.parse(validTo)];
  return { cert, key: keyText, ca, serial, startsAtMs, expiresAtMs };
}

/** The text itself, or that of the file. Throws a RangeError. */
export async function pemOf(pemOrPath: string, what: string): Promise<string> {
  if (isPem(pemOrPath)) return pemOrPath;
  try {
    return await readFile(pemOrPath, 'utf8');
  } catch (error) {
    const message = `${what} cannot be read: ${(error as Error).message}`;
    throw new RangeError(message, { cause: error });
  }
}

export function isPem(pemOrPath: string): boolean {
  return pemOrPath.includes('-----BEGIN ');
}

/** For messages: the file, but never the text of a key. */
function from(pemOrPath = ''): string {
  return isPem(pemOrPath) ? '' : ` in ${pemOrPath}`;
}

/** The first certificate of a text. The others must be whole too: somebody may be about to write them. */
function certificateOf(text: string, what: string): X509Certificate {
  try {
    const [, ...others] = text.split(/(?=-----BEGIN CERTIFICATE-----)/);
    for (const other of others) new X509Certificate(other);
    return new X509Certificate(text);
  } catch (error) {
    const message = `${what} is no certificate in PEM, or one of its certificates is not whole`;
    throw new RangeError(message, { cause: error });
  }
}

/** Later the TLS library would refuse them in each handshake, and report that to nobody. */
function checkAccepted(cert: string, key: string, place: string): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const message = `the TLS library refuses the certificate${place}: ${(error as Error).message}`;
    throw new RangeError(message, { cause: error });
  }
}

function keyOf(text: string, pemOrPath: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const what = `the key${from(pemOrPath)} is no private key in PEM without a password`;
    throw new RangeError(what, { cause: error });
  }
}
