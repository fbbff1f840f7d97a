/** Whether a connection is encrypted, and with which certificates. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { text } from '../core/arguments.js';
import { isLoopback } from '../core/loopback.js';
import { KelpieError, messageOf } from '../errors.js';

/**
 * How a client protects its connections. It uses TLS for each coordinator on another machine, and on this machine if
 * `ca`, `cert` or `tls` is given. Each certificate is a text in PEM, or the path of a file, which the client reads
 * again for each connection.
 */
export interface TlsOptions {
  /** The CA of the coordinators. Default: KELPIE_CA, else the CAs that Node.js trusts. */
  readonly ca?: string;
  /** The certificate of this client, for coordinators that demand one. Default: KELPIE_CERT. */
  readonly cert?: string;
  /** The private key of `cert`. Default: KELPIE_KEY. */
  readonly key?: string;
  /** Use TLS on this machine too. Default: false. */
  readonly tls?: boolean;
  /**
   * Send everything in plain text, a token too, also to other machines. Only for networks that you trust. Default:
   * false.
   */
  readonly insecure?: boolean;
}

/** The options and the environment together, checked. */
export interface Protection {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly tls: boolean;
  readonly insecure: boolean;
}

const CERTIFICATE = /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/;

/** Throws VALUE_INVALID for options that contradict each other, and FILE_INVALID. */
export function protectionOf(options: TlsOptions): Protection {
  const { tls = false, insecure = false } = options;
  const given = [options.ca, options.cert, options.key].some((one) => one !== undefined) || tls;
  if (insecure && given) {
    const message = 'insecure means plain text; leave it out, or leave ca, cert, key and tls out';
    throw new KelpieError('VALUE_INVALID', message, { permanent: true });
  }
  const ca = pemOf('ca', options.ca, 'KELPIE_CA');
  const cert = pemOf('cert', options.cert, 'KELPIE_CERT');
  const key = pemOf('key', options.key, 'KELPIE_KEY');
  if ((cert === undefined) !== (key === undefined)) {
    const [has, lacks] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const message = `${has} needs ${lacks}: a client certificate is both`;
    throw new KelpieError('VALUE_INVALID', message, { permanent: true });
  }
  const protection = { ca, cert, key, tls, insecure };
  // A mistake in a file is an error now, and not a connection that never opens.
  if (!insecure) contextOf(protection);
  return protection;
}

/** An empty variable counts as not set. */
function pemOf(field: string, given: string | undefined, variable: string): string | undefined {
  if (given !== undefined) return text(field, given);
  const value = process.env[variable];
  return value === '' ? undefined : value;
}

/** Whether connections to the endpoint are encrypted. */
export function usesTls(endpoint: string, { ca, cert, tls, insecure }: Protection): boolean {
  if (insecure) return false;
  return tls || ca !== undefined || cert !== undefined || !isLoopback(hostOf(endpoint));
}

/** The host of `host:port` or `[host]:port`. */
export function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}

/** The certificates as they are now. Throws FILE_INVALID. */
export function contextOf({ ca, cert, key }: Protection): SecureContext {
  const files = { ca: certificatesIn(ca), cert: certificatesIn(cert), key: contentOf(key) };
  try {
    return createSecureContext({ ...files, minVersion: 'TLSv1.2' });
  } catch (cause) {
    const names = [ca, cert, key].filter((one) => one !== undefined).map(nameOf);
    const message = `the certificates in ${names.join(', ')} cannot be used: ${messageOf(cause)}`;
    throw new KelpieError('FILE_INVALID', message, { cause });
  }
}

/** Node.js takes a file without certificates for a list of none. */
function certificatesIn(pemOrPath: string | undefined): string | undefined {
  const content = contentOf(pemOrPath);
  if (content === undefined || CERTIFICATE.test(content)) return content;
  const message = `${nameOf(pemOrPath ?? '')} has no certificate; give a file in PEM, with -----BEGIN CERTIFICATE-----`;
  throw new KelpieError('FILE_INVALID', message);
}

function contentOf(pemOrPath: string | undefined): string | undefined {
  if (pemOrPath === undefined || isPem(pemOrPath)) return pemOrPath;
  try {
    return readFileSync(pemOrPath, 'utf8');
  } catch (cause) {
    const message = `${pemOrPath} cannot be read: ${messageOf(cause)}`;
    throw new KelpieError('FILE_INVALID', message, { cause });
  }
}

function isPem(pemOrPath: string): boolean {
  return pemOrPath.includes('-----BEGIN ');
}

/** For messages, which never show the text of a key. */
function nameOf(pemOrPath: string): string {
  return isPem(pemOrPath) ? 'a given text' : pemOrPath;
}
